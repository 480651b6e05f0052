"""A wave, as its operator runs it: `gelombang wave show demo`, `gelombang wave run demo --dry-run`.

    open, quota ── its hours (extend) ── close ── freeze ── commit ── (beacon, party) ── draw ── publish ── bundle
                                                  └─────────────────── run ───────────────────┘

Every step can be asked for again: one that is done or under way is not done twice. With --dry-run nothing is changed.
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gelombang.domain.apportionment import apportion
from gelombang.domain.draw_bundle import COMMITMENT, sha256
from gelombang.domain.reasons import Reason
from gelombang.domain.wave import LONGEST_EXTENSION, WaveStep
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
)
from local.applicant import TookTooLongError, wait_for
from local.client import connect
from local.display import Display
from local.office import download_bundle, read_bundle_file, take_step
from local.story import wib_time
from local.wave_outlook import (
    AFTER_CLOSING,
    CHECK_TO_COME,
    Outlook,
    Readiness,
    beacon_words,
    document_of,
    is_behind,
    look_ahead,
    look_ahead_to_the_end,
    next_step,
    text_of,
    why_not_longer,
)
from local.wave_table import print_wave, regions_that_differ
from local.wave_typed import (
    REASON_LENGTH,
    moment_of,
    present,
    require_reason,
    require_signature,
    why_no_reason,
)
from local.wave_watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local.client import Caller, Json
    from local.wave_outlook import Typed

OPERATOR, SECOND_OPERATOR = "operator", "operator-2"  # see local.deployment
wave_app = typer.Typer(no_args_is_help=True, help="Run a wave, as its operator, on the running service.")
UNTIL = (
    f"When it closes then: 2026-11-27T16:00, in WIB; at most {LONGEST_EXTENSION.days} days later than before."
)
WaveId = Annotated[str, typer.Argument(help="Id of the wave.")]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Change nothing: say what would happen; exit 1 if it would be refused."),
]
CHECK_S = 150.0  # the service checks itself every minute, and may be a while at it
SILENT_S = 900.0  # without progress: the longest run of a Lambda function


@wave_app.command("open")
def wave_open(
    definition: Annotated[Path, typer.Argument(help="JSON file that defines the wave.", exists=True)],
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Define a wave from a file such as programmes/prakerja/waves/demo.json; its hours open it."""
    with plainly(), _as_operator(state) as operator:
        page = operator.post("/v1/waves", json.loads(definition.read_text()))
        _show(operator, page, state, as_json=as_json)


@wave_app.command("quota")
def wave_quota(
    seats: Annotated[int, typer.Argument(help="Seats of the whole wave.", min=1)], as_json: AsJson = False
) -> None:
    """Divide a wave's seats among all regions by registered residents: the quota for its file."""
    from gelombang.journey.programme import load_programme  # noqa: PLC0415 - pydantic

    quota = {"quota": apportion(seats, load_programme("prakerja").population)}
    answer(quota, json.dumps(quota, indent=2), as_json=as_json)


@wave_app.command("show")
def wave_show(wave_id: WaveId, state: StateDir = STATE, as_json: AsJson = False) -> None:
    """Show a wave: hours, commitment, seats and entries by region, what comes next; --json is its public page."""
    with plainly(f"wave {wave_id}"), _as_operator(state) as operator:
        _show(operator, _page(operator, wave_id), state, as_json=as_json)


def _wave_step(step: WaveStep, sentence: str) -> None:
    @wave_app.command(str(step), help=sentence)
    def take(
        wave_id: WaveId, *, dry_run: DryRun = False, state: StateDir = STATE, as_json: AsJson = False
    ) -> None:
        with plainly(f"wave {wave_id}"), _as_operator(state) as operator:
            if dry_run:
                page = _page(operator, wave_id)
                _tell(page, [look_ahead(page, _pages(operator), step, _typed(state))], as_json=as_json)
            else:
                _show(operator, _taken(operator, wave_id, step), state, as_json=as_json)


_wave_step(WaveStep.CLOSE, "Close an open wave before its hour.")
_wave_step(WaveStep.FREEZE, "Freeze the entries of a closed wave.")
_wave_step(WaveStep.COMMIT, "Publish what the draw will be held on: Merkle root, rules, hash of the secret.")
_wave_step(WaveStep.DRAW, "Hold the draw.")
_wave_step(WaveStep.PUBLISH, "Give everybody their result and publish the bundle.")


