"""Layers of checks, face evidence, photo-only retakes, reviewers, and what gets stuck."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gelombang.domain.application import PhotoStatus, Slot, State
from gelombang.domain.checks import Layer, Outcome
from gelombang.domain.decision import MOST_CORRECTIONS
from gelombang.domain.errors import MoveNotAllowedError, NotAllowedError
from gelombang.domain.face_evidence import PhotoEvidence, PhotoOutcome
from gelombang.domain.messages import ChecksDue, FaceEvidenceReady, QueueName
from gelombang.journey import (
    explanation,
    photos,
    reconciliation,
    registration,
    status,
    verification,
)
from gelombang.journey.staff import Staff
from gelombang.memory.registers import Outage
from tests.journey.walking import AUDITOR, GOOD, SPOILED, begin, citizen


def test_somebody_who_passes_every_layer_is_verified():
    walk = begin(citizen())
    name = walk.submit(citizen())

    walk.deliver()

    application = walk.application(name)
    assert application.state is State.VERIFIED
    assert {check.outcome for check in application.checks.values()} == {Outcome.PASSED}
    assert all(check.source and check.list_version for check in application.checks.values())


@pytest.mark.parametrize(
    ("facts", "reasons"),
    [
        ({"born": date(2010, 1, 5)}, ("TOO_YOUNG",)),
        ({"is_at_school": True}, ("STILL_AT_SCHOOL",)),
        ({"is_at_madrasah": True}, ("STILL_AT_MADRASAH",)),
        ({"has_received": True}, ("EARLIER_RECIPIENT",)),
        ({"is_at_school": True, "has_received": True}, ("STILL_AT_SCHOOL", "EARLIER_RECIPIENT")),
    ],
)
def test_a_register_refuses_with_every_reason_and_no_face_check_is_made(facts, reasons):
    person = citizen(**facts)
    walk = begin(person)
    name = walk.submit(person)

    walk.deliver()

    application = walk.application(name)
    assert (application.state, application.reasons) == (State.NOT_ELIGIBLE, reasons)
    assert application.face_check_id == ""


@pytest.mark.parametrize(
    ("typed", "reason", "right"),
    [
        (citizen(2), "NIK_NOT_FOUND", {"nik": citizen(1).nik}),
        (citizen(1, kk="3171990101199999"), "KK_DIFFERS", {"kk": citizen(1).kk}),
        (citizen(1, region="3578"), "REGION_DIFFERS", {"region": "3171"}),
        (citizen(1, birth_date=date(1990, 1, 6)), "BIRTH_DATE_DIFFERS", {"birth_date": "1990-01-05"}),
    ],
)
def test_a_typing_error_is_corrected_alone_and_nothing_else_is_typed_or_sent_again(typed, reason, right):
    walk = begin(replace(citizen(1), kk=typed.kk) if reason == "NIK_NOT_FOUND" else citizen(1))
    name = walk.submit(typed)
    walk.deliver()
    application = walk.application(name)
    assert (application.state, application.reasons) == (State.DRAFT, (reason,))

    registration.save_form(walk.ports, walk.programme, name, right)
    registration.submit(walk.ports, name)
    walk.deliver()

    assert walk.application(name).state is State.VERIFIED


def test_a_mistyped_nik_is_free_again_for_its_owner():
    walk = begin(citizen(1), citizen(2, kk=citizen(1).kk, birth_date=citizen(1).birth_date))
    mistaken = walk.submit(citizen(2, kk="3171990101199999"), "+6281234567890")
    walk.deliver()
    assert walk.application(mistaken).state is State.DRAFT

    owner = walk.submit(citizen(2, kk=citizen(1).kk), "+6281234567891")
    walk.deliver()

    assert walk.application(owner).state is State.VERIFIED


def test_corrections_end_so_that_nobody_can_guess_a_strangers_birth_date():
    walk = begin(citizen(1))
    name = walk.submit(citizen(1, birth_date=date(1980, 1, 1)))
    for day in range(2, 7):
        walk.deliver()
        assert walk.application(name).state is State.DRAFT
        registration.save_form(walk.ports, walk.programme, name, {"birth_date": f"1980-01-0{day}"})
        registration.submit(walk.ports, name)

    walk.deliver()

    assert walk.application(name).state is State.NOT_ELIGIBLE


def test_a_typing_error_is_corrected_however_often_a_photograph_was_asked_for_before():
    walk = begin(citizen(1))
    walk.registers.fail("dukcapil")
    name = walk.submit(citizen(1, birth_date=date(1990, 1, 6)))
    walk.selfies[name] = SPOILED
    walk.deliver()
    for _ in range(MOST_CORRECTIONS):
        walk.world.clock.advance(minutes=20)
        walk.send_photo(name, Slot.SELFIE)
        registration.submit(walk.ports, name)
        walk.deliver()

    walk.registers.recover()
    walk.world.clock.advance(minutes=20)
    walk.selfies[name] = GOOD
    walk.send_photo(name, Slot.SELFIE)
    registration.submit(walk.ports, name)
    walk.deliver()

    asked = walk.application(name)
    assert asked.submission > MOST_CORRECTIONS
    assert (asked.state, asked.reasons) == (State.DRAFT, ("BIRTH_DATE_DIFFERS",))


@pytest.mark.parametrize("outage", Outage)
@pytest.mark.parametrize("source", ["dukcapil", "kemdikbud", "kemenag", "exclusions", "prakerja"])
def test_a_register_that_is_down_delays_and_never_rejects(source, outage):
    walk = begin(citizen())
    walk.registers.fail(source, outage)
    name = walk.submit(citizen())
    for _ in range(8):
        walk.deliver()
        walk.world.clock.advance(minutes=16)
    assert walk.application(name).state is State.CHECKING

    walk.registers.recover()
    walk.deliver()

    assert walk.application(name).state is State.VERIFIED


def test_a_register_that_comes_back_can_still_refuse():
    person = citizen(is_at_school=True)
    walk = begin(person)
    walk.registers.fail("kemdikbud")
    name = walk.submit(person)
    walk.deliver()
    assert walk.application(name).checks[Layer.EDUCATION].outcome is Outcome.PENDING

    walk.registers.recover()
    walk.world.clock.advance(seconds=5)
    walk.deliver()

    assert walk.application(name).reasons == ("STILL_AT_SCHOOL",)


def test_a_failed_check_names_the_agency_to_contact_in_both_languages_and_no_other_check_does():
    person = citizen(is_at_madrasah=True)
    walk = begin(person)
    name = walk.submit(person)

    walk.deliver()

    told = {check.layer: check.agency for check in status.status_of(walk.ports, walk.programme, name).checks}
    named = told.pop(Layer.RELIGIOUS_EDUCATION)
    assert "Kementerian Agama" in named.sentence["id"]
    assert "madrasah" in named.next_step["en"]
    assert set(told.values()) == {None}


def test_what_differs_and_does_not_block_is_said_in_its_own_words():
    person = citizen()
    walk = begin(person)
    name = walk.submit(replace(person, name="Bambang Wijayakusuma"))

    walk.deliver()

    told = status.status_of(walk.ports, walk.programme, name)
    remarks = {check.layer: [remark.code for remark in check.remarks] for check in told.checks}
    assert (told.state.code, told.reasons) == (State.VERIFIED, ())
    assert remarks.pop(Layer.POPULATION) == ["NAME_DIFFERS"]
    assert not any(remarks.values())


def test_who_mistyped_into_a_pupils_nik_corrects_it_and_no_school_is_asked():
    pupil, applicant = citizen(1, date(2010, 5, 5), is_at_school=True), citizen(2)
    walk = begin(pupil, applicant)
    name = walk.submit(replace(applicant, nik=pupil.nik))
    walk.deliver()
    mistyped = walk.application(name)

    registration.save_form(walk.ports, walk.programme, name, {"nik": applicant.nik})
    registration.submit(walk.ports, name)
    walk.deliver()

    assert (mistyped.state, mistyped.reasons) == (State.DRAFT, ("BIRTH_DATE_DIFFERS", "KK_DIFFERS"))
    assert set(mistyped.checks) == {Layer.POPULATION, Layer.KK}
    assert walk.application(name).state is State.VERIFIED


def test_a_register_that_does_not_answer_is_asked_once_though_three_layers_need_it():
    walk = begin(citizen())
    walk.registers.fail("dukcapil")
    asked, ask = [], walk.registers.ask
    walk.registers.ask = lambda layer, person: asked.append(layer) or ask(layer, person)
    name = walk.submit(citizen())

    walk.deliver()

    assert len(asked) == 1
    assert walk.application(name).state is State.CHECKING


def test_registers_that_answered_are_not_asked_again():
    walk = begin(citizen())
    walk.registers.fail("kemdikbud")
    name = walk.submit(citizen())
    walk.deliver()
    first = walk.application(name).checks[Layer.POPULATION]

    walk.registers.recover()
    walk.world.clock.advance(seconds=5)
    walk.deliver()

    application = walk.application(name)
    assert application.checks[Layer.POPULATION] == first
    assert application.checks[Layer.EDUCATION].tries == 2


def test_a_spoiled_selfie_is_refused_with_all_its_faults_and_only_it_is_reopened():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.selfies[name] = SPOILED

    walk.deliver()

    application = walk.application(name)
    assert (application.state, application.reasons) == (State.NEEDS_PHOTO, ("BLURRED", "TILTED"))
    assert application.photos[Slot.SELFIE].faults == ("BLURRED", "TILTED")
    assert application.photos[Slot.KTP].status is PhotoStatus.ACCEPTED
    with pytest.raises(MoveNotAllowedError):
        photos.offer_upload(walk.ports, name, Slot.KTP, "image/jpeg", 10)
    with pytest.raises(MoveNotAllowedError):
        registration.save_form(walk.ports, walk.programme, name, {"name": "Lain"})


def test_a_retake_is_one_upload_and_one_submit_and_asks_no_register_again():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.selfies[name] = SPOILED
    walk.deliver()
    before = walk.application(name)

    walk.send_photo(name, Slot.SELFIE)
    registration.submit(walk.ports, name)
    del walk.selfies[name]
    walk.deliver()

    application = walk.application(name)
    assert application.state is State.VERIFIED
    assert application.form == before.form
    assert application.checks[Layer.POPULATION] == before.checks[Layer.POPULATION]
    assert application.photos[Slot.KTP] == before.photos[Slot.KTP]


def test_a_retake_cannot_be_submitted_before_its_photograph_is_there():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.selfies[name] = SPOILED
    walk.deliver()

    with pytest.raises(registration.InvalidFormError):
        registration.submit(walk.ports, name)

    assert walk.application(name).state is State.NEEDS_PHOTO


@pytest.mark.parametrize("outcome", [PhotoOutcome.UNREADABLE, PhotoOutcome.NO_FACE, PhotoOutcome.MANY_FACES])
def test_a_picture_that_cannot_be_measured_asks_for_another(outcome):
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.selfies[name] = PhotoEvidence(outcome)

    walk.deliver()

    assert walk.application(name).reasons == (outcome,)


def test_messages_that_come_twice_late_or_for_an_older_submission_change_nothing():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.selfies[name] = SPOILED
    walk.deliver()
    before = walk.application(name)

    verification.run_checks(walk.ports, walk.programme, ChecksDue(name, 1))
    verification.take_evidence(walk.ports, walk.programme, FaceEvidenceReady(f"{name}-1", name))
    walk.send_photo(name, Slot.SELFIE)
    registration.submit(walk.ports, name)
    verification.take_evidence(walk.ports, walk.programme, FaceEvidenceReady(f"{name}-1", name))

    assert before.state is State.NEEDS_PHOTO
    assert walk.application(name).state is State.CHECKING


@pytest.mark.parametrize("queue", [QueueName.CHECKS_DUE, QueueName.FACE_REQUESTS, QueueName.FACE_EVIDENCE])
def test_a_lost_message_is_asked_for_again(queue):
    walk = begin(citizen())
    name = walk.submit(citizen())
    for step in (QueueName.CHECKS_DUE, QueueName.FACE_REQUESTS, QueueName.FACE_EVIDENCE):
        if step is queue:
            assert walk.world.queues.take(queue) is not None  # and never handled
            break
        walk._deliver_one()
    walk.deliver()
    assert walk.application(name).state is State.CHECKING

    walk.world.clock.advance(minutes=16)
    reconciliation.reconcile(walk.ports)
    walk.deliver()

    assert walk.application(name).state is State.VERIFIED


def test_nothing_is_redriven_that_moves_by_itself():
    walk = begin(citizen())
    walk.submit(citizen())
    walk.world.clock.advance(minutes=1)
    walk.deliver()
    walk.world.clock.advance(hours=1)

    assert reconciliation.reconcile(walk.ports) == reconciliation.Reconciled(0, 0, 0, 0, 0, 0)


def test_the_status_tells_state_reasons_and_next_step_in_both_languages():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.selfies[name] = SPOILED
    walk.deliver()

    seen = status.status_of(walk.ports, walk.programme, name)

    assert seen.state.code == "NEEDS_PHOTO"
    assert [told.code for told in seen.reasons] == ["BLURRED", "TILTED"]
    assert all(told.sentence[lang] and told.next_step[lang] for told in seen.reasons for lang in ("id", "en"))
    assert seen.open_slots == (Slot.SELFIE,)


def test_a_story_holds_every_check_the_release_and_the_operating_point_but_no_nik():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.deliver()

    story = explanation.explain(walk.ports, walk.programme, AUDITOR, name)

    assert {check.layer for check in story.checks} >= {Layer.POPULATION, Layer.FACE}
    assert story.faces[-1].model_release == "tested-1"
    assert story.faces[-1].operating_point_set_by == "tests/journey"
    assert story.happened[0].event == "application_opened"
    assert citizen().nik not in str(story)
    with pytest.raises(NotAllowedError):
        explanation.explain(walk.ports, walk.programme, Staff("rina", "reviewer"), name)
