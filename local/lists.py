"""Lists that agencies deliver signed: sign one, import it, look into it, compare two, judge again whom it touches.

They lie in a folder of the operator's, are published to the bucket `GELOMBANG_LISTS`, and belong to the service that
the environment names (docs/architecture.md), else to the one on this machine. How a list gets from an agency into use:
docs/decisions/0029.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter, deque
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from local.answering import NOT_RIGHT, STATE, AsJson, CommandError, StateDir, answer, err, plainly
from local.display import Display
from local.keys import as_operator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gelombang.aws.lists import S3Lists
    from gelombang.domain.checks import Layer
    from gelombang.journey.refresh import ListChange
    from gelombang.lists.delivery import Delivery
    from gelombang.lists.files import KeptList
    from gelombang.lists.shelf import Shelf

EACH = 1000  # people between two words about how far it is
lists_app = typer.Typer(no_args_is_help=True, help="Signed lists of agencies: docs/decisions/0029.")
Folder = Annotated[Path, typer.Option(help="Where the operator's lists lie.")]
Csv = Annotated[
    Path, typer.Argument(help="The CSV; beside it lies <name>.json.", exists=True, dir_okay=False)
]
LayerName = Annotated[str, typer.Argument(help="The layer of checks, e.g. blacklist.")]
Threads = Annotated[int, typer.Option(help="How many rows at once.", min=1, max=256)]
MostPerS = Annotated[float, typer.Option(help="Rows a second, so that applicants come first.", min=0.001)]
Report = Annotated[
    Path | None,
    typer.Option(help="A file to write one line of JSON a person to.", dir_okay=False, writable=True),
]
LISTS = Path("build/lists")
NO_LISTS = "none"  # as `gelombang.settings` reads it


@lists_app.command()
def sign(
    csv: Annotated[Path, typer.Argument(help="The CSV.", exists=True, dir_okay=False)],
    *,
    source: Annotated[str, typer.Option(help="Who delivers it, e.g. prakerja_blacklist.")],
    layer: Annotated[str, typer.Option(help="The layer it answers for, e.g. blacklist.")],
    list_version: Annotated[str, typer.Option(help="Its version, later each time.")],
    listed_on: Annotated[datetime, typer.Option(help="The day it was made.", formats=["%Y-%m-%d"])],
    key: Annotated[Path, typer.Option(help="The agency's Ed25519 private key, PEM.", exists=True)],
    as_json: AsJson = False,
) -> None:
    """Sign a list, as its agency; `openssl genpkey -algorithm ed25519` makes a key. Writes <name>.json beside it.

    Exit 1 and name the lines if any is not as the import takes it: nothing is signed then.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - as below
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - other commands need no cipher
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    from gelombang.domain.signature import message_to_sign  # noqa: PLC0415 - other commands start faster without
    from gelombang.lists.delivery import KIND, describe, read_rows  # noqa: PLC0415 - pydantic

    with plainly(), _lines_named():
        try:
            private = load_pem_private_key(key.read_bytes(), None)
        except (TypeError, ValueError):  # it is encrypted; it is no PEM
            private = None
        if not isinstance(private, Ed25519PrivateKey):
            raise CommandError("The key is no Ed25519 key in PEM without a passphrase.")
        with _fields_named(_beside(csv)):
            unsigned = describe(csv, source, _layer(layer), list_version, listed_on.date())
        deque(read_rows(csv, unsigned, listed_on.date()), maxlen=0)  # as the import will read them
        signature = private.sign(message_to_sign(KIND, unsigned.signed_content()))
        signed = unsigned.model_copy(update={"signature": signature.hex()})
        _beside(csv).write_text(signed.model_dump_json(indent=2) + "\n", "utf-8")
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        said = f"{_beside(csv)}: {signed.row_count} rows, version {signed.version}; public key {public}"
        answer({"delivery": signed.model_dump(mode="json"), "public_key": public}, said, as_json=as_json)