@wave_app.command("run")
def wave_run(
    wave_id: WaveId, *, dry_run: DryRun = False, state: StateDir = STATE, as_json: AsJson = False
) -> None:
    """Take a closed wave step by step to its results; where it must wait it says for what. Run it again to go on.

    Exit 1 when it is not published yet.
    """
    with plainly(f"wave {wave_id}"), _as_operator(state) as operator:
        page, typed = _page(operator, wave_id), _typed(state)
        if dry_run:
            _tell(page, look_ahead_to_the_end(page, _pages(operator), typed), as_json=as_json)
            return
        taken, waits_for = [], ""
        for step in AFTER_CLOSING:
            outlook = look_ahead(page, _pages(operator), step, typed)
            if outlook.why == CHECK_TO_COME:
                page = _checked(operator, wave_id)
                outlook = look_ahead(page, _pages(operator), step, typed)
            if outlook.readiness is Readiness.REFUSED:
                waits_for = outlook.why
                break
            if outlook.readiness is not Readiness.DONE:
                page = _taken(operator, wave_id, step)
                taken.append(step)
        if as_json:
            print_json({"wave": page, "taken": taken, "waits_for": waits_for})
        else:
            _show(operator, page, state, as_json=False)
        if waits_for:
            err.print(f"Then go on with: {typed(f'run {wave_id}')}", markup=False, soft_wrap=True)
            raise typer.Exit(NOT_RIGHT)


