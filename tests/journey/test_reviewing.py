"""What people decide: cases, who may see and close them, contested NIKs, and the story told of it."""

from __future__ import annotations

import pytest

from gelombang.domain.application import Move, Slot, State
from gelombang.domain.checks import Layer
from gelombang.domain.errors import MoveNotAllowedError, NotAllowedError
from gelombang.domain.face_evidence import Candidate, PhotoEvidence, PhotoOutcome
from gelombang.journey import (
    applications,
    explanation,
    photos,
    registration,
    review,
    status,
)
from gelombang.journey.review import ReviewDecision
from tests.journey.walking import AUDITOR, REVIEWER, SPOILED, begin, citizen


def test_a_face_that_differs_goes_to_people_and_they_decide():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.similarity[name] = 0.1
    walk.deliver()
    assert walk.application(name).state is State.IN_REVIEW
    (case,) = review.open_cases(walk.ports, REVIEWER)
    assert case.reasons == ("FACE_DIFFERS",)

    review.decide_case(walk.ports, REVIEWER, case.case_id, ReviewDecision.ACCEPT, "sama")

    application = walk.application(name)
    assert application.state is State.VERIFIED
    assert application.checks[Layer.FACE].source == "reviewer rina"
    assert review.open_cases(walk.ports, REVIEWER) == []


def test_what_the_worker_failed_at_goes_to_people_and_asks_nobody_for_another_picture():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.selfies[name] = PhotoEvidence(PhotoOutcome.NOT_MEASURED)

    walk.deliver()

    assert walk.application(name).state is State.IN_REVIEW
    (case,) = review.open_cases(walk.ports, REVIEWER)
    assert case.reasons == ("FACE_NOT_MEASURED",)


def test_the_same_face_under_a_second_nik_goes_to_people_with_both_named():
    walk = begin(citizen(1), citizen(2))
    first = walk.submit(citizen(1), "+6281234567890")
    walk.deliver()
    second = walk.submit(citizen(2), "+6281234567891")
    walk.candidates[second] = (Candidate(first, 0.95), Candidate("app_unlike", 0.2))

    walk.deliver()

    (case,) = review.open_cases(walk.ports, REVIEWER)
    assert (case.application_id, case.other_application_ids) == (second, (first,))
    assert case.reasons == ("FACE_ENROLLED_TWICE",)
    assert walk.application(first).state is State.VERIFIED
    view = review.view_case(walk.ports, REVIEWER, case.case_id)
    assert [pictures.application_id for pictures in view.others] == [first]


def test_a_reviewer_may_refuse_or_ask_for_another_selfie():
    walk = begin(citizen(1), citizen(2))
    names = [walk.submit(citizen(n), f"+628123456789{n}") for n in (1, 2)]
    walk.similarity |= dict.fromkeys(names, 0.1)
    walk.deliver()
    cases = {case.application_id: case.case_id for case in review.open_cases(walk.ports, REVIEWER)}

    review.decide_case(walk.ports, REVIEWER, cases[names[0]], ReviewDecision.REFUSE, "bukan dia")
    review.decide_case(walk.ports, REVIEWER, cases[names[1]], ReviewDecision.RETAKE, "gelap")

    assert walk.application(names[0]).reasons == ("REVIEWER_REFUSED",)
    assert walk.application(names[1]).state is State.NEEDS_PHOTO
    photos.offer_upload(walk.ports, names[1], Slot.SELFIE, "image/jpeg", 10)
    with pytest.raises(MoveNotAllowedError):
        photos.offer_upload(walk.ports, names[1], Slot.KTP, "image/jpeg", 10)


def test_a_case_is_decided_once_by_reviewers_only_and_each_view_is_on_record():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.similarity[name] = 0.1
    walk.deliver()
    (case,) = review.open_cases(walk.ports, REVIEWER)

    review.view_case(walk.ports, REVIEWER, case.case_id)
    for act in (
        lambda: review.open_cases(walk.ports, AUDITOR),
        lambda: review.view_case(walk.ports, AUDITOR, case.case_id),
        lambda: review.decide_case(walk.ports, AUDITOR, case.case_id, ReviewDecision.ACCEPT, ""),
    ):
        with pytest.raises(NotAllowedError):
            act()
    review.decide_case(walk.ports, REVIEWER, case.case_id, ReviewDecision.ACCEPT, "sama")

    with pytest.raises(MoveNotAllowedError):
        review.decide_case(walk.ports, REVIEWER, case.case_id, ReviewDecision.REFUSE, "eh")
    story = explanation.explain(walk.ports, walk.programme, AUDITOR, name)
    assert [line.facts["reviewer"] for line in story.happened if line.event == "case_viewed"] == ["rina"]
    assert story.audit_fault == ""


def test_a_nik_held_by_somebody_else_is_decided_by_people():
    walk = begin(citizen(1))
    first = walk.submit(citizen(1), "+6281234567890")
    walk.deliver()
    second = walk.submit(citizen(1), "+6281234567891")
    walk.deliver()
    (case,) = review.open_cases(walk.ports, REVIEWER)
    assert (case.application_id, case.reasons) == (second, ("NIK_ALREADY_REGISTERED",))

    assert status.status_of(walk.ports, walk.programme, second).reasons == ()

    review.decide_case(walk.ports, REVIEWER, case.case_id, ReviewDecision.ACCEPT, "dia pemilik NIK")

    assert walk.application(second).state is State.VERIFIED
    assert walk.application(first).reasons == ("REVIEWER_REFUSED",)
    story = explanation.explain(walk.ports, walk.programme, AUDITOR, first)
    assert (story.happened[-2].event, story.audit_fault) == ("refused_for_another", "")


def test_nobody_who_has_joined_a_wave_loses_a_nik_to_a_reviewer():
    walk = begin(citizen(1))
    first = walk.submit(citizen(1), "+6281234567890")
    walk.deliver()
    applications.save(
        walk.ports,
        applications.move(walk.application(first), Move.JOIN, walk.world.clock.now()),
        "wave_joined",
    )
    second = walk.submit(citizen(1), "+6281234567891")
    walk.deliver()
    (case,) = review.open_cases(walk.ports, REVIEWER)

    with pytest.raises(MoveNotAllowedError):
        review.decide_case(walk.ports, REVIEWER, case.case_id, ReviewDecision.ACCEPT, "x")

    assert walk.application(second).state is State.IN_REVIEW
    assert walk.application(first).state is State.JOINED


def test_the_story_of_a_review_names_who_decided_what_and_why():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.similarity[name] = 0.1
    walk.deliver()
    (case,) = review.open_cases(walk.ports, REVIEWER)
    review.decide_case(walk.ports, REVIEWER, case.case_id, ReviewDecision.REFUSE, "bukan dia")

    (told,) = explanation.explain(walk.ports, walk.programme, AUDITOR, name).reviews

    assert (told.head.reasons, told.decision) == (("FACE_DIFFERS",), "refuse")
    assert (told.decided_by, told.note) == ("rina", "bukan dia")


def test_the_story_of_a_retake_keeps_what_was_measured_before():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.selfies[name] = SPOILED
    walk.deliver()
    del walk.selfies[name]
    walk.send_photo(name, Slot.SELFIE)
    registration.submit(walk.ports, name)
    walk.deliver()

    faces = explanation.explain(walk.ports, walk.programme, AUDITOR, name).faces

    assert [face.verdict for face in faces] == ["RETAKE", "MATCH"]
