"""What is shown of a long command, and of an applicant's story."""

from __future__ import annotations

import io

from rich.console import Console

from gelombang.domain.application import State
from local.applicant import Walk
from local.display import Display
from local.story import print_story

STORY = {
    "status": {
        "application_id": "app_1",
        "state": {"code": "SELECTED", "sentence": {"en": "You have a seat."}},
        "reasons": [],
    },
    "checks": [
        {
            "layer": "population",
            "outcome": "PASSED",
            "source": "dukcapil",
            "list_version": "2026-11-21",
            "checked_at": "2026-11-21T01:00:00+00:00",
            "reason": "",
            "flags": ["NIK_DATE_DIFFERS"],
            "tries": 2,
        }
    ],
    "decisions": [
        {
            "entry": 4,
            "decision": {"code": "DECIDED_VERIFIED"},
            "reasons": [],
            "rule_set": "2023",
            "rules_sha256": "0123456789abcdef",
            "people": [],
            "key_id": "key-1",
            "anchored_on": "2026-11-22",
            "fault": "",
        }
    ],
    "faces": [
        {
            "face_check_id": "app_1-1",
            "model_release": "default-1",
            "runtime": "onnxruntime",
            "assessed_at": "2026-11-21T01:00:05+00:00",
            "operating_point": "default-1",
            "operating_point_set_by": "a measurement",
            "similarity": None,
            "match_min": 0.9,
            "verdict": "REVIEW",
            "reasons": ["FACE_UNSURE"],
            "selfie": {
                "outcome": "ASSESSED",
                "width_px": 600,
                "height_px": 800,
                "face_count": 1,
                "not_assessed": ["HAT"],
            },
            "ktp": {
                "outcome": "NO_FACE",
                "width_px": 1400,
                "height_px": 1000,
                "face_count": 0,
                "not_assessed": [],
            },
            "candidates": ["app_2"],
        }
    ],
    "reviews": [
        {
            "head": {"case_id": "case-app_1-1", "reasons": ["FACE_UNSURE"]},
            "decision": "accept",
            "answers": [
                {"reviewer": "Ani", "decision": "accept", "note": "the same person"},
                {"reviewer": "Budi", "decision": "accept", "note": "older on the card"},
            ],
        }
    ],
    "happened": [
        {
            "at": "2026-11-21T01:00:06+00:00",
            "event": "review_decided",
            "facts": {
                "answers": [
                    {"reviewer": "Ani", "decision": "accept"},
                    {"reviewer": "Budi", "decision": "accept"},
                ]
            },
        },
        {
            "at": "2026-11-21T02:00:00+00:00",
            "event": "draw_published",
            "facts": {
                "wave_id": "demo",
                "outcome": "SELECTED",
                "rank": 3,
                "reserve": 0,
                "rule": "REGION_SEAT",
            },
        },
    ],
    "audit_fault": "",
}


def printed(story):
    shown = io.StringIO()
    print_story(Console(file=shown, width=200), story)
    return shown.getvalue()


def test_a_story_tells_each_check_with_source_version_time_and_remarks():
    line = next(line for line in printed(STORY).splitlines() if "dukcapil" in line)

    for word in ("population", "PASSED", "2026-11-21", "2026-11-21 08:00:00", "NIK_DATE_DIFFERS", "2"):
        assert word in line


def test_a_story_tells_the_face_its_release_its_operating_point_and_whom_it_resembles():
    text = printed(STORY)

    for words in (
        "REVIEW FACE_UNSURE",
        "by default-1",
        "operating point default-1",
        "not assessed by this pack: HAT",
    ):
        assert words in text
    assert "application app_2" in text
    assert "similarity not measured" in text


def test_a_story_tells_the_place_in_the_draw_and_a_broken_chain():
    assert "rank 3 of its region: SELECTED by the rule REGION_SEAT" in printed(STORY)
    assert "The audit chain holds." in printed(STORY)
    assert "broken: entry 2" in printed({**STORY, "audit_fault": "entry 2"})


def test_a_story_tells_who_decided_a_review_and_why():
    answers = "Ani: accept, the same person; Budi: accept, older on the card"
    assert f"Review of FACE_UNSURE: accept ({answers})" in printed(STORY)


def test_a_story_tells_what_happened_in_words_not_in_code():
    line = next(line for line in printed(STORY).splitlines() if "review_decided" in line)

    assert "answers: reviewer Ani; decision accept + reviewer Budi; decision accept" in line


def test_a_story_tells_each_decision_its_rules_its_signature_and_its_anchor():
    (decision,) = STORY["decisions"]
    broken = {**decision, "people": ["Ani", "Budi"], "anchored_on": None, "fault": "the signature is wrong"}

    assert (
        "Decision, entry 4: DECIDED_VERIFIED, by rules 2023 (0123456789ab); signed by key-1, anchored on 2026-11-22"
        in printed(STORY)
    )
    assert "by Ani + Budi; the signature is wrong, not anchored yet" in printed(
        {**STORY, "decisions": [broken]}
    )


def test_a_story_without_a_face_says_so():
    assert "the face was not measured" in printed({**STORY, "faces": []})


def test_without_a_terminal_progress_is_a_line_with_the_people_in_each_state():
    shown = io.StringIO()

    with Display(Console(file=shown, width=200)) as display:
        display.walks = [Walk("a", state=State.JOINED), Walk("b", state=State.JOINED), Walk("c")]
        display.say("people apply")
        display.keep("The worker was killed.")

    assert "people apply: JOINED 2, not started 1" in shown.getvalue()
    assert "The worker was killed." in shown.getvalue()


def test_on_a_terminal_progress_is_a_table_that_goes_away_and_kept_lines_stay():
    shown = io.StringIO()

    with Display(Console(file=shown, width=100, force_terminal=True)) as display:
        display.walks = [Walk("a", state=State.CHECKING, stage="checks and face")]
        display.say("people apply")
        display.keep("The worker was killed.")

    assert "checks and face 1" in shown.getvalue()
    assert "The worker was killed." in shown.getvalue()
