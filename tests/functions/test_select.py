"""Waves over HTTP, in memory: defined, joined, drawn step by step, published."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from chalice.test import Client
from function_calls import Caller, accepted_by_two, deliver, in_review, load_function, sqs_event, staff

from benchmarks.drills.people import verified_by_hand
from gelombang import wiring
from gelombang.domain.draw_bundle import BUNDLE
from gelombang.domain.draw_signature import SIGNATURES
from gelombang.domain.messages import QueueName, message_to_json
from gelombang.journey import applications
from gelombang.journey.extensions import HEARTBEAT
from gelombang.journey.programme import load_programme
from gelombang.memory.ports import MemoryWorld

STEPS = ("freeze", "commit", "draw", "publish")


def wave_around(world: MemoryWorld, **changes: object) -> dict[str, Any]:
    """Return a wave that is open now."""
    now = world.clock.now()
    return {
        "wave_id": "gelombang-1",
        "name": "Gelombang 1",
        "opens_at": (now - timedelta(hours=1)).isoformat(),
        "closes_at": (now + timedelta(hours=1)).isoformat(),
        "quota": {"3171": 1},
        "rule_set": "2023",
        **changes,
    }


def verified(world: MemoryWorld, applicant: Caller) -> Caller:
    """Have Siti verified, by reviewers; the registers let her in."""
    in_review(world, applicant)
    accepted_by_two(world)
    name = applicant.get("/v1/application").body["application_id"]
    verified_by_hand(world.ports, applications.load(world.ports, name))
    return applicant


def take_step(world: MemoryWorld, operator: Caller, step: str) -> dict[str, Any]:
    """Ask for a step, deliver its message, return the wave's page."""
    asked = operator.post(f"/v1/waves/gelombang-1/{step}")
    assert asked.status == 202, asked.body
    message = world.queues.take(QueueName.WAVE_STEPS)
    assert message is not None
    report = deliver("select", "wave_steps", sqs_event("wave-steps", message_to_json(message)))
    assert report == {"batchItemFailures": []}
    return operator.get("/v1/waves/gelombang-1").body


def test_an_operator_defines_a_wave_and_anybody_sees_it(world: MemoryWorld, anybody: Caller) -> None:
    defined = staff(world, "operator").post("/v1/waves", wave_around(world))

    page = anybody.get("/v1/waves/gelombang-1")

    assert defined.status == 201
    assert (page.status, page.body["state"]) == (200, "OPEN")
    assert page.headers["cache-control"] == "public, max-age=5"
    assert [wave["definition"]["wave_id"] for wave in anybody.get("/v1/waves").body["waves"]] == [
        "gelombang-1"
    ]


def test_a_wave_with_faults_is_refused_with_all_of_them(world: MemoryWorld, anybody: Caller) -> None:
    wrong = {"wave_id": "Gelombang Satu!", "name": "G", "opens_at": "tomorrow", "quota": {"31": 1}}

    refused = staff(world, "operator").post("/v1/waves", wrong)

    pointers = {each["pointer"] for each in refused.body["errors"]}
    assert pointers == {"/wave_id", "/opens_at", "/quota", "/closes_at", "/rule_set"}
    assert anybody.get("/v1/waves").body == {"waves": []}


@pytest.mark.parametrize("step", ["close", *STEPS])
def test_only_an_operator_moves_a_wave(
    world: MemoryWorld, applicant: Caller, anybody: Caller, step: str
) -> None:
    staff(world, "operator").post("/v1/waves", wave_around(world))

    assert staff(world, "reviewer").post(f"/v1/waves/gelombang-1/{step}").slug == "not-allowed"
    assert applicant.post(f"/v1/waves/gelombang-1/{step}").slug == "not-allowed"
    assert anybody.post(f"/v1/waves/gelombang-1/{step}").slug == "not-signed-in"


def test_joining_twice_gives_one_receipt(world: MemoryWorld, applicant: Caller) -> None:
    staff(world, "operator").post("/v1/waves", wave_around(world))
    verified(world, applicant)

    first = applicant.post("/v1/waves/gelombang-1/entries")
    second = applicant.post("/v1/waves/gelombang-1/entries")

    assert (first.status, second.body) == (201, first.body)


