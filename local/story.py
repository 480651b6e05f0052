"""Prints one applicant's whole story for an auditor: checks, face evidence, every event in order, the draw."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table

from gelombang.domain.wave import JAKARTA

if TYPE_CHECKING:
    from rich.console import Console

    from local.client import Json

DRAWN = "draw_published"


def print_story(console: Console, story: Json) -> None:
    """Print what `GET /v1/explanations/{application_id}` tells."""
    status = story["status"]
    console.print(
        f"[bold]Application {status['application_id']}[/]: {status['state']['code']}", highlight=False
    )
    console.print(f"  {status['state']['sentence']['en']}")
    for reason in status["reasons"]:
        console.print(f"  {reason['code']}: {reason['sentence']['en']}")
    console.print(_checks(story["checks"]))
    for decision in story["decisions"]:
        console.print(_decision(decision), highlight=False, soft_wrap=True)
    for face in story["faces"] or [None]:
        for line in _face(face):
            console.print(line, highlight=False, soft_wrap=True)
    for review in story["reviews"]:
        console.print(_review(review), highlight=False, soft_wrap=True)
    console.print(_events(story["happened"]))
    for event in story["happened"]:
        if event["event"] == DRAWN:
            console.print(_draw(event["facts"]), highlight=False, soft_wrap=True)
    fault = story["audit_fault"]
    console.print(f"[red]The audit chain is broken: {fault}[/]" if fault else "The audit chain holds.")


def _checks(checks: list[Json]) -> Table:
    table = Table(title="Checks", title_justify="left")
    for column in ("layer", "outcome", "source", "version", "at (WIB)", "reason", "remarks", "tries"):
        table.add_column(column, overflow="fold")
    for check in checks:
        told = (check["layer"], check["outcome"], check["source"], check["list_version"])
        more = (
            wib_time(check["checked_at"]),
            check["reason"],
            ", ".join(check["flags"]),
            str(check["tries"]),
        )
        table.add_row(*told, *more)
    return table


def _decision(decision: Json) -> str:
    reasons = " + ".join(reason["code"] for reason in decision["reasons"])
    by = " + ".join(decision["people"]) or f"rules {decision['rule_set']} ({decision['rules_sha256'][:12]})"
    anchored = f"anchored on {decision['anchored_on']}" if decision["anchored_on"] else "not anchored yet"
    stands = f"[red]{decision['fault']}[/]" if decision["fault"] else f"signed by {decision['key_id']}"
    what = f"{decision['decision']['code']} {reasons}".rstrip()
    return f"Decision, entry {decision['entry']}: {what}, by {by}; {stands}, {anchored}"


def _face(face: Json | None) -> list[str]:
    if face is None:
        return ["Face: no evidence; the face was not measured."]
    similarity = "not measured" if face["similarity"] is None else f"{face['similarity']:.4f}"
    lines = [
        f"Face: {face['verdict']} {' + '.join(face['reasons'])}".rstrip(),
        f"  measured at {wib_time(face['assessed_at'])} WIB by {face['model_release']} on {face['runtime']}",
        f"  judged at operating point {face['operating_point']}, set by {face['operating_point_set_by']}",
        f"  selfie to card: similarity {similarity}, needed {face['match_min']:.4f}",
    ]
    for name in ("selfie", "ktp"):
        photo = face[name]
        unseen = (
            f"; not assessed by this pack: {', '.join(photo['not_assessed'])}"
            if photo["not_assessed"]
            else ""
        )
        size = f"{photo['width_px']} x {photo['height_px']} px"
        lines.append(f"  {name}: {photo['outcome']}, {size}, {photo['face_count']} face(s){unseen}")
    lines += [f"  like a face already enrolled: application {other}" for other in face["candidates"]]
    return lines


def _review(review: Json) -> str:
    reasons = " + ".join(review["head"]["reasons"])
    if not review["decision"]:
        return f"Review of {reasons}: waiting for reviewers; {len(review['answers'])} answered"
    answers = (f"{each['reviewer']}: {each['decision']}, {each['note']}" for each in review["answers"])
    return f"Review of {reasons}: {review['decision']} ({'; '.join(answers)})"


def _events(events: list[Json]) -> Table:
    table = Table(title="What happened", title_justify="left")
    for column in ("at (WIB)", "event", "facts"):
        table.add_column(column, overflow="fold")
    for event in events:
        facts = ", ".join(f"{name}: {_plain(value)}" for name, value in event["facts"].items())
        table.add_row(wib_time(event["at"]), event["event"], facts)
    return table


def _draw(facts: Json) -> str:
    reserve = f", place {facts['reserve']} on the reserve list" if facts["reserve"] else ""
    return (
        f"Draw: wave {facts['wave_id']}, rank {facts['rank']} of its region{reserve}: {facts['outcome']} "
        f"by the rule {facts['rule']}"
    )


def _plain(value: Any) -> str:  # noqa: ANN401 - any JSON value of an audit entry's facts
    if isinstance(value, list):
        return " + ".join(map(_plain, value)) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{name} {_plain(each)}" for name, each in value.items())
    return str(value)


def wib_time(moment: str) -> str:
    """Return a moment in ISO 8601 as the time in Jakarta, to the second."""
    return f"{datetime.fromisoformat(moment).astimezone(JAKARTA):%Y-%m-%d %H:%M:%S}"
