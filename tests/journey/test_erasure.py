"""Erasing a person: with a code, from every state, within three days, and really."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gelombang.domain.application import Slot, State
from gelombang.domain.audit import chain_fault
from gelombang.domain.consent import Purpose
from gelombang.domain.errors import CodeError, NotFoundError, NotSignedInError
from gelombang.domain.face_evidence import Candidate
from gelombang.domain.messages import QueueName
from gelombang.domain.review import ReviewDecision
from gelombang.domain.seat import SeatAnswer
from gelombang.domain.wave import definition_from_json
from gelombang.journey import (
    applications,
    codes,
    consents,
    erasure,
    photos,
    registration,
    resumable,
    review,
    seats,
    selection,
    sessions,
    verification,
)
from gelombang.journey.erasure import WITHIN
from gelombang.journey.reconciliation import reconcile
from tests.journey.reviewers import decide, open_cases, see
from tests.journey.walking import JPEG, Walk, begin, citizen
from tests.journey.waves import OPERATOR, WAVE, Crash, Writes, crashing, run_step

PHONE = "+6281234567890"
PERSON = citizen()


def last_code(walk: Walk) -> str:
    return walk.world.texts.sent[-1][1].split("Kode Anda ")[1][:6]


def token_of(walk: Walk, phone: str = PHONE) -> str:
    """Sign in once more and return the token."""
    walk.world.clock.advance(minutes=6)
    sent = codes.send_code(walk.ports, phone)
    return sessions.confirm_code(walk.ports, sent.challenge_id, last_code(walk)).token


def ask(walk: Walk, phone: str = PHONE):
    """Ask for erasure as the owner of the phone does; return what was promised."""
    session = sessions.session_of(walk.ports, token_of(walk, phone))
    sent = erasure.ask_for_code(walk.ports, session)
    return erasure.ask(walk.ports, session, sent.challenge_id, last_code(walk))


def wait(walk: Walk, time: timedelta) -> None:
    """Let the reconciler have its rounds for so long."""
    rounds = int(time / timedelta(minutes=10))
    for _ in range(rounds):
        reconcile(walk.ports)
        walk.world.clock.advance(minutes=10)
        walk.deliver()


def all_rows(walk: Walk) -> str:
    return json.dumps([[str(row.key), row.fields] for row in walk.world.rows._rows.values()])


def joined(walk: Walk) -> str:
    """Return an application that has joined an open wave."""
    application_id = walk.submit(PERSON)
    walk.deliver()
    now = walk.world.clock.now()
    wave = {
        "wave_id": WAVE,
        "name": "Gelombang 9",
        "opens_at": now.isoformat(),
        "closes_at": (now + timedelta(days=1)).isoformat(),
        "quota": {"3171": 1},
        "rule_set": "2023",
        "priority_seats": 0,
        "reserve_percent": 0,
    }
    selection.open_wave(walk.ports, definition_from_json(wave), OPERATOR)
    selection.join(walk.ports, application_id, WAVE)
    return application_id


def test_nothing_of_an_erased_person_is_left_within_three_days():
    walk = begin(PERSON)
    application_id = walk.submit(PERSON)
    walk.deliver()
    before = walk.application(application_id)
    sealed, phone_tag, nik_tag = before.form.sealed["nik"], before.phone_tag, before.form.nik_tag

    promised = ask(walk)
    wait(walk, promised.erased_by - walk.world.clock.now())

    erased, rows = walk.application(application_id), all_rows(walk)
    assert erased.state is State.ERASED
    assert [*walk.world.photos.quarantine, *walk.world.photos.kept] == []
    assert PERSON.name not in rows
    assert f"PHONE#{phone_tag}" not in rows
    assert f"NIK#{nik_tag}" not in rows
    assert sealed not in rows
    assert "FACECHECK#" not in rows
    assert "ERASURE#" not in rows
    with pytest.raises(NotFoundError):
        walk.ports.vault.open(sealed, registration.seal_context(application_id, "nik"))
    entries = applications.audit_of(walk.ports, application_id)
    assert [entry.event for entry in entries][-3:] == ["erasure_asked", "stripped", "erased"]
    assert chain_fault(entries, erased.audit_length, erased.audit_head) == ""


def test_whoever_asked_is_signed_out_everywhere_and_may_begin_anew():
    walk = begin(PERSON)
    application_id = walk.submit(PERSON)
    walk.deliver()
    elsewhere = token_of(walk)

    ask(walk)
    wait(walk, timedelta(hours=2))

    with pytest.raises(NotSignedInError):
        sessions.session_of(walk.ports, elsewhere)
    again = walk.submit(PERSON)
    walk.deliver()
    assert again != application_id
    assert walk.application(again).state is State.VERIFIED


def test_a_session_without_the_code_erases_nothing():
    walk = begin(PERSON)
    application_id = walk.submit(PERSON)
    session = sessions.session_of(walk.ports, token_of(walk))
    sent = erasure.ask_for_code(walk.ports, session)
    wrong = "000000" if last_code(walk) != "000000" else "000001"

    with pytest.raises(CodeError):
        erasure.ask(walk.ports, session, sent.challenge_id, wrong)

    wait(walk, WITHIN)
    assert walk.application(application_id).state is not State.ERASED


def test_a_code_to_sign_in_does_not_erase():
    walk = begin(PERSON)
    walk.sign_in()
    session = sessions.session_of(walk.ports, token_of(walk))
    walk.world.clock.advance(minutes=6)
    sent = codes.send_code(walk.ports, PHONE)

    with pytest.raises(CodeError):
        erasure.ask(walk.ports, session, sent.challenge_id, last_code(walk))


def test_an_entry_in_an_open_wave_is_taken_back():
    walk = begin(PERSON)
    application_id = joined(walk)

    ask(walk)
    wait(walk, timedelta(hours=2))

    assert walk.application(application_id).state is State.ERASED
    selection.ask_step(walk.ports, WAVE, "close", OPERATOR)
    run_step(walk.ports, WAVE, "freeze")
    assert selection.find_wave(walk.ports, WAVE).entry_count == 0


def test_an_entry_in_a_draw_under_way_waits_for_the_publication_and_a_seat_not_accepted_goes_with_its_nik():
    walk = begin(PERSON)
    application_id = joined(walk)
    nik_tag = walk.application(application_id).form.nik_tag
    selection.ask_step(walk.ports, WAVE, "close", OPERATOR)
    run_step(walk.ports, WAVE, "freeze")

    ask(walk)
    wait(walk, timedelta(hours=2))
    during = walk.application(application_id).state
    for step in ("commit", "draw", "publish"):
        run_step(walk.ports, WAVE, step)
    assert walk.application(application_id).state is State.SELECTED
    wait(walk, timedelta(hours=2))

    assert during is State.JOINED
    assert walk.application(application_id).state is State.ERASED
    assert f"NIK#{nik_tag}" not in all_rows(walk)
    assert PERSON.name not in all_rows(walk)
    again = walk.submit(PERSON)
    walk.deliver()
    assert walk.application(again).state is State.VERIFIED


def test_a_seat_that_was_accepted_keeps_the_nik_of_whoever_is_erased():
    walk = begin(PERSON)
    application_id = joined(walk)
    nik_tag = walk.application(application_id).form.nik_tag
    selection.ask_step(walk.ports, WAVE, "close", OPERATOR)
    for step in ("freeze", "commit", "draw", "publish"):
        run_step(walk.ports, WAVE, step)
    seats.answer_seat(walk.ports, walk.application(application_id), SeatAnswer.ACCEPT)

    ask(walk)
    wait(walk, timedelta(hours=2))

    assert walk.application(application_id).state is State.ERASED
    assert f"NIK#{nik_tag}" in all_rows(walk)
    again = walk.submit(PERSON)
    walk.deliver()
    assert walk.application(again).state is State.IN_REVIEW


def test_evidence_and_copies_that_come_after_the_first_round_go_in_the_last():
    walk = begin(PERSON)
    application_id = walk.submit(PERSON)
    verification.run_checks(walk.ports, walk.programme, walk.world.queues.take(QueueName.CHECKS_DUE))
    asked = walk.world.queues.take(QueueName.FACE_REQUESTS)

    ask(walk)
    reconcile(walk.ports)
    walk.answer(asked)
    walk.world.photos.keep(f"{application_id}/selfie/late", b"late")
    wait(walk, timedelta(hours=2))

    assert "FACECHECK#" not in all_rows(walk)
    assert walk.world.photos.kept == {}
    assert walk.application(application_id).state is State.ERASED


def test_a_case_about_somebody_erased_is_closed_and_cases_of_others_do_without_their_pictures():
    other = citizen(2)
    walk = begin(PERSON, other)
    first = walk.submit(PERSON)
    walk.deliver()
    second = walk.submit(other, "+6281234567891")
    walk.candidates[second] = (Candidate(first, 0.95),)
    walk.deliver()
    assert [person.label for person in see(walk.ports, second).people] == ["A", "B"]

    ask(walk)
    wait(walk, timedelta(hours=2))
    shown = see(walk.ports, second).people
    ask(walk, "+6281234567891")
    wait(walk, timedelta(hours=2))

    assert [person.label for person in shown] == ["A"]
    assert open_cases(walk.ports) == []


def test_what_reviewers_noted_about_somebody_erased_goes_too_and_their_decision_stays():
    walk = begin(PERSON)
    application_id = walk.submit(PERSON)
    walk.similarity[application_id] = 0.1
    walk.deliver()
    case_id = walk.application(application_id).review_case_id
    decide(walk.ports, application_id, ReviewDecision.REFUSE, f"{PERSON.name} is not on the card")

    ask(walk)
    wait(walk, timedelta(hours=2))

    assert PERSON.name not in all_rows(walk)
    record = review.case_record(walk.ports, case_id)
    assert [answer.note for answer in record.answers] == ["", ""]
    assert record.decision == "refuse"


def test_somebody_who_had_withdrawn_the_face_check_can_be_erased():
    walk = begin(PERSON)
    application_id = walk.submit(PERSON)
    verification.run_checks(walk.ports, walk.programme, walk.world.queues.take(QueueName.CHECKS_DUE))
    consents.withdraw_consent(walk.ports, walk.programme, application_id, Purpose.FACE_CHECK)

    ask(walk)
    wait(walk, timedelta(hours=2))

    assert walk.application(application_id).state is State.ERASED
    assert "FACECHECK#" not in all_rows(walk)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.booleans())
def test_a_crash_at_any_write_only_delays(crash_at, is_done):
    walk = begin(PERSON)
    application_id = walk.submit(PERSON)
    walk.deliver()
    ask(walk)

    writes = Writes(crash_at, is_done)
    for _ in range(4):
        try:
            reconcile(crashing(walk.ports, writes))
        except Crash:
            reconcile(walk.ports)
        walk.world.clock.advance(minutes=45)

    assert walk.application(application_id).state is State.ERASED
    assert "ERASURE#" not in all_rows(walk)
    assert PERSON.name not in all_rows(walk)


@pytest.mark.parametrize("state", [state for state in State if state not in {State.ERASED, State.JOINED}])
def test_everybody_can_be_erased_wherever_the_application_is(state):
    walk = begin(PERSON)
    application_id = walk.sign_in()
    application = walk.application(application_id)
    applications.save(walk.ports, replace(application, state=state), "made_for_a_test")

    ask(walk)
    wait(walk, timedelta(hours=2))

    assert walk.application(application_id).state is State.ERASED
    assert all(photo.key == "" for photo in walk.application(application_id).photos.values())
    assert set(walk.application(application_id).photos) == set(Slot)


def test_chunks_of_an_upload_go_with_the_person_and_not_only_when_they_expire():
    walk = begin(PERSON)
    application_id = walk.sign_in()
    first = resumable.begin_upload(walk.ports, application_id, Slot.KTP, 8192, "image/jpeg")
    resumable.append_chunk(walk.ports, application_id, first.upload_id, 0, JPEG.ljust(4096))
    photos.offer_upload(walk.ports, application_id, Slot.KTP, "image/jpeg", 8192)  # and in one piece instead
    last = resumable.begin_upload(walk.ports, application_id, Slot.SELFIE, 8192, "image/jpeg")
    resumable.append_chunk(walk.ports, application_id, last.upload_id, 0, JPEG.ljust(4096))
    assert all_rows(walk).count("CHUNK#") == 2

    ask(walk)
    reconcile(walk.ports)

    assert "UPLOAD#" not in all_rows(walk)
    with pytest.raises(NotFoundError):
        resumable.append_chunk(walk.ports, application_id, last.upload_id, 4096, JPEG.ljust(4096))


def test_another_upload_for_a_slot_removes_the_chunks_of_every_one_before():
    walk = begin(PERSON)
    application_id = walk.sign_in()
    first = resumable.begin_upload(walk.ports, application_id, Slot.KTP, 8192, "image/jpeg")
    resumable.append_chunk(walk.ports, application_id, first.upload_id, 0, JPEG.ljust(4096))
    photos.offer_upload(walk.ports, application_id, Slot.KTP, "image/jpeg", 8192)

    resumable.begin_upload(walk.ports, application_id, Slot.KTP, 8192, "image/jpeg")

    assert "CHUNK#" not in all_rows(walk)
