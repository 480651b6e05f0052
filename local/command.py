"""Start the service on this machine, play the demo, run waves, verify draws, explain an application.

Answers go to standard output (with --json exactly one JSON document), progress and errors to standard error.
Exit codes: 0 fine; 1 something is not as it should be; 2 the command could not be done.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from contextlib import ExitStack, contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gelombang.drawing.verify import verify_bundle, verify_signatures
from local.answering import (
    NOT_RIGHT,
    STATE,
    AsJson,
    CommandError,
    StateDir,
    answer,
    err,
    out,
    plainly,
    print_json,
    running,
    stop,
)
from local.audit import audit_app
from local.client import ApiProblemError, connect
from local.display import Display
from local.keys import keys_app
from local.lists import lists_app
from local.reviews import reviews_app
from local.rules import rules_app
from local.story import print_story
from local.told_story import told_lines
from local.waves import wave_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from local.client import Caller, Json
    from local.service import Service
    from local.stack import StackRecord

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(wave_app, name="wave")
app.add_typer(keys_app, name="keys")
app.add_typer(audit_app, name="audit")
app.add_typer(reviews_app, name="reviews")
app.add_typer(lists_app, name="lists")
app.add_typer(rules_app, name="rules")

Port = Annotated[int, typer.Option(help="Port of the pages and the API on this machine; 0 for a free one.")]


class Language(StrEnum):
    """A language of the programme's texts."""

    ID = "id"
    EN = "en"


PORT = 8080
TRY_WAVE = "coba"  # stays open for whoever tries the service by hand


@app.command()
def up(port: Port = PORT, state: StateDir = STATE, as_json: AsJson = False) -> None:
    """Start the whole service on this machine, with a wave open to join, until Ctrl-C."""
    from local.service import open_wave, run_service, wave_definition  # noqa: PLC0415 - numpy, onnx and boto3

    with _starting(), ExitStack() as ending:
        with Display(err) as display:
            service = ending.enter_context(run_service(port=port, state_dir=state, display=display))
            open_wave(service.stack, wave_definition(TRY_WAVE))
        _stay_up(service, as_json=as_json)


@app.command()
def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="End after the table; exit 1 if a line is wrong.")
    ] = False,
    faces: Annotated[
        Path | None,
        typer.Option(help="Folder of real faces, a sub-folder each person.", exists=True, file_okay=False),
    ] = None,
    kill_worker: Annotated[
        bool, typer.Option("--kill-worker", help="Kill the face worker in mid-run.")
    ] = False,
    port: Port = PORT,
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Start the whole service and play a small wave through it, as clients would."""
    from local.play import play_demo  # noqa: PLC0415 - numpy, onnx and boto3: other commands start faster without
    from local.service import open_wave, run_service, wave_definition  # noqa: PLC0415 - as above
    from local.table import print_report, report_json  # noqa: PLC0415 - as above

    with _starting(), ExitStack() as ending:
        with Display(err) as display:
            service = ending.enter_context(run_service(port=port, state_dir=state, display=display))
            report = play_demo(service, display, faces=faces, kills_worker=kill_worker)
        if as_json:
            print_json(report_json(report))
        else:
            print_report(out, report)
        if not once:
            open_wave(service.stack, wave_definition(TRY_WAVE))
            _stay_up(service, example=report.example)
        if not report.is_right:
            raise typer.Exit(NOT_RIGHT)


@app.command("verify-draw")
def verify_draw(
    bundle: Annotated[Path, typer.Argument(help="Folder with the seven files of the bundle.")],
    commitment: Annotated[
        str | None, typer.Option(help="SHA-256 of commitment.json as published before the draw.")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            help="The published list of signing keys (audit/keys.json of GET /v1/anchors): checks who signed, too.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that a draw's result follows from what was promised; exit 1 and name what differs if not."""
    with plainly():
        if not bundle.is_dir():
            raise CommandError(f"There is no folder {bundle}.")
        if commitment is not None and not re.fullmatch("[0-9a-fA-F]{64}", commitment.strip()):
            raise CommandError("--commitment takes 64 hex digits.")
    found = verify_bundle(bundle, commitment, os.cpu_count() or 1)
    if keys:
        with plainly():
            found += _signature_faults(bundle, keys)
    kind = "and is the one promised" if commitment else "(no --commitment given: consistent in itself)"
    kind += "; signed by the programme" if keys else ""
    text = (
        "\n".join(f"DIFFERS  {each}" for each in found) or f"accepted: the draw follows from its files {kind}"
    )
    answer({"accepted": not found, "differs": found}, text, as_json=as_json)
    if found:
        raise typer.Exit(NOT_RIGHT)


