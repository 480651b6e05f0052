"""Restricting the processing of one's data: at once, wherever the application is, and nothing is lost."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gelombang.domain.application import Slot, State
from gelombang.domain.audit import chain_fault
from gelombang.domain.consent import Purpose
from gelombang.domain.errors import RestrictedError, TooManyRequestsError
from gelombang.domain.face_evidence import Candidate
from gelombang.domain.messages import ChecksDue, QueueName
from gelombang.domain.review import ReviewDecision
from gelombang.journey import (
    applications,
    challenge,
    consents,
    photos,
    registration,
    restriction,
    reviewing,
    selection,
    verification,
)
from gelombang.journey.applications import STUCK
from gelombang.journey.evidence import evidence_key
from gelombang.journey.reconciliation import reconcile
from gelombang.journey.status import status_of
from gelombang.memory.registers import SOURCES
from tests.journey.reviewers import RATNA, decide, open_cases, see, take
from tests.journey.test_erasure import ask, joined, wait
from tests.journey.walking import JPEG, RELEASE, Walk, begin, citizen
from tests.journey.waves import OPERATOR, WAVE, Crash, Writes, close_and_run, crashing, run_step

PERSON = citizen()


def submitted() -> tuple[Walk, str]:
    walk = begin(PERSON)
    return walk, walk.submit(PERSON)


def in_review() -> tuple[Walk, str]:
    walk, application_id = submitted()
    walk.similarity[application_id] = 0.1
    walk.deliver()
    return walk, application_id


def days_pass(walk: Walk) -> None:
    for _ in range(4):
        walk.world.clock.advance(hours=12)
        reconcile(walk.ports)
        walk.deliver()


def test_nothing_is_checked_until_it_is_lifted_and_then_everything_is():
    walk, application_id = submitted()

    restriction.restrict(walk.ports, application_id)
    days_pass(walk)
    during = walk.application(application_id)
    lifted = restriction.lift(walk.ports, application_id)
    walk.deliver()

    assert (during.state, during.checks, during.face_check_id) == (State.CHECKING, {}, "")
    assert during.form is not None
    assert lifted.state is State.CHECKING
    assert walk.application(application_id).state is State.VERIFIED


def test_no_worklist_names_a_restricted_application():
    walk, application_id = submitted()
    walk.registers.fail(next(iter(SOURCES.values())))

    restriction.restrict(walk.ports, application_id)

    assert walk.ports.rows.read_due(STUCK, walk.world.clock.now() + timedelta(days=9)) == []
    assert reconcile(walk.ports).redriven_count == 0


def test_a_check_under_way_when_it_is_restricted_leaves_no_trace():
    walk, application_id = submitted()
    asked = walk.registers.ask

    def ask_and_be_overtaken(layer, person):
        restriction.restrict(walk.ports, application_id)
        return asked(layer, person)

    walk.registers.ask = ask_and_be_overtaken
    verification.run_checks(walk.ports, walk.programme, ChecksDue(application_id, 1))

    assert walk.application(application_id).checks == {}


def test_the_worker_finds_the_place_of_a_face_check_taken_and_measures_it_after_the_lifting():
    walk, application_id = submitted()
    verification.run_checks(walk.ports, walk.programme, walk.world.queues.take(QueueName.CHECKS_DUE))
    asked = walk.world.queues.take(QueueName.FACE_REQUESTS)

    restriction.restrict(walk.ports, application_id)
    taken = walk.ports.rows.read(evidence_key(asked.face_check_id))
    restriction.lift(walk.ports, application_id)
    walk.deliver()

    assert taken is not None  # what the consumer looks for before it measures
    assert walk.application(application_id).state is State.VERIFIED


def test_a_worker_that_was_measuring_leaves_no_face_in_a_gallery():
    walk, application_id = submitted()
    verification.run_checks(walk.ports, walk.programme, walk.world.queues.take(QueueName.CHECKS_DUE))
    asked = walk.world.queues.take(QueueName.FACE_REQUESTS)

    restriction.restrict(walk.ports, application_id)
    walk.answer(asked)  # it had enrolled the face meanwhile, and now says that it is done
    walk.deliver()

    told = walk.ports.rows.read_partition(f"GALLERY#{RELEASE}")
    assert [row.fields for row in told] == [{"erased": True}]
    assert walk.application(application_id).state is State.CHECKING


def test_a_face_that_was_enrolled_stays_in_the_galleries_so_that_nobody_gets_a_second_seat_with_it():
    walk, application_id = submitted()
    walk.deliver()

    restriction.restrict(walk.ports, application_id)
    restriction.lift(walk.ports, application_id)

    assert walk.ports.rows.read_partition(f"GALLERY#{RELEASE}") == []  # where it would be asked to go
    assert walk.world.queues.take(QueueName.FACE_REQUESTS) is None
    assert walk.application(application_id).state is State.VERIFIED


def test_a_reviewer_neither_finds_sees_nor_decides_a_restricted_case():
    walk, application_id = in_review()
    case_id = walk.application(application_id).review_case_id
    held = take(walk.ports, RATNA, application_id)

    restriction.restrict(walk.ports, application_id)

    assert open_cases(walk.ports) == []
    assert reviewing.next_review(walk.ports, RATNA) is None
    (person,) = reviewing.view_review(walk.ports, RATNA, held[0]).people
    assert (person.is_restricted, person.selfie_url, person.ktp_url) == (True, "", "")
    for decision in ReviewDecision:
        with pytest.raises(RestrictedError):
            reviewing.answer(walk.ports, RATNA, *held, decision=decision, note="")
    with pytest.raises(RestrictedError):
        reviewing.ask_challenge(walk.ports, RATNA, *held)
    restriction.lift(walk.ports, application_id)
    assert [case.case_id for case in open_cases(walk.ports)] == [case_id]
    walk.world.clock.advance(hours=1)
    decide(walk.ports, application_id, ReviewDecision.ACCEPT)
    assert walk.application(application_id).state is State.VERIFIED


def test_the_case_of_another_does_without_the_pictures_of_a_restricted_candidate():
    other = citizen(2)
    walk = begin(PERSON, other)
    first = walk.submit(PERSON)
    walk.deliver()
    second = walk.submit(other, "+6281234567891")
    walk.candidates[second] = (Candidate(first, 0.95),)
    walk.deliver()

    restriction.restrict(walk.ports, first)

    assert [person.label for person in see(walk.ports, second).people] == ["A"]


def test_a_challenge_that_waits_to_be_measured_is_measured_after_the_lifting():
    walk, application_id = in_review()
    issued = challenge.issue_challenge(walk.ports, application_id)
    for form in issued.uploads:
        walk.world.photos.receive(form.fields["key"], JPEG)
    challenge.answer_challenge(walk.ports, application_id, issued.challenge_id)
    walk.world.clock.advance(minutes=1)
    walk.world.queues.take(QueueName.FACE_REQUESTS)

    restriction.restrict(walk.ports, application_id)
    taken = walk.ports.rows.read(evidence_key(issued.challenge_id))
    with pytest.raises(RestrictedError):
        challenge.issue_challenge(walk.ports, application_id)
    restriction.lift(walk.ports, application_id)

    assert taken is not None
    assert walk.ports.rows.read(evidence_key(issued.challenge_id)) is None
    assert walk.world.queues.take(QueueName.FACE_REQUESTS).evidence_id == issued.challenge_id


def test_nothing_can_be_typed_sent_or_joined_meanwhile():
    walk = begin(PERSON)
    application_id = walk.sign_in()

    restriction.restrict(walk.ports, application_id)

    with pytest.raises(RestrictedError):
        registration.save_form(walk.ports, walk.programme, application_id, {"name": "Siti"})
    with pytest.raises(RestrictedError):
        photos.offer_upload(walk.ports, application_id, Slot.KTP, "image/jpeg", 1000)
    with pytest.raises(RestrictedError):
        registration.submit(walk.ports, application_id)


def test_a_photograph_that_was_on_its_way_is_kept():
    walk = begin(PERSON)
    application_id = walk.sign_in()
    form = photos.offer_upload(walk.ports, application_id, Slot.KTP, "image/jpeg", len(JPEG))
    walk.world.photos.receive(form.fields["key"], JPEG)

    restriction.restrict(walk.ports, application_id)
    photos.record_arrival(walk.ports, form.fields["key"])

    assert walk.world.photos.read(walk.application(application_id).photos[Slot.KTP].key)


def test_the_status_says_so_in_both_languages_with_how_to_lift_it():
    walk, application_id = submitted()

    restriction.restrict(walk.ports, application_id)

    told = status_of(walk.ports, walk.programme, application_id)
    assert told.restriction is not None
    assert "Lanjutkan pemrosesan" in told.restriction.next_step["id"]
    assert "Resume processing" in told.restriction.next_step["en"]
    assert told.open_slots == ()
    restriction.lift(walk.ports, application_id)
    assert status_of(walk.ports, walk.programme, application_id).restriction is None


def test_an_entry_in_an_open_wave_is_held_and_is_in_the_draw_again_once_lifted_before_it():
    walk = begin(PERSON)
    application_id = joined(walk)

    restriction.restrict(walk.ports, application_id)
    restriction.lift(walk.ports, application_id)
    close_and_run(walk.ports)

    assert walk.application(application_id).state is State.SELECTED


def test_whoever_is_restricted_takes_part_in_no_draw_and_may_join_the_next_wave():
    walk = begin(PERSON)
    application_id = joined(walk)

    restriction.restrict(walk.ports, application_id)
    close_and_run(walk.ports)
    during = walk.application(application_id).state
    lifted = restriction.lift(walk.ports, application_id)

    assert selection.find_wave(walk.ports, WAVE).entry_count == 0
    assert during is State.JOINED
    assert (lifted.state, lifted.reasons, lifted.wave_id) == (
        State.NOT_DRAWN,
        ("RESTRICTED_DURING_DRAW",),
        "",
    )
    assert status_of(walk.ports, walk.programme, application_id).reasons[0].sentence["en"]


def test_a_draw_whose_list_was_frozen_before_ends_as_it_would_have():
    walk = begin(PERSON)
    application_id = joined(walk)
    selection.ask_step(walk.ports, WAVE, "close", OPERATOR)
    run_step(walk.ports, WAVE, "freeze")

    restriction.restrict(walk.ports, application_id)
    for step in ("commit", "draw", "publish"):
        run_step(walk.ports, WAVE, step)

    after = walk.application(application_id)
    assert after.state is State.SELECTED
    assert after.restricted_at is not None


def test_a_held_entry_can_be_erased_while_its_wave_is_drawn():
    walk = begin(PERSON)
    application_id = joined(walk)
    restriction.restrict(walk.ports, application_id)
    selection.ask_step(walk.ports, WAVE, "close", OPERATOR)
    run_step(walk.ports, WAVE, "freeze")

    ask(walk)
    wait(walk, timedelta(hours=2))
    for step in ("commit", "draw", "publish"):
        run_step(walk.ports, WAVE, step)

    assert walk.application(application_id).state is State.ERASED


def test_whose_nik_it_is_does_not_wait_for_somebody_who_took_it():
    walk = begin(PERSON)
    taker = walk.submit(PERSON)
    walk.deliver()
    owner = walk.submit(PERSON, "+6281234567891")
    walk.deliver()
    restriction.restrict(walk.ports, taker)

    decide(walk.ports, owner, ReviewDecision.ACCEPT)

    assert walk.application(owner).state is State.VERIFIED
    assert walk.application(taker).state is State.NOT_ELIGIBLE
    assert walk.application(taker).restricted_at is not None


def test_consent_can_be_withdrawn_meanwhile_and_the_face_is_not_measured_again_then():
    walk, application_id = submitted()
    walk.deliver()
    restriction.restrict(walk.ports, application_id)

    consents.withdraw_consent(walk.ports, walk.programme, application_id, Purpose.FACE_CHECK)
    restriction.lift(walk.ports, application_id)

    assert walk.world.queues.take(QueueName.FACE_REQUESTS) is None


def test_restricting_or_lifting_twice_is_doing_it_once():
    walk, application_id = submitted()

    first = restriction.restrict(walk.ports, application_id)
    again = restriction.restrict(walk.ports, application_id)
    lifted = restriction.lift(walk.ports, application_id)

    assert again == first
    assert restriction.lift(walk.ports, application_id) == lifted


def test_somebody_who_goes_to_and_fro_waits_less_than_a_day():
    walk, application_id = submitted()
    for _ in range(restriction.MOST_A_DAY):
        restriction.restrict(walk.ports, application_id)
        restriction.lift(walk.ports, application_id)

    with pytest.raises(TooManyRequestsError) as refused:
        restriction.restrict(walk.ports, application_id)

    assert refused.value.retry_after_s <= 24 * 3600 + 1


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.booleans(), st.booleans())
def test_a_crash_at_any_write_only_delays(crash_at, is_done, is_lifting):
    walk, application_id = submitted()
    walk.deliver()
    if is_lifting:
        restriction.restrict(walk.ports, application_id)
    step = restriction.lift if is_lifting else restriction.restrict

    with suppress(Crash):
        step(crashing(walk.ports, Writes(crash_at, is_done)), application_id)
    step(walk.ports, application_id)
    wait(walk, timedelta(hours=1))

    after = walk.application(application_id)
    assert (after.restricted_at is None) is is_lifting
    assert after.state is State.VERIFIED
    entries = applications.audit_of(walk.ports, after.application_id)
    assert chain_fault(entries, after.audit_length, after.audit_head) == ""


def test_withdrawing_consent_to_the_face_check_takes_the_face_out_of_the_galleries():
    walk, application_id = in_review()

    consents.withdraw_consent(walk.ports, walk.programme, application_id, Purpose.FACE_CHECK)

    told = walk.ports.rows.read_partition(f"GALLERY#{RELEASE}")
    assert [row.fields for row in told] == [{"erased": True}]


def test_a_worker_that_was_measuring_when_consent_was_withdrawn_leaves_no_face_in_a_gallery():
    walk, application_id = submitted()
    verification.run_checks(walk.ports, walk.programme, walk.world.queues.take(QueueName.CHECKS_DUE))
    asked = walk.world.queues.take(QueueName.FACE_REQUESTS)

    consents.withdraw_consent(walk.ports, walk.programme, application_id, Purpose.FACE_CHECK)
    walk.answer(asked)
    walk.deliver()

    assert [row.fields for row in walk.ports.rows.read_partition(f"GALLERY#{RELEASE}")] == [{"erased": True}]
