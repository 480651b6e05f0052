"""How well reviewers do, and the cases that measure them: `gelombang reviews quality`, `gelombang reviews plant`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from gelombang.domain.errors import InvalidFormError
from gelombang.domain.reasons import Reason
from gelombang.domain.review import ReviewDecision
from local.answering import STATE, AsJson, CommandError, StateDir, answer, out, plainly, print_json, running
from local.client import connect
from local.keys import as_operator

if TYPE_CHECKING:
    from gelombang.domain.programme import Programme
    from local.client import Json

Picture = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]


class Doubt(StrEnum):
    """What opens a case: the doubts of a face (gelombang/domain/verdict.py), and a NIK that another has."""

    FACE_UNSURE = Reason.FACE_UNSURE
    FACE_DIFFERS = Reason.FACE_DIFFERS
    FACE_ENROLLED_TWICE = Reason.FACE_ENROLLED_TWICE
    LIVENESS_DOUBT = Reason.LIVENESS_DOUBT
    FACE_NOT_MEASURED = Reason.FACE_NOT_MEASURED
    NIK_ALREADY_REGISTERED = Reason.NIK_ALREADY_REGISTERED


reviews_app = typer.Typer(no_args_is_help=True, help="How well reviewers decide, and cases that measure it.")


@reviews_app.command()
def quality(state: StateDir = STATE, as_json: AsJson = False) -> None:
    """Show each reviewer's answers, agreement, planted cases and time; nothing about any applicant."""
    with plainly():
        record = running(state)
        with connect(record.url, record.tokens["auditor"]) as auditor:
            report = auditor.get("/v1/reviews/quality")
        if as_json:
            print_json(report)
        else:
            out.print(quality_table(report))


@reviews_app.command()
def plant(
    selfie: Picture,
    card: Picture,
    *,
    right: Annotated[ReviewDecision, typer.Option(help="The right answer.")],
    reason: Annotated[Doubt, typer.Option(help="The doubt that reviewers are shown.")] = Doubt.FACE_UNSURE,
    like: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="SELFIE KTP", help="Photographs of somebody with a like face."),
    ] = None,
    state: StateDir = STATE,
    as_json: AsJson = False,
) -> None:
    """Put a case on the queue whose answer is known; photographs of nobody who applied, or who agreed to this.

    It looks like any other and changes no application. Like a change of keys this is an operator's work on the service
    that the environment names, else on the one on this machine.
    """
    from gelombang.journey.review_quality import plant_case  # noqa: PLC0415 - pydantic
    from gelombang.wiring import ports_from_environment, programme_from_environment  # noqa: PLC0415 - boto3

    files = [(selfie, card), *([like] if like else [])]
    with plainly(), as_operator(state):
        pictures = [(one.read_bytes(), other.read_bytes()) for one, other in files]
        try:
            case_id = plant_case(ports_from_environment(), pictures, (reason,), right, "local operator")
        except InvalidFormError as error:
            raise CommandError(_refused(files, error, programme_from_environment())) from None
    answer({"case_id": case_id}, f"Planted: {case_id}", as_json=as_json)


def _refused(files: list[tuple[Path, Path]], error: InvalidFormError, programme: Programme) -> str:
    """Return which files are no photographs that we take, and why, in words."""
    named = {
        f"/pictures/{number}/{kind}": path
        for number, both in enumerate(files)
        for kind, path in zip(("selfie", "ktp"), both, strict=True)
    }
    told = (f"{named[each.pointer]}: {programme.text(each.reason, 'en').sentence}" for each in error.faults)
    return " ".join(told)


def quality_table(report: Json) -> Table:
    """Return the report as a table."""
    table = Table(title="Reviewers", title_justify="left")
    for column in ("reviewer", "answers", "agreed", "planted right", "planted wrong", "median s"):
        table.add_column(column, justify="left" if column == "reviewer" else "right")
    for each in report["reviewers"]:
        agreed = "-" if each["agreed_share"] is None else f"{each['agreed_share']:.0%}"
        planted = (str(each["planted_right_count"]), str(each["planted_wrong_count"]))
        seconds = "-" if each["median_s"] is None else f"{each['median_s']:.1f}"
        table.add_row(each["reviewer"], str(each["answered_count"]), agreed, *planted, seconds)
    return table