@lists_app.command("import")
def take_in(
    csv: Csv,
    folder: Folder = LISTS,
    *,
    threads: Threads = 16,
    empty: Annotated[
        bool, typer.Option("--empty", help="Take a list that names nobody: it is meant.")
    ] = False,
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Import a signed CSV and let it be in use; exit 1 and name the lines if any of it is not right.

    What looks unlike its agency's intention is taken and told as a warning: read them before you publish.
    One of before that a refresh has to compare and cannot read any more is kept again; what is in use stays.
    """
    from gelombang.domain.eligibility import jakarta_day, rule_set_for  # noqa: PLC0415 - pydantic
    from gelombang.lists.delivery import ListError  # noqa: PLC0415 - as above
    from gelombang.lists.remarks import remarks_on, rows_in_use  # noqa: PLC0415 - as above
    from gelombang.wiring import ports_from_environment, programme_from_environment  # noqa: PLC0415 - boto3

    with _lists(folder, state) as (shelf, display):
        display.say(f"importing {csv.name}")
        today, delivery = jakarta_day(ports_from_environment().clock.now()), _delivery(csv)
        if not delivery.row_count and not empty:
            raise ListError(f"{csv.name} names nobody, so everybody would pass. If that is meant: --empty")
        rows_before = rows_in_use(shelf, delivery.layer)
        header = shelf.take_in(csv, delivery, today, threads)
        layer, version = delivery.layer, delivery.version
        is_used = shelf.place_of(layer).in_use == delivery.file_name
        rules = rule_set_for(programme_from_environment(), today)
        source = shelf.source_of(layer)
        remarks = remarks_on(
            shelf.opened(delivery.file_name), source, rules, rows_before if is_used else 0, today
        )
        place = (
            f"imported. Next: gelombang lists publish {layer}" if is_used else "kept again for the refresh"
        )
        said = [f"warning: {each.sentence}" for each in remarks]
        said += [f"{layer}: {header.row_count} NIKs; version {version} is {place}"]
        document = header.model_dump(mode="json") | {"warnings": [asdict(each) for each in remarks]}
        answer(document, "\n".join(said), as_json=as_json)


@lists_app.command()
def verify(name: str, folder: Folder = LISTS, state: StateDir = STATE, as_json: AsJson = False) -> None:
    """Check one file of the folder: signature, seal, content and order; exit 1 if anything is not right."""
    with _lists(folder, state) as (shelf, _):
        kept = _opened(shelf, folder, name)
        kept.must_be_in_order()
        said = (
            f"{name}: version {kept.header.delivery.version}, {kept.header.row_count} NIKs, as it was written"
        )
        answer(kept.header.model_dump(mode="json"), said, as_json=as_json)


@lists_app.command()
def diff(
    old: str, new: str, folder: Folder = LISTS, state: StateDir = STATE, as_json: AsJson = False
) -> None:
    """Count what differs between two files of the folder."""
    from gelombang.lists.diff import changes_between  # noqa: PLC0415 - pydantic

    with _lists(folder, state) as (shelf, _):
        counts = Counter(
            each.why for each in changes_between([_opened(shelf, folder, old)], _opened(shelf, folder, new))
        )
        said = ", ".join(f"{counts[each]} {each}" for each in ("added", "removed", "changed"))
        answer(dict(counts), said, as_json=as_json)


@lists_app.command()
def publish(
    layer: LayerName, folder: Folder = LISTS, state: StateDir = STATE, as_json: AsJson = False
) -> None:
    """Let the service use the list that is in use here; do it before the refresh."""
    with _lists(folder, state) as (shelf, _):
        name = _layer(layer)
        kept, bucket = shelf.in_use(name), _bucket()  # verified
        for each in (
            shelf.place_of(name).in_use,
            f"{layer}.json",
        ):  # the list first: who reads the second finds it
            bucket.publish(folder / each)
        version = kept.header.delivery.version
        answer({"version": version}, f"{layer}: version {version} is published", as_json=as_json)


@lists_app.command()
def refresh(
    layer: LayerName,
    folder: Folder = LISTS,
    *,
    threads: Threads = 4,
    most_per_s: MostPerS = 500.0,
    report: Report = None,
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Judge again whom the list in use touches, since the version people were judged by last; safe to do again.

    It begins two minutes after the list was published: no process looks into the one before then. Exit 1 when somebody
    is left: restricted, in a draw, or a reserve.
    """
    from gelombang.lists.refreshing import LEFT, refresh_layer  # noqa: PLC0415 - pydantic
    from gelombang.wiring import ports_from_environment, programme_from_environment  # noqa: PLC0415 - boto3

    with _lists(folder, state) as (shelf, display), ExitStack() as opened:
        which, counts = _layer(layer), Counter[tuple[str, ...]]()
        place = shelf.place_of(which)
        if place.refreshed == place.in_use != "":  # and a report of then stays as it is
            said = f"{layer}: everybody has been judged by {place.in_use}; nobody is left"
            answer([], said, as_json=as_json)
            return
        if (
            report
        ):  # what cannot be written to is said before the wait; a report of before stays until there is one
            report.open("a", encoding="utf-8").close()
        _wait_until_settled(shelf, which, display)
        ports, programme = ports_from_environment(), programme_from_environment()
        lines = opened.enter_context(report.open("w", encoding="utf-8")) if report else None
        pace = partial(_paced, most_per_s)
        found = refresh_layer(ports, programme, shelf, which, paced=pace, threads=threads)
        for number, touched in enumerate(found, 1):
            counts[touched.effect, touched.before, touched.after, touched.reason, touched.why] += 1
            if lines and touched.application_id:
                lines.write(json.dumps(asdict(touched)) + "\n")
            if number % EACH == 0:
                display.say(f"{number} rows")
    names = ("effect", "before", "after", "reason", "why", "count")
    document = [dict(zip(names, (*key, count), strict=True)) for key, count in sorted(counts.items())]
    text = [f"{'rows':>9}  effect: before -> after (reason), row"]
    text += [_line(each) for each in document]
    answer(document, "\n".join(text), as_json=as_json)
    if any(each["effect"] in LEFT for each in document):
        raise typer.Exit(NOT_RIGHT)


def _wait_until_settled(shelf: Shelf, layer: Layer, display: Display) -> None:
    """Wait until nobody is judged by another list any more: a refresh would never look at them again."""
    from gelombang.aws.lists import SETTLED_AFTER  # noqa: PLC0415 - boto3

    shelf.in_use(layer)  # verified
    name = f"{layer}.json"
    published = _bucket().published(name)
    if published is None or json.loads(published.content)["in_use"] != shelf.place_of(layer).in_use:
        raise CommandError(
            f"The service does not use what was imported last. Publish it first: gelombang lists publish {layer}"
        )
    left_s = (SETTLED_AFTER - published.age).total_seconds()
    if left_s > 0:
        display.say(f"waiting {left_s:.0f} s, until every process uses the list")
        time.sleep(left_s)


def _bucket() -> S3Lists:
    """Return the bucket of the service that the environment names.

    Raises:
        CommandError: the environment names none.
    """
    from gelombang.aws.clients import aws_client  # noqa: PLC0415 - boto3
    from gelombang.aws.lists import S3Lists  # noqa: PLC0415 - as above

    place = os.environ.get("GELOMBANG_LISTS", NO_LISTS)
    if place == NO_LISTS:
        raise CommandError(
            "GELOMBANG_LISTS is not set: it names the bucket of the service (docs/architecture.md)."
        )
    return S3Lists(place, aws_client("s3"))


def _line(row: dict[str, Any]) -> str:
    if not row["before"]:  # there is nobody whose state it could be
        return "{count:>9}  nobody here has such a NIK, {why}".format(**row)
    reason = f" ({row['reason']})" if row["reason"] else ""
    return "{count:>9}  {effect}: {before} -> {after}{told}, {why}".format(told=reason, **row)


def _paced(most_per_s: float, changes: Iterable[ListChange]) -> Iterator[ListChange]:
    """Give so many rows a second and no more."""
    began = time.monotonic()
    for number, each in enumerate(changes):
        time.sleep(max(0.0, began + number / most_per_s - time.monotonic()))
        yield each


@contextmanager
def _lists(folder: Path, state: Path) -> Iterator[tuple[Shelf, Display]]:
    """Give the lists of a folder to an operator; what is wrong with one ends the command, its lines named."""
    from gelombang.journey.sources import load_sources  # noqa: PLC0415 - pydantic
    from gelombang.lists.shelf import Shelf  # noqa: PLC0415 - as above
    from gelombang.wiring import ports_from_environment, programme_from_environment  # noqa: PLC0415 - boto3

    with plainly(), as_operator(state) as display:
        try:
            sources = load_sources(programme_from_environment().name)
        except ValueError as error:  # a file of the programme is wrong: it says where
            raise CommandError(str(error)) from None
        shelf = Shelf(folder, sources, ports_from_environment().vault)
        with closing(shelf), _lines_named():
            yield shelf, display


@contextmanager
def _lines_named() -> Iterator[None]:
    """Say what is wrong with a list, its lines first, and exit 1."""
    from gelombang.lists.delivery import ListError  # noqa: PLC0415 - pydantic

    try:
        yield
    except ListError as error:
        for fault in error.faults:
            err.print(fault, markup=False, soft_wrap=True)
        err.print(f"[red]{escape(str(error))}[/]", highlight=False, soft_wrap=True)
        raise typer.Exit(NOT_RIGHT) from None


@contextmanager
def _fields_named(path: Path) -> Iterator[None]:
    """Name the first field that what describes a list cannot have, in place of pydantic's answer."""
    from pydantic import ValidationError  # noqa: PLC0415 - other commands start faster without

    from gelombang.lists.delivery import ListError  # noqa: PLC0415 - pydantic

    try:
        yield
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "the whole file"
        raise ListError(f"{path.name}: {field}: {first['msg']}") from None


def _opened(shelf: Shelf, folder: Path, name: str) -> KeptList:
    if not (folder / name).is_file():
        raise CommandError(f"There is no file {name} in {folder} (see --folder).")
    return shelf.opened(name)


def _layer(name: str) -> Layer:
    from gelombang.domain.checks import Layer  # noqa: PLC0415 - with the others
    from gelombang.domain.sources import can_be_listed  # noqa: PLC0415 - as above

    if name not in list(Layer) or not can_be_listed(Layer(name)):
        known = ", ".join(each for each in Layer if can_be_listed(each))
        raise CommandError(f"No list answers for {name}. Lists answer for: {known}")
    return Layer(name)


def _delivery(csv: Path) -> Delivery:
    from gelombang.lists.delivery import Delivery, ListError  # noqa: PLC0415 - pydantic

    if not _beside(csv).is_file():
        raise ListError(
            f"{_beside(csv)} is missing: the agency delivers it with the CSV, and says in it what it signed. "
            "Ask for it"
        )
    with _fields_named(_beside(csv)):
        return Delivery.model_validate_json(_beside(csv).read_bytes())


def _beside(csv: Path) -> Path:
    return csv.with_name(f"{csv.name}.json")