@wave_app.command("extend")
def wave_extend(
    wave_id: WaveId,
    *,
    until: Annotated[str, typer.Option(help=UNTIL)],
    reason: Annotated[str, typer.Option(help=f"Why, in public: {REASON_LENGTH} on the wave's page.")],
    dry_run: DryRun = False,
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Let a wave close later, until its freeze is asked for; one that its hours closed is open again."""
    with plainly(f"wave {wave_id}"), _as_operator(state) as operator:
        closes_at = moment_of(until)
        if not dry_run:
            require_reason(reason)
            given = {"closes_at": closes_at.isoformat(), "reason": reason}
            _show(operator, operator.post(f"/v1/waves/{wave_id}/extend", given), state, as_json=as_json)
            return
        page = _page(operator, wave_id)
        why = why_no_reason(reason) or why_not_longer(page, closes_at, reason, present())
        said = why or f"The wave closes at {wib_time(closes_at.isoformat())} WIB then, for everybody to see."
        document = {"wave_id": wave_id, "closes_at": closes_at.isoformat(), "refused": why}
        answer(document, f"{said} A dry run; nothing was changed.", as_json=as_json)
        if why:
            raise typer.Exit(NOT_RIGHT)


@wave_app.command("beacon")
def wave_beacon(
    wave_id: WaveId,
    signature: Annotated[str, typer.Argument(help="The round's field `signature`, 96 hex digits.")],
    *,
    dry_run: DryRun = False,
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Give the signature of the beacon's round that a commitment named; a wrong one is not sent."""
    with plainly(f"wave {wave_id}"), _as_operator(state) as operator:
        page, given = _page(operator, wave_id), signature.strip().lower()
        require_signature(page, given)
        if dry_run:
            said = f"It is the signature of {beacon_words(page)}. A dry run; nothing was sent."
            answer({"wave_id": wave_id, "beacon_round": page["beacon_round"]}, said, as_json=as_json)
        else:
            page = operator.post(f"/v1/waves/{wave_id}/beacon", {"beacon": given})
            _show(operator, page, state, as_json=as_json)


@wave_app.command("party")
def wave_party(
    wave_id: WaveId,
    party: Annotated[str, typer.Argument(help="Who brings a secret of their own to the seed.")],
    *,
    sha256_hex: Annotated[
        str, typer.Option("--sha256", help="Before the commitment: the hash of 32 random bytes.")
    ] = "",
    secret: Annotated[str, typer.Option(help="After the commitment: these 32 bytes, in hex.")] = "",
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Keep what a party promises or tells of its secret; without every secret that was promised nothing is drawn."""
    with plainly(f"wave {wave_id}"), _as_operator(state) as operator:
        given = {"party": party, "sha256": sha256_hex.lower(), "secret": secret.lower()}
        _show(operator, operator.post(f"/v1/waves/{wave_id}/parties", given), state, as_json=as_json)


@wave_app.command("anew")
def wave_anew(
    wave_id: WaveId,
    reason: Annotated[
        str,
        typer.Argument(help=f"Why, in public: {REASON_LENGTH}; the second operator gives the same words."),
    ],
    *,
    operator_name: Annotated[str, typer.Option("--as", help="Who asks: operator, or operator-2.")] = OPERATOR,
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Hold a draw anew that nobody has been told of: one operator asks, another confirms; both stand in public."""
    with plainly(f"wave {wave_id}"), _as_operator(state, operator_name) as operator:
        require_reason(reason)
        page = operator.post(f"/v1/waves/{wave_id}/anew", {"reason": reason})
        _show(operator, page, state, as_json=as_json)


@wave_app.command("parquet")
def wave_parquet(
    folder: Annotated[Path, typer.Argument(help="A published draw bundle, as `wave bundle` saves it.")],
    to: Annotated[Path, typer.Argument(help="The file to write.")],
    as_json: AsJson = False,
) -> None:
    """Write a bundle's entries and results as one Parquet file, for those who compute with them."""
    from gelombang.drawing.parquet import write_parquet  # noqa: PLC0415 - columns, for this command alone

    with plainly():
        try:
            count = write_parquet(folder, to)
        except ValueError as error:  # also Arrow's own, which name what they could not read
            raise CommandError(str(error)) from None
        answer({"file": str(to), "rows": count}, f"{count} rows in {to}", as_json=as_json)


@wave_app.command("bundle")
def wave_bundle(
    wave_id: WaveId,
    folder: Annotated[Path, typer.Argument(help="Where to put it.")],
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Download a published wave's draw bundle."""
    with plainly(f"wave {wave_id}"), _as_operator(state) as operator:
        saved = download_bundle(operator, wave_id, folder)
        answer({"bundle": str(saved)}, f"Saved in {saved}", as_json=as_json)


def _checked(operator: Caller, wave_id: str) -> Json:
    """Wait for the service's first check of itself after a closing; return the wave's page then, or when it is late."""
    with Display(err) as display, suppress(TookTooLongError):
        display.say(f"wave {wave_id}: waiting for the service's check of itself, which comes every minute")
        wait_for("the check", lambda: not _page(operator, wave_id)["may_be_extended"], CHECK_S)
    return _page(operator, wave_id)


def _taken(operator: Caller, wave_id: str, step: WaveStep) -> Json:
    was_done = is_behind(_page(operator, wave_id), step)
    with Display(err) as display:
        display.say(f"wave {wave_id}: asking for {step}")
        watch = Watch(display, step)

        def see(page: Json) -> None:
            watch(page)
            _require_owners(operator, page)

        try:
            page = take_step(operator, wave_id, step, SILENT_S, see)
        except TookTooLongError as error:
            raise CommandError(
                f"{error}. It was asked for and may still come; asking again is safe."
            ) from error
        done = "was done already and nothing is changed" if was_done else "done"
        display.keep(f"wave {wave_id}: {step} {done}, {page['state']}")
        return page


def _require_owners(operator: Caller, page: Json) -> None:
    """Watch no longer where the publication has come to entries that are nobody's: a person has to look.

    Raises:
        CommandError: it has; it names them.
    """
    if entries := page["without_application"]:
        texts = operator.get("/v1/programme")["texts"][Reason.ENTRY_WITHOUT_APPLICATION]
        said = [f"{text['sentence']} {text['next_step']}" for text in (texts["en"], texts["id"])]
        raise CommandError(f"{' / '.join(said)} {', '.join(entries)}")


def _tell(page: Json, outlooks: Sequence[Outlook], *, as_json: bool) -> None:
    answer(document_of(page, outlooks), text_of(page, outlooks), as_json=as_json)
    if any(each.readiness is Readiness.REFUSED for each in outlooks):
        raise typer.Exit(NOT_RIGHT)


def _show(operator: Caller, page: Json, state: Path, *, as_json: bool) -> None:
    if as_json:
        print_json(page)
        return
    counts = _counts(operator, page)
    print_wave(out, page, counts, operator.get("/v1/programme"))
    coming = next_step(page, _pages(operator), _typed(state))
    out.print(f"Next: {coming}", markup=False, highlight=False, soft_wrap=True)
    if counts and (wrong := regions_that_differ(page, counts)):
        err.print(f"[red]The commitment counts other entries than the page in: {', '.join(wrong)}[/]")
        raise typer.Exit(NOT_RIGHT)


def _counts(operator: Caller, page: Json) -> dict[str, dict[str, int]]:
    """Return region → kind → entries from the commitment, {} before it.

    Raises:
        CommandError: the file is not the one whose hash is on the wave's page.
    """
    if not page["commitment_sha256"]:
        return {}
    content = read_bundle_file(operator, page["definition"]["wave_id"], COMMITMENT)
    if sha256(content) != page["commitment_sha256"]:
        raise CommandError(f"{COMMITMENT} is not the file whose hash is on the wave's page.")
    return dict(json.loads(content)["counts"])


def _page(operator: Caller, wave_id: str) -> Json:
    return operator.get(f"/v1/waves/{wave_id}")


def _pages(operator: Caller) -> list[Json]:
    return list(operator.get("/v1/waves")["waves"])


def _typed(state: Path) -> Typed:
    from local.table import typed_command  # noqa: PLC0415 - with what prints it only

    command, where = typed_command(), "" if state == STATE else f" --state {state}"
    return lambda words: f"{command} wave {words}{where}"


@contextmanager
def _as_operator(state: Path, name: str = OPERATOR) -> Iterator[Caller]:
    record = running(state)
    if name not in (OPERATOR, SECOND_OPERATOR):
        raise CommandError(f"No such operator: {name}. There are: {OPERATOR}, {SECOND_OPERATOR}")
    with connect(record.url, record.tokens[name]) as operator:
        yield operator