def _signature_faults(bundle: Path, keys: Path) -> list[str]:
    try:
        return verify_signatures(bundle, keys.read_bytes())
    except ValueError as error:
        raise CommandError(f"{keys} is no published list of keys: {error}.") from None


@app.command()
def explain(
    application_id: Annotated[str, typer.Argument(help="Id of the application.")],
    language: Annotated[
        Language | None,
        typer.Option(help="Only decisions and appeals, in plain words, as one tells them to the person."),
    ] = None,
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Tell one applicant's whole story, as an auditor: decisions, checks, face evidence, events, the draw."""
    with plainly(), _as_staff(state, "auditor") as auditor:
        story = _story_of(auditor, application_id)
        if as_json:
            print_json(story)
        elif language:
            out.print("\n".join(told_lines(story, language)), markup=False, soft_wrap=True)
        else:
            print_story(out, story)


def _story_of(auditor: Caller, application_id: str) -> Json:
    none = CommandError(f"There is no application {application_id}.")
    if not re.fullmatch(r"\w+", application_id):  # in an address, `../x` would be another one
        raise none
    try:
        return auditor.get(f"/v1/explanations/{application_id}")
    except ApiProblemError as problem:
        if problem.slug != "not-found":
            raise
        raise none from None


@app.command()
def token(
    role: Annotated[
        str,
        typer.Argument(help="One of the roles of docs/authorization.md; operator-2, reviewer-2, reviewer-3."),
    ],
    district: Annotated[str, typer.Option(help="Of an officer: kabupaten/kota, four digits.")] = "",
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Print the token with which a member of staff signs in to the running service; an officer's is a new one."""
    with plainly():
        record = running(state)
        tokens = record.tokens | ({role: _officer_token(record, district)} if role == "officer" else {})
        if role not in tokens:
            raise CommandError(f"No such role: {role}. There are: {', '.join(sorted([*tokens, 'officer']))}")
        answer({"role": role, "token": tokens[role]}, tokens[role], as_json=as_json)


@app.command()
def texts(
    to: Annotated[str, typer.Option(help="Only those to this phone or e-mail address.")] = "",
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Show the text messages and e-mails that the local service has sent: here is your code."""
    from local.engine import sent_mails, sent_texts  # noqa: PLC0415 - boto3

    with plainly():
        number = f"+62{to[1:]}" if to.startswith("0") else to
        url = running(state).engine_url
        sent = [(who, text) for who, text in sent_texts(url) + sent_mails(url) if number in ("", who)]
        none_yet = f"No text messages to {number} yet." if number else "No text messages yet."
        lines = "\n".join(f"{phone}  {text}" for phone, text in sent) or none_yet
        answer([{"to": phone, "text": text} for phone, text in sent], lines, as_json=as_json)


@app.command()
def pack(
    name: Annotated[
        str, typer.Argument(help="The pack: default or open.", envvar="GELOMBANG_PACK")
    ] = "default",
    as_json: AsJson = False,
) -> None:
    """Build a model pack unless it is there, and say what it is good for."""
    from local.service import prepare_pack  # noqa: PLC0415 - numpy and onnx

    with plainly():
        with Display(err) as display:
            built = prepare_pack(name, display)
        said = {"release": built.release, "licence": built.licence, "limits": list(built.limits)}
        answer(said, "\n  · ".join([f"{built.release}, {built.licence}", *built.limits]), as_json=as_json)


@app.command("sample-photos")
def sample_photos(
    folder: Annotated[Path, typer.Argument(help="Where to put them.")],
    number: Annotated[int, typer.Option(help="Which of the people, from 0.", min=0, max=7)] = 3,
    faces: Annotated[
        Path | None, typer.Option(help="Folder of real faces.", exists=True, file_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a card, a good and a spoiled selfie, and say whose they are, to try the API by hand."""
    from local.samples import write_samples  # noqa: PLC0415 - Pillow and the population

    with plainly():
        person, written = write_samples(folder, number, faces)
        lines = [f"{name}: {value}" for name, value in person.items()] + [
            f"written: {path}" for path in written
        ]
        answer(
            {"person": person, "files": [str(path) for path in written]}, "\n".join(lines), as_json=as_json
        )


def _stay_up(service: Service, *, as_json: bool = False, example: str = "") -> None:
    from local.table import typed_command  # noqa: PLC0415 - as in `demo`

    url, state = service.stack.url, service.stack.state_dir
    command, where = typed_command(), "" if state == STATE else f" --state {state}"
    pack = "\n  · ".join(
        [f"Model pack {service.pack.release}, {service.pack.licence}:", *service.pack.limits]
    )
    story = f"\n  {command} explain {example}{where}  (a recipient's whole story)" if example else ""
    text = f"""
[bold]{url}[/]  the applicant's page; {url}/docs  the API, to read and to try
{url}/review.html  for reviewers; their tokens: {command} token reviewer{where}, and reviewer-2, reviewer-3
{url}/officer.html  for officers; theirs: {command} token officer --district 3171{where}
{url}/appeals-office.html  for those who answer appeals; theirs: {command} token appeals_officer{where}
{state}  logs, and stack.json by which the other commands find this service; open wave: {TRY_WAVE}
{pack}

  curl {url}/v1/codes -H 'Content-Type: application/json' -d '{{"phone": "+6281234567890", "action": "log_in"}}'
  {command} texts --to +6281234567890{where}{story}

Ctrl-C stops it."""
    if as_json:
        print_json({"url": url, "docs": f"{url}/docs", "state": str(state), "open_wave": TRY_WAVE})
    else:
        err.print(text, highlight=False, soft_wrap=True)
    with suppress(KeyboardInterrupt):
        threading.Event().wait()


def _officer_token(record: StackRecord, district: str) -> str:
    from gelombang.journey.programme import load_programme  # noqa: PLC0415 - pydantic
    from local.deployment import issue_officer_token  # noqa: PLC0415 - boto3

    regions = load_programme(record.environment.get("GELOMBANG_PROGRAMME", "prakerja")).regions
    if district not in regions:
        raise CommandError("An officer has a district: --district 3171, or another of GET /v1/programme.")
    return issue_officer_token(record.environment, district)


@contextmanager
def _as_staff(state: Path, role: str) -> Iterator[Caller]:
    record = running(state)
    with connect(record.url, record.tokens[role]) as caller:
        yield caller


@contextmanager
def _starting() -> Iterator[None]:
    """As `plainly`, for commands that start the service; their imports take a second."""
    from infra.applications import PackagingError  # noqa: PLC0415 - chalice, boto3
    from local.children import StartError  # noqa: PLC0415 - as above
    from local.deployment import DeploymentError  # noqa: PLC0415 - as above
    from local.service import AlreadyRunningError  # noqa: PLC0415 - as above

    signal.signal(
        signal.SIGTERM, _interrupt
    )  # being told to end must stop all that was started, as Ctrl-C does
    with plainly():
        try:
            yield
        except (AlreadyRunningError, StartError, DeploymentError, PackagingError) as error:
            stop(str(error))


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
