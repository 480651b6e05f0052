"""What the demo says of itself: a report is right only when every line is, and names nobody."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date

import pytest
from rich.console import Console

from gelombang.domain.application import State
from gelombang.domain.nik import Sex
from gelombang.domain.reasons import Reason
from gelombang.memory.registers import Citizen
from local.applicant import Photographs, Walk
from local.comparison import person_line, privacy_line, seats_line
from local.demo import Player
from local.scenario import REFUSED, SPOILED, Part, Sight
from local.table import Line, Report, count_refusals, count_states, median_stages, print_report, report_json

SITI = Citizen("3171990505950001", "3171990101100001", "Siti Rekaan", date(1995, 5, 5), Sex.FEMALE, "3171")
RETAKEN = Part("spoiled", "ordinary", 0, 0, reasons=SPOILED, sights=frozenset({Sight.ONLY_SELFIE_AGAIN}))
YOUNG = Part("seventeen", "under_18", 0, 0, REFUSED, frozenset({Reason.TOO_YOUNG}))


def player(part, state, **seen):
    walk = Walk(part.name, application_id="app_1", token="token-of-siti", state=state)
    for name, value in seen.items():
        setattr(walk, name, value)
    return Player(part, SITI, "+6281290000001", Photographs((b"",), (b"",)), walk)


def test_a_retake_with_all_its_faults_at_once_is_right():
    seen = player(RETAKEN, State.SELECTED, retakes=[SPOILED], sights={Sight.ONLY_SELFIE_AGAIN})

    assert person_line(seen).is_right


@pytest.mark.parametrize(
    "seen",
    [
        {
            "retakes": [frozenset({Reason.BLURRED}), SPOILED - {Reason.BLURRED}],
            "sights": {Sight.ONLY_SELFIE_AGAIN},
        },
        {"retakes": [SPOILED], "sights": set()},
        {"retakes": [SPOILED], "sights": {Sight.ONLY_SELFIE_AGAIN}, "fault": "join: refused"},
    ],
    ids=["faults one after the other", "more than the selfie again", "the walk broke off"],
)
def test_a_retake_that_is_not_as_promised_is_wrong(seen):
    assert not person_line(player(RETAKEN, State.SELECTED, **seen)).is_right


def test_a_refusal_for_another_reason_or_another_end_is_wrong():
    reasons = frozenset({Reason.TOO_YOUNG})

    assert person_line(player(YOUNG, State.NOT_ELIGIBLE, reasons=reasons)).is_right
    assert not person_line(player(YOUNG, State.NOT_ELIGIBLE, reasons=frozenset({Reason.TOO_OLD}))).is_right
    assert not person_line(player(YOUNG, State.SELECTED, reasons=reasons)).is_right


def test_seats_are_filled_when_no_seat_is_left_or_everybody_of_the_region_has_one():
    joined = [player(RETAKEN, State.SELECTED)] * 2

    assert seats_line(joined, {"3171": 1, "3578": 4}, 1).is_right
    assert seats_line(joined, {"3171": 9}, 2).is_right
    assert not seats_line(joined, {"3171": 2}, 1).is_right


@pytest.mark.parametrize(
    ("kind", "leak"),
    [
        *(("NIK", SITI.nik), ("NIK", "3171 9905 0595 0001"), ("NIK", "MzE3MTk5MDUwNTk1MDAwMQ==")),
        *(("KK", SITI.kk), ("name", SITI.name), ("name", "siti%20rekaan"), ("birth date", "05-05-1995")),
        *(("phone", "+6281290000001"), ("phone", "081290000001"), ("token", "token-of-siti")),
        *(("score", "similarity"), ("code", "907155")),
    ],
)
def test_a_marker_in_any_log_is_found_however_written_and_the_log_is_named(kind, leak):
    someone = [player(YOUNG, State.NOT_ELIGIBLE)]

    assert privacy_line(someone, {"engine": b"fine", "edge": b""}).is_right
    line = privacy_line(someone, {"engine": b"fine", "edge": f"x {leak} y".encode()}, ["907155"])
    assert not line.is_right
    assert line.seen == f"found in edge ({kind})"


def test_logs_that_are_all_empty_prove_nothing():
    assert not privacy_line([player(YOUNG, State.NOT_ELIGIBLE)], {"engine": b""}).is_right


def test_people_reasons_and_stages_are_counted():
    walks = [
        Walk("a", state=State.SELECTED, stage_s={"form": 1.0}),
        Walk(
            "b",
            state=State.NOT_ELIGIBLE,
            stage_s={"form": 3.0, "join": 5.0},
            reason_sentences=("Too young.",),
        ),
        Walk("c"),
    ]

    assert count_states(walks) == {"SELECTED": 1, "NOT_ELIGIBLE": 1, "NOT_STARTED": 1}
    assert count_refusals(walks) == {"Too young.": 1}
    assert median_stages(walks) == {"form": 2.0, "join": 5.0}


def test_one_wrong_line_makes_the_report_wrong_on_the_terminal_and_in_json():
    fine = Line("seats", "5", "5", is_right=True)
    report = Report(
        {"SELECTED": 5}, {}, {"form": 1.0}, 5, 5, (fine,), "default-1", "app_1", "draws", "verify", 9.0
    )
    wrong = replace(report, lines=(fine, replace(fine, seen="4", is_right=False)))
    shown = io.StringIO()

    print_report(Console(file=shown, width=100), wrong)

    assert report_json(report)["is_right"]
    assert not json.loads(json.dumps(report_json(wrong)))["is_right"]
    assert "✗" in shown.getvalue()
    assert "5 of 5" in shown.getvalue()
