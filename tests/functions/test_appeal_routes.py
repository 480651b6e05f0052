"""Appeals through the functions: filed, shown with pictures, answered, published; and what the refusals say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from chalice.test import Client
from function_calls import (
    JPEG,
    SITI,
    Caller,
    deliver,
    load_function,
    sign_in,
    sqs_event,
    staff,
    submitted,
)

from gelombang import wiring
from gelombang.domain.messages import ChecksDue, QueueName, message_to_json
from gelombang.journey.programme import load_programme
from gelombang.memory.ports import MemoryWorld, memory_world
from gelombang.memory.registers import MemoryRegisters

APPEALS = "/v1/application/appeals"
WORDS = {"reason": "STILL_AT_SCHOOL", "words": "Saya lulus tahun 2024."}
KEY = "5d0b33a2-4e8e-4c6e-8a31-6f4a2f0e7f11"


@pytest.fixture
def world() -> Iterator[MemoryWorld]:
    """A world whose education register calls Siti a pupil."""
    world = memory_world(MemoryRegisters([replace(SITI, is_at_school=True)]))
    with wiring.wired_to(world.ports, load_programme("prakerja")):
        yield world


@pytest.fixture
def refused(world: MemoryWorld) -> Caller:
    """Siti, refused."""
    siti = sign_in(world, "+6281200000001")
    name = submitted(world, siti)
    check(name)
    assert siti.get("/v1/application").body["state"]["code"] == "NOT_ELIGIBLE"
    return siti


def check(name: str, submission: int = 1) -> None:
    body = message_to_json(ChecksDue(name, submission))
    assert deliver("verify", "checks_due", sqs_event("checks-due", body)) == {"batchItemFailures": []}


def tick() -> None:
    """Let the minute's clock ring."""
    event = Client(load_function("verify").app).events.generate_cw_event(
        "aws.events", "Scheduled Event", {}, []
    )
    deliver("verify", "reconcile", event)


def send_picture(world: MemoryWorld, siti: Caller, number: str) -> None:
    offer = {"content_type": "image/jpeg", "size_bytes": len(JPEG)}
    key = siti.post(f"{APPEALS}/{number}/evidence", offer).body["fields"]["key"]
    world.photos.receive(key, JPEG)
    event = json.dumps({"Records": [{"s3": {"object": {"key": key}}}]})
    assert deliver("verify", "photo_arrived", sqs_event("photos-arrived", event)) == {"batchItemFailures": []}


def test_an_appeal_from_its_filing_to_the_check_that_follows(world: MemoryWorld, refused: Caller) -> None:
    officer = staff(world, "appeals_officer")

    may_file = refused.get(APPEALS).body["may_file"]
    filed = refused.post_once(KEY, APPEALS, WORDS)
    again = refused.post_once(KEY, APPEALS, WORDS)
    number = filed.body["number"]
    send_picture(world, refused, number)
    listed = officer.get("/v1/appeals").body["appeals"]
    seen = officer.get(f"/v1/appeals/{number}").body
    asked = officer.post(f"/v1/appeals/{number}/decision", {"code": "ASKED_LETTER"})
    answered = refused.post(f"{APPEALS}/{number}/answer", {"words": "Ini suratnya."})
    decided = officer.post(
        f"/v1/appeals/{number}/decision", {"code": "UPHELD_SHOWN_OTHERWISE", "note": "jelas"}
    )

    assert [each["code"] for each in may_file] == ["STILL_AT_SCHOOL"]
    assert (filed.status, filed.body["deadline"]) == (201, "2026-12-07")
    assert filed.raw == again.raw
    assert [each["number"] for each in listed] == [number]
    assert (seen["check"]["source"], len(seen["evidence_urls"])) == ("kemdikbud", 1)
    assert seen["words"] == [WORDS["words"]]
    assert (asked.body["state"], answered.body["state"]["code"]) == ("APPEAL_ASKED", "APPEAL_OPEN")
    assert (decided.status, decided.body["state"]) == (200, "APPEAL_UPHELD")
    assert refused.get("/v1/application").body["state"]["code"] == "CHECKING"
    restored = world.queues.take(QueueName.CHECKS_DUE)
    while isinstance(later := world.queues.take(QueueName.CHECKS_DUE), ChecksDue):
        restored = later
    assert isinstance(restored, ChecksDue)
    check(restored.application_id, restored.submission)
    assert world.queues.waiting_count(QueueName.FACE_REQUESTS) == 1
    copy = refused.get("/v1/application/copy").body
    assert (len(copy["appeals"]), len(copy["evidence"])) == (1, 1)


