"""Evidence of decisions: check it without the service, write it out of the service, decide again what was decided.

And of draws: have entries opened, check what was opened without the service, and `wave fairness`. `verify` and
`opening` need nothing but files. The others work on the service that the environment names (docs/architecture.md),
else on the one on this machine.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gelombang.domain.draw_bundle import FAIRNESS
from gelombang.domain.errors import NotFoundError
from local.answering import NOT_RIGHT, STATE, AsJson, CommandError, StateDir, answer, plainly, running
from local.audit_arguments import must_be_evidence, must_be_hash, must_be_keys, must_be_openings
from local.keys import as_operator
from local.waves import wave_app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gelombang.domain.programme import Programme
    from gelombang.journey.ports import Ports
    from gelombang.journey.replay import Again, Replayed
    from gelombang.journey.staff import Staff

audit_app = typer.Typer(no_args_is_help=True, help="Evidence of decisions: docs/audit-spec.md.")
Names = Annotated[list[str] | None, typer.Argument(help="Ids of applications.")]
IsEverything = Annotated[bool, typer.Option("--all", help="Every application there is.")]
Keys = Annotated[
    Path | None, typer.Option(help="The list of keys as published.", exists=True, dir_okay=False)
]
Anchor = Annotated[str | None, typer.Option(help="SHA-256 of the last anchor's file as published.")]


@audit_app.command()
def verify(
    folder: Annotated[
        Path, typer.Argument(help="What `gelombang audit export` wrote.", exists=True, file_okay=False)
    ],
    *,
    keys: Keys = None,
    anchor: Anchor = None,
    as_json: AsJson = False,
) -> None:
    """Check signed decisions, audit chains and anchors, offline; exit 1 and name each fault's place if there is one."""
    from gelombang.audit_verifier import summary, verify_audit  # noqa: PLC0415 - cryptography

    with plainly():
        must_be_evidence(folder)
        must_be_keys(keys)
        must_be_hash("--anchor", anchor)
    found = verify_audit(folder, keys, anchor)
    text = "\n".join(f"FAULT  {each}" for each in found) or f"accepted: {summary(folder)}"
    holds = None if found else _counts_of(folder) | {"told": summary(folder)}
    answer({"accepted": not found, "faults": found, "holds": holds}, text, as_json=as_json)
    if found:
        raise typer.Exit(NOT_RIGHT)