def test_an_id_that_another_wave_has_is_refused_for_good_in_both_languages(world: MemoryWorld) -> None:
    operator = staff(world, "operator")
    first = operator.post("/v1/waves", wave_around(world))

    same = operator.post("/v1/waves", wave_around(world))
    other = operator.post("/v1/waves", wave_around(world) | {"name": "Another"})

    assert (same.status, same.body) == (201, first.body)
    assert (other.status, other.slug) == (409, "wave-id-taken")
    assert "Pilih id lain" in other.body["next_step"]
    assert "Choose another id" in other.body["next_step_en"]
    assert "retry_after_s" not in other.body
    assert operator.get("/v1/waves/gelombang-1").body == first.body


def test_a_wave_by_rules_that_are_not_in_force_when_it_opens_is_refused(world: MemoryWorld) -> None:
    operator = staff(world, "operator")

    refused = operator.post("/v1/waves", wave_around(world) | {"rule_set": "2021-december"})

    assert (refused.status, refused.slug) == (422, "invalid-form")
    assert [(one["pointer"], one["reason"]) for one in refused.body["errors"]] == [
        ("/rule_set", "RULES_NOT_IN_FORCE")
    ]
    assert operator.get("/v1/waves/gelombang-1").slug == "not-found"


def test_whoever_was_checked_by_other_rules_is_told_that_they_are_checked_again(
    world: MemoryWorld, applicant: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff(world, "operator").post("/v1/waves", wave_around(world))
    verified(world, applicant)
    monkeypatch.setattr("gelombang.journey.rechecking.rules_hash", lambda _rules: "of other rules")

    again = applicant.post("/v1/waves/gelombang-1/entries")

    assert (again.status, again.body["errors"][0]["reason"]) == (409, "CHECKED_AGAIN")
    assert "tidak perlu mengirim apa pun" in again.body["errors"][0]["detail"]
    assert applicant.get("/v1/application").body["state"]["code"] == "CHECKING"


def test_a_wave_is_joined_only_in_its_hours_and_only_by_the_verified(
    world: MemoryWorld, applicant: Caller
) -> None:
    staff(world, "operator").post("/v1/waves", wave_around(world))

    unverified = applicant.post("/v1/waves/gelombang-1/entries")
    verified(world, applicant)
    world.clock.advance(hours=1)
    late = applicant.post("/v1/waves/gelombang-1/entries")

    assert (unverified.slug, unverified.body["errors"][0]["reason"]) == ("not-ready", "NOT_VERIFIED")
    assert (late.status, late.slug) == (409, "wave-not-open")
    assert late.body["opens_at"] < late.body["closes_at"]
    assert applicant.post("/v1/waves/nowhere/entries").slug == "not-found"


def test_a_wave_goes_step_by_step_to_a_result_with_its_proof(world: MemoryWorld, applicant: Caller) -> None:
    operator = staff(world, "operator")
    operator.post("/v1/waves", wave_around(world))
    verified(world, applicant)
    applicant.post("/v1/waves/gelombang-1/entries")
    early = applicant.get("/v1/waves/gelombang-1/entries/mine")
    operator.post("/v1/waves/gelombang-1/close")

    pages = [take_step(world, operator, step) for step in STEPS]

    assert early.slug == "not-ready"
    assert [page["state"] for page in pages] == ["FROZEN", "COMMITTED", "DRAWN", "PUBLISHED"]
    own = applicant.get("/v1/waves/gelombang-1/entries/mine").body
    assert (own["result"]["rank"], own["result"]["outcome"]) == (1, "SELECTED")
    assert applicant.get("/v1/application").body["state"]["code"] == "SELECTED"
    files = Caller().get("/v1/waves/gelombang-1/bundle").body["files"]
    assert len(files) == len(BUNDLE) + len(SIGNATURES)


def test_steps_out_of_order_are_refused(world: MemoryWorld) -> None:
    operator = staff(world, "operator")
    operator.post("/v1/waves", wave_around(world))

    refused = operator.post("/v1/waves/gelombang-1/draw")

    assert refused.slug == "move-not-allowed"
    assert world.queues.waiting_count(QueueName.WAVE_STEPS) == 0
    assert "masih dibuka (OPEN)" in refused.body["detail"]
    assert "is still open (OPEN): draw" in refused.body["detail_en"]
    assert "step close" in refused.body["next_step_en"]
    operator.post("/v1/waves/gelombang-1/close")
    closed = operator.post("/v1/waves/gelombang-1/draw").body
    assert "(CLOSED)" in closed["detail_en"]
    assert closed["next_step"] == "Lakukan langkah freeze lebih dulu."
    assert closed["next_step_en"] == "The step freeze comes first."


def test_a_beacon_that_was_not_promised_is_refused(world: MemoryWorld) -> None:
    operator = staff(world, "operator")
    operator.post("/v1/waves", wave_around(world))

    refused = operator.post("/v1/waves/gelombang-1/beacon", {"beacon": "00" * 48})

    assert refused.slug == "move-not-allowed"
    assert operator.post("/v1/waves/gelombang-1/beacon", {"beacon": "0"}).slug == "invalid-form"


def test_a_step_whose_message_was_lost_is_asked_for_again(world: MemoryWorld) -> None:
    operator = staff(world, "operator")
    operator.post("/v1/waves", wave_around(world))
    operator.post("/v1/waves/gelombang-1/close")
    operator.post("/v1/waves/gelombang-1/freeze")
    lost = world.queues.take(QueueName.WAVE_STEPS)
    world.clock.advance(minutes=2)

    event = Client(load_function("select").app).events.generate_cw_event(
        "aws.events", "Scheduled Event", {}, []
    )
    deliver("select", "resend_steps", event)

    assert lost is not None
    assert world.queues.take(QueueName.WAVE_STEPS) == lost


@pytest.mark.enable_socket
@pytest.mark.parametrize(("public_url", "away_count"), [("", 0), ("http://127.0.0.1:9", 3)])
def test_the_clock_that_looks_at_the_service_logs_what_it_saw(
    world: MemoryWorld, public_url: str, away_count: int
) -> None:
    event = Client(load_function("select").app).events.generate_cw_event(
        "aws.events", "Scheduled Event", {}, []
    )
    handler = load_function("select").routes.logger.registered_handler
    before, written = handler.stream, StringIO()
    handler.setStream(written)
    try:
        with wiring.wired_to(world.ports, load_programme("prakerja"), public_url):
            deliver("select", "watch_service", event)
    finally:
        handler.setStream(before)

    line = json.loads(written.getvalue())
    told = (line["event"], line["is_asked"], line["away_count"])
    assert told == ("service_watched", bool(public_url), away_count)
    assert (world.rows.read(HEARTBEAT) is None) == bool(away_count)


def test_an_operator_extends_a_wave_and_its_page_says_why(world: MemoryWorld) -> None:
    operator = staff(world, "operator")
    wave = operator.post("/v1/waves", wave_around(world)).body
    later = datetime.fromisoformat(wave["closes_at"]) + timedelta(hours=2)
    given = {"closes_at": later.isoformat(), "reason": "Banjir di tiga kabupaten."}

    answer = operator.post("/v1/waves/gelombang-1/extend", given)

    assert answer.status == 200
    page = Caller().get("/v1/waves/gelombang-1").body
    assert datetime.fromisoformat(page["closes_at"]) == later
    assert [each["reason"] for each in page["extensions"]] == [given["reason"]]
    no_zone = {**given, "closes_at": "2026-11-27T16:00:00"}
    too_far = {**given, "closes_at": "9999-12-31T23:59:59Z"}
    for wrong in (no_zone, too_far, {**given, "reason": "Banjir"}, {**given, "closes_at": wave["closes_at"]}):
        assert operator.post("/v1/waves/gelombang-1/extend", wrong).slug == "invalid-form"


def test_a_step_that_fails_is_delivered_again(world: MemoryWorld) -> None:
    staff(world, "operator").post("/v1/waves", wave_around(world))
    body = json.dumps({"wave_id": "gelombang-1", "step": "draw"})

    report = deliver("select", "wave_steps", sqs_event("wave-steps", body))

    assert report == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