def test_what_cannot_be_done_is_said_in_both_languages(world: MemoryWorld, refused: Caller) -> None:
    officer = staff(world, "appeals_officer")
    number = refused.post(APPEALS, WORDS).body["number"]

    refusals = {
        "another": refused.post(APPEALS, WORDS | {"words": "Lagi."}),
        "other reason": refused.post(APPEALS, WORDS | {"reason": "RECEIVES_AID"}),
        "no words": refused.post(APPEALS, WORDS | {"words": " "}),
        "nothing asked": refused.post(f"{APPEALS}/{number}/answer", {"words": "Ini."}),
        "not theirs": refused.post(f"{APPEALS}/B-0000-0000/answer", {"words": "Ini."}),
        "no face": officer.post(f"/v1/appeals/{number}/decision", {"code": "UPHELD_FACE_CONFIRMED"}),
        "unknown": officer.get("/v1/appeals/B-0000-0000"),
        "no code": officer.post(f"/v1/appeals/{number}/decision", {"code": "whatever"}),
    }

    assert {name: (each.status, each.slug) for name, each in refusals.items()} == {
        "another": (409, "not-ready"),
        "other reason": (422, "invalid-form"),
        "no words": (422, "invalid-form"),
        "nothing asked": (409, "move-not-allowed"),
        "not theirs": (404, "not-found"),
        "no face": (422, "invalid-form"),
        "unknown": (404, "not-found"),
        "no code": (422, "invalid-form"),
    }
    told = refusals["another"].body["errors"][0]
    assert (told["reason"], told["detail"][-1], told["detail_en"][-1]) == ("APPEAL_IS_OPEN", ".", ".")


def test_somebody_in_a_draft_may_not_appeal(world: MemoryWorld) -> None:
    new = sign_in(world, "+6281200000003")

    refused = new.post(APPEALS, WORDS)

    assert (refused.status, refused.slug) == (409, "move-not-allowed")
    assert new.get(APPEALS).body == {
        "may_file": [],
        "most_words": 2000,
        "appeals": [],
        "joinable_wave": "",
        "restored": None,
    }


def test_late_appeals_reach_the_supervisor_by_the_clock(world: MemoryWorld, refused: Caller) -> None:
    number = refused.post(APPEALS, WORDS).body["number"]
    for days in (12, 4):
        world.clock.advance(days=days)
        tick()

    late = staff(world, "appeals_supervisor").get("/v1/appeals/escalated").body["appeals"]
    officers = staff(world, "appeals_officer").get("/v1/appeals/escalated")
    relogged = sign_in(world, "+6281200000001").get(APPEALS).body["appeals"][0]

    assert [(each["number"], each["escalation"]) for each in late] == [(number, "PASSED")]
    assert officers.status == 403
    assert relogged["deadline_note"]["code"] == "APPEAL_TAKES_LONGER"
    world.clock.advance(minutes=1)
    tick()
    assert any(f"{number} terlambat" in text for _, text in world.texts.sent)


def test_statistics_are_for_anybody_and_show_no_small_count(refused: Caller) -> None:
    refused.post(APPEALS, WORDS)

    answer = Caller().get("/v1/appeals/statistics")

    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.body["months"][0] == {
        "month": "2026-11",
        "filed": [{"reason": "STILL_AT_SCHOOL", "outcome": "", "count": None}],
        "ended": [],
        "median_working_days": None,
    }