@audit_app.command()
def export(
    *,
    names: Names = None,
    folder: Annotated[Path, typer.Argument(help="A new folder to put it in.", file_okay=False)],
    everything: IsEverything = False,
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Write the evidence of some applications, or of all, for an auditor: no personal data is in it."""
    from gelombang.journey.audit_export import export as files_of  # noqa: PLC0415 - pydantic

    with plainly(), as_operator(state):
        if folder.exists() and any(folder.iterdir()):
            raise CommandError(f"{folder} is not empty: what lies there would be taken for evidence.")
        ports, programme = _service()
        chosen = _chosen(ports, names, everything=everything)
        count = 0
        for name, content in files_of(ports, programme, chosen, has_everything=everything):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            count += 1
        answer({"folder": str(folder), "file_count": count}, f"{count} files in {folder}", as_json=as_json)


@audit_app.command()
def replay(
    names: Names = None, *, everything: IsEverything = False, state: StateDir = STATE, as_json: AsJson = False
) -> None:
    """Decide again from the sealed evidence, with the rules and lists of then; exit 1 unless it is the same."""
    from gelombang.journey.replay import Again  # noqa: PLC0415 - pydantic
    from gelombang.journey.replay import replay as decided_again  # noqa: PLC0415 - as above

    with plainly(), as_operator(state):
        ports, programme = _service()
        chosen = _chosen(ports, names, everything=everything)
        found = {name: decided_again(ports, programme, name) for name in chosen}
    told = [_line(name, each) for name, replayed in found.items() for each in replayed]
    counts = Counter(each.again for replayed in found.values() for each in replayed)
    tally = ", ".join(f"{count} {_words(again)}" for again, count in sorted(counts.items())) or "no decisions"
    document = {name: [asdict(each) for each in replayed] for name, replayed in found.items()}
    answer(document, "\n".join([*told, tally]), as_json=as_json)
    if counts[Again.DIFFERS]:
        raise typer.Exit(NOT_RIGHT)


@audit_app.command("open")
def open_(
    wave_id: Annotated[str, typer.Argument(help="Id of a frozen wave.")],
    file: Annotated[Path, typer.Argument(help="A new file to put the openings in.", dir_okay=False)],
    *,
    entry: Annotated[list[str] | None, typer.Option(help="An entry to open; may be given often.")] = None,
    sample: Annotated[
        tuple[str, int],
        typer.Option(
            metavar="SEED COUNT",
            help="As many as your own seed chooses, told to nobody before the freeze.",
            show_default=False,
        ),
    ] = ("", 0),
    everything: Annotated[bool, typer.Option("--all", help="Every entry of the wave.")] = False,
    token: Annotated[
        str, typer.Option(help="An auditor's; of the service here if not given.", envvar="GELOMBANG_TOKEN")
    ] = "",
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Have entries opened, as an auditor: whose applications they are. That goes on record in each audit chain."""
    from gelombang.journey.openings import Asked, open_entries  # noqa: PLC0415 - pydantic

    with plainly(), as_operator(state):
        if file.exists():
            raise CommandError(f"{file} is there already.")
        asked = Asked(tuple(entry or ()), *sample)
        is_sample = bool(asked.seed) and asked.count > 0
        if [bool(entry), is_sample, everything].count(True) != 1 or is_sample != (sample != ("", 0)):
            raise CommandError("Say --entry, or --sample with a seed and a count from 1, or --all.")
        ports, _ = _service()
        try:
            lines = open_entries(ports, _auditor(ports, token, state), wave_id, asked)
        except NotFoundError as error:
            what = (
                f"no entry {', '.join(error.args)} in wave {wave_id}" if error.args else f"no wave {wave_id}"
            )
            raise CommandError(f"There is {what}.") from None
        opened = -1  # the first line says what was asked for
        with file.open("xb") as written:
            for line in lines:
                written.write(line)
                opened += 1
        answer({"file": str(file), "opened": opened}, f"{opened} entries opened in {file}", as_json=as_json)


@audit_app.command()
def opening(
    bundle: Annotated[
        Path, typer.Argument(help="Folder with the draw's bundle.", exists=True, file_okay=False)
    ],
    openings: Annotated[
        Path, typer.Argument(help="What `gelombang audit open` wrote.", exists=True, dir_okay=False)
    ],
    folder: Annotated[
        Path, typer.Argument(help="What `gelombang audit export` wrote.", exists=True, file_okay=False)
    ],
    *,
    commitment: Annotated[
        str | None, typer.Option(help="SHA-256 of commitment.json as published before the draw.")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(help="The wave's page (JSON), kept since the freeze.", exists=True, dir_okay=False),
    ] = None,
    keys: Keys = None,
    anchor: Anchor = None,
    as_json: AsJson = False,
) -> None:
    """Check opened entries offline: is each one application's that was verified and joined? Exit 1 and name ghosts."""
    from gelombang.audit_verifier import verify_audit  # noqa: PLC0415 - cryptography
    from gelombang.audit_verifier.openings import told_asked, verify_openings  # noqa: PLC0415 - as above

    with plainly():
        must_be_openings(bundle, openings, page)
        must_be_evidence(folder, has_keys=True)
        must_be_keys(keys)
        must_be_hash("--anchor", anchor)
        must_be_hash("--commitment", commitment)
    found = [f"evidence: {each}" for each in verify_audit(folder, keys, anchor)]
    found += verify_openings(bundle, openings, folder, commitment, page)
    asked = None if found else told_asked(openings)
    text = "\n".join(f"FAULT  {each}" for each in found) or f"accepted: {asked}"
    answer({"accepted": not found, "faults": found, "asked": asked}, text, as_json=as_json)
    if found:
        raise typer.Exit(NOT_RIGHT)


@wave_app.command()
def fairness(
    wave_id: Annotated[str, typer.Argument(help="Id of a published wave.")],
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Audit a published draw's fairness and publish fairness.json beside its bundle; exit 1 if there is a sign."""
    from gelombang.drawing.fairness import Verdict  # noqa: PLC0415 - numpy and scipy
    from gelombang.drawing.fairness_words import report_json, report_text  # noqa: PLC0415 - as above
    from gelombang.drawing.wave_fairness import audit_wave  # noqa: PLC0415 - as above
    from gelombang.journey.selection import bundle_files  # noqa: PLC0415 - pydantic

    with plainly(), as_operator(state):
        ports, _ = _service()
        report = audit_wave(ports, wave_id)
        (url,) = (each.url for each in bundle_files(ports, wave_id) if each.name == FAIRNESS)
    text = f"{report_text(report, 'en').rstrip()}\n\nPublished at {url}"
    answer(json.loads(report_json(report)), text, as_json=as_json)
    if report.verdict is Verdict.SIGN:
        raise typer.Exit(NOT_RIGHT)


def _counts_of(folder: Path) -> dict[str, object]:
    """Return what an accepted folder holds; `anchored_until` is null where what was cut off cannot be told."""
    days = sorted(path.stem for path in (folder / "anchors").glob("*"))
    return {
        "chain_count": len(list((folder / "chains").glob("*"))),
        "decision_count": len(list((folder / "bundles").glob("*/*"))),
        "anchored_until": days[-1] if days else None,
    }


def _auditor(ports: Ports, token: str, state: Path) -> Staff:
    from gelombang.journey.staff import staff_of  # noqa: PLC0415 - pydantic

    return staff_of(ports, token or running(state).tokens["auditor"])


def _line(name: str, replayed: Replayed) -> str:
    why = f": {replayed.difference}" if replayed.difference else ""
    return f"{name} entry {replayed.sequence} {replayed.decision}: {_words(replayed.again)}{why}"


def _words(again: Again) -> str:
    return "decided by people" if again == "people" else again


def _service() -> tuple[Ports, Programme]:
    from gelombang.wiring import ports_from_environment, programme_from_environment  # noqa: PLC0415 - boto3

    return ports_from_environment(), programme_from_environment()


def _chosen(ports: Ports, names: list[str] | None, *, everything: bool) -> Iterator[str]:
    """Give the applications that were asked for; all of them are found by reading the table once."""
    from gelombang.domain.application import ApplicationId  # noqa: PLC0415 - pydantic
    from gelombang.journey.applications import audit_of  # noqa: PLC0415 - as above

    if bool(names) is everything:
        raise CommandError("Name applications, or say --all.")
    if unknown := [name for name in names or [] if not audit_of(ports, ApplicationId(name))]:
        raise CommandError(f"There is no application {', '.join(unknown)}.")
    return every_name() if everything else iter(names or [])


def every_name() -> Iterator[str]:
    """Give the id of every application of the service, reading the table once."""
    from gelombang.aws.clients import aws_client  # noqa: PLC0415 - boto3
    from gelombang.aws.rows import DynamoRows  # noqa: PLC0415 - as above
    from gelombang.journey.applications import application_key  # noqa: PLC0415 - pydantic
    from gelombang.settings import read_settings  # noqa: PLC0415 - as above

    prefix = application_key("").partition
    rows = DynamoRows(read_settings(os.environ).table, aws_client("dynamodb")).read_all()
    for row in rows:
        if row.key.partition.startswith(prefix) and row.key.sort == "-":
            yield row.key.partition.removeprefix(prefix)
