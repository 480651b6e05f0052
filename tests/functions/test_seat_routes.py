"""Seats over HTTP: what a person, an officer and an auditor do with one, and what the wave's page says of it."""

from __future__ import annotations

from dataclasses import replace

from function_calls import Caller, assisted, code_in, sign_in, staff

from benchmarks.drills.people import verified_by_hand
from gelombang.domain.application import Form
from gelombang.domain.wave import definition_from_json
from gelombang.journey import applications, seat_clock, selection
from gelombang.journey.programme import load_programme
from gelombang.journey.seat_rows import places
from gelombang.journey.wave_rows import read_entries
from gelombang.memory.ports import MemoryWorld
from tests.journey.waves import close_and_run

WAVE, PROGRAMME = "gelombang-1", load_programme("prakerja")
SEAT, CONFIRM = "/v1/application/seat", "/v1/application/seat/confirmation"


def drawn(world: MemoryWorld, *callers: Caller, seats: int = 1) -> dict[str, Caller]:
    """Let callers join a wave of some seats, with as many reserves, and publish it; return them by state."""
    now = world.clock.now().isoformat()
    later = f"{int(now[:4]) + 1}{now[4:]}"
    fields = {"wave_id": WAVE, "name": "G", "opens_at": now, "closes_at": later, "rule_set": "2023"}
    seats_of = {"quota": {"3171": seats}, "reserve_percent": 100}
    selection.open_wave(world.ports, definition_from_json(fields | seats_of), "operator")
    for number, caller in enumerate(callers):
        name = caller.get("/v1/application").body["application_id"]
        form = Form(
            {}, f"{number + 1:064x}", f"{number + 1:064x}", "3171"
        )  # each in a household of their own
        verified_by_hand(world.ports, replace(applications.load(world.ports, name), form=form))
        assert caller.post(f"/v1/waves/{WAVE}/entries").status == 201
    close_and_run(world.ports, WAVE)
    for entry in read_entries(world.ports, WAVE):
        changes = places(WAVE, entry, entry.result, world.clock.now()) if entry.result else []
        if changes and world.ports.rows.read(changes[0].row.key) is None:  # publication wrote it
            world.ports.rows.commit(changes)
    world.clock.advance(minutes=10)
    return {caller.get("/v1/application").body["state"]["code"]: caller for caller in callers}


def tend(world: MemoryWorld) -> None:
    seat_clock.tend_seats(world.ports, PROGRAMME)


def answered(world: MemoryWorld, caller: Caller, answer: str) -> dict:
    sent = caller.post(SEAT, {"answer": answer})
    assert sent.status == 202
    code = code_in(world.texts.sent[-1][1])
    told = {"answer": answer, "challenge_id": sent.body["challenge_id"], "code": code}
    return caller.post(CONFIRM, told).body


def test_a_seat_is_told_with_its_last_day_and_accepted_with_a_code(world: MemoryWorld) -> None:
    people = drawn(world, sign_in(world, "+6281200000011"))
    tend(world)

    status = people["SELECTED"].get("/v1/application").body
    assert status["seat"]["state"]["code"] == "SEAT_OFFERED"
    assert status["seat"]["accept_by"] == "2026-12-08"
    assert set(status["seat"]["state"]["sentence"]) == {"id", "en"}
    after = answered(world, people["SELECTED"], "accept")

    assert after["seat"]["state"]["code"] == "SEAT_ACCEPTED"


def test_a_code_for_one_answer_is_wrong_for_the_other(world: MemoryWorld) -> None:
    people = drawn(world, sign_in(world, "+6281200000011"))
    sent = people["SELECTED"].post(SEAT, {"answer": "accept"})
    code = code_in(world.texts.sent[-1][1])

    wrong = {"answer": "give_back", "challenge_id": sent.body["challenge_id"], "code": code}
    refused = people["SELECTED"].post(CONFIRM, wrong)

    assert refused.slug == "code-not-accepted"


def test_a_seat_given_back_is_the_next_reserves_and_the_page_counts_it(world: MemoryWorld) -> None:
    people = drawn(world, *(sign_in(world, f"+62812000000{number}") for number in (11, 12)))
    assert answered(world, people["SELECTED"], "give_back")["state"]["code"] == "SEAT_RETURNED"

    tend(world)

    status = people["RESERVE"].get("/v1/application").body
    assert (status["state"]["code"], status["reasons"][0]["code"]) == ("SELECTED", "SEAT_FROM_RESERVE")
    page = Caller().get(f"/v1/waves/{WAVE}").body
    assert (page["filled"], page["free"], page["moved_up"]) == ({"3171": 1}, {}, {"3171": 1})
    answered(world, people["RESERVE"], "give_back")
    tend(world)
    page = Caller().get(f"/v1/waves/{WAVE}").body
    assert (page["filled"], page["free"]) == ({"3171": 0}, {"3171": 1})


def test_who_has_no_seat_is_told_so(world: MemoryWorld) -> None:
    people = drawn(world, *(sign_in(world, f"+62812000000{number}") for number in (11, 12)))

    assert people["RESERVE"].post(SEAT, {"answer": "accept"}).slug == "move-not-allowed"
    assert people["RESERVE"].get("/v1/application").body["seat"] is None


def test_somebody_without_a_phone_answers_with_the_receipt_code_at_an_office(world: MemoryWorld) -> None:
    officer = staff(world, "officer")
    helped, receipt = assisted(officer)
    drawn(world, helped)

    assert helped.post(SEAT, {"answer": "accept"}).slug == "not-ready"
    wrong = helped.post(f"{SEAT}/receipt", {"answer": "accept", "receipt": "0000-0000-0000-0000-0000"})
    assert wrong.slug == "invalid-form"
    right = helped.post(f"{SEAT}/receipt", {"answer": "accept", "receipt": receipt})

    assert right.body["seat"]["state"]["code"] == "SEAT_ACCEPTED"


def test_an_auditor_takes_a_seat_back_and_nobody_else_may(world: MemoryWorld) -> None:
    people = drawn(world, sign_in(world, "+6281200000011"))
    name = people["SELECTED"].get("/v1/application").body["application_id"]
    path, found = f"/v1/explanations/{name}/finding", {"reason": "STILL_AT_SCHOOL", "note": "Berita acara."}

    assert staff(world, "operator").post(path, found).status == 403
    auditor = staff(world, "auditor")
    assert auditor.post(path, found | {"reason": "FACE_DIFFERS"}).slug == "invalid-form"
    taken = auditor.post(path, found)
    assert (taken.status, taken.body["state"]) == (200, "NOT_ELIGIBLE")

    status = people["SELECTED"].get("/v1/application").body
    assert [reason["code"] for reason in status["reasons"]] == ["STILL_AT_SCHOOL"]
    assert status["seat"] is None
