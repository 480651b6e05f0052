"""Compares what was seen in the demo with what the scenario says must be, and makes the report."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import TYPE_CHECKING

from gelombang.domain.application import State
from gelombang.drawing.verify import verify_bundle
from local import canaries
from local.scenario import AFTER_DRAW, REFUSED
from local.table import Line, Report, count_refusals, count_states, median_stages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from local.demo import Player


def make_report(
    players: Sequence[Player],
    *,
    quota: Mapping[str, int],
    bundle: Path,
    commitment: str,
    privacy: Line,
    command: str,
    model_release: str,
    took_s: float,
) -> Report:
    """Return the report of a published wave.

    `quota` gives its seats by region, `bundle` is the folder of its draw, `commitment` the hash that its page
    told before the draw, `privacy` what `privacy_line` found, and `command` what a person types for this project's
    command line.
    """
    walks = [player.walk for player in players]
    joined = [player for player in players if player.walk.entry_id]
    selected = sum(walk.state is State.SELECTED for walk in walks)
    return Report(
        people_by_state=count_states(walks),
        refusals=count_refusals(walks),
        median_s_by_stage=median_stages(walks),
        seats_offered=sum(quota.values()),
        seats_filled=selected,
        lines=(
            *(person_line(player) for player in players),
            seats_line(joined, quota, selected),
            _entries_line(joined, bundle),
            _bundle_line(bundle, commitment),
            privacy,
        ),
        model_release=model_release,
        example=next((walk.application_id for walk in walks if walk.state is State.SELECTED), ""),
        bundle=str(bundle),
        verify_command=f"{command} verify-draw {shlex.quote(str(bundle))} --commitment {commitment}",
        took_s=round(took_s, 1),
    )


def person_line(player: Player) -> Line:
    """Compare one person's end, reasons and sights with their part."""
    part, walk = player.part, player.walk
    # What became of an application in the draw is told as a reason too; the state says it already.
    given = [*walk.retakes, walk.reasons if walk.state in REFUSED else frozenset[str]()]
    is_right = (
        not walk.fault
        and walk.state in part.ends
        and part.sights <= walk.sights
        and (not part.reasons or any(part.reasons <= reasons for reasons in given))
    )
    expected = ["in the draw" if part.ends == AFTER_DRAW else " or ".join(sorted(part.ends))]
    expected += [" + ".join(sorted(part.reasons))] * bool(part.reasons) + sorted(part.sights)
    seen = [str(walk.state or "never started"), *(" + ".join(sorted(each)) for each in given if each)]
    seen += [*sorted(walk.sights), *[walk.fault] * bool(walk.fault)]
    return Line(part.name, "; ".join(expected), "; ".join(seen), is_right)


def seats_line(joined: Sequence[Player], quota: Mapping[str, int], selected: int) -> Line:
    """Every seat is filled, or everybody of its region has one: nobody here shares a household."""
    pool = Counter(player.citizen.region for player in joined)
    possible = sum(min(seats, pool[region]) for region, seats in quota.items())
    return Line("seats filled", str(possible), str(selected), selected == possible)


def _entries_line(joined: Sequence[Player], bundle: Path) -> Line:
    entries = (bundle / "entries.csv").read_text().splitlines()[1:]
    is_right = len(set(entries)) == len(entries) == len({player.walk.entry_id for player in joined})
    return Line("entries in the draw, nobody twice", str(len(joined)), str(len(entries)), is_right)


def _bundle_line(bundle: Path, commitment: str) -> Line:
    faults = verify_bundle(bundle, commitment)
    return Line(
        "draw bundle", "accepted by the verifier", "; ".join(faults) or "accepted by the verifier", not faults
    )


def privacy_line(players: Sequence[Player], sinks: Mapping[str, bytes], codes: Sequence[str] = ()) -> Line:
    """Look for scores, codes and everything of everybody's in whatever the run let out of its trusted rows."""
    known = [canaries.word("score", "similarity"), *(canaries.code("code", each) for each in codes)]
    for player in players:
        person = player.citizen
        known += [
            canaries.number("NIK", person.nik),
            canaries.number("KK", person.kk),
            canaries.name("name", person.name),
            canaries.day("birth date", person.birth_date),
            canaries.phone("phone", player.phone),
            *([canaries.secret("token", player.walk.token)] if player.walk.token else []),
        ]
    leaks = canaries.find_leaks(known, sinks)
    expected = f"none in {', '.join(sorted(sinks))}"
    found = [
        f"{sink} ({', '.join(each.kind for each in leaks if each.sink == sink)})"
        for sink in sorted(sinks)
        if any(each.sink == sink for each in leaks)
    ]
    seen = f"found in {', '.join(found)}" if found else expected
    return Line(
        "personal data and scores outside trusted rows", expected, seen, not found and any(sinks.values())
    )
