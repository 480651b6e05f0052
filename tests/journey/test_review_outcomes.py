"""What comes of reviews: whose a contested NIK is, what their story tells, and later cases of the same person."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from gelombang.domain.appeal import AppealCode
from gelombang.domain.application import Move, Slot, State
from gelombang.domain.checks import Layer
from gelombang.domain.errors import MoveNotAllowedError
from gelombang.domain.review import ReviewDecision
from gelombang.journey import applications, explanation, registration, retention, status
from gelombang.journey.applications import SHARDS
from gelombang.journey.replay import Again, replay
from tests.journey import appealing
from tests.journey.reviewers import RINA, RUDI, case_of, decide, doubted, open_cases, say
from tests.journey.town import Town
from tests.journey.walking import AUDITOR, SPOILED, begin, citizen

ACCEPT, REFUSE, RETAKE = ReviewDecision.ACCEPT, ReviewDecision.REFUSE, ReviewDecision.RETAKE


def test_a_nik_held_by_somebody_else_is_decided_by_people():
    walk = begin(citizen(1))
    first = walk.submit(citizen(1), "+6281234567890")
    walk.deliver()
    second = walk.submit(citizen(1), "+6281234567891")
    walk.deliver()
    (case,) = open_cases(walk.ports)
    assert (case.application_id, case.reasons) == (second, ("NIK_ALREADY_REGISTERED",))

    assert status.status_of(walk.ports, walk.programme, second).reasons == ()

    decide(walk.ports, second, ACCEPT, "dia pemilik NIK")

    assert walk.application(second).state is State.VERIFIED
    assert walk.application(first).reasons == ("REVIEWER_REFUSED",)
    story = explanation.explain(walk.ports, walk.programme, AUDITOR, first)
    assert (story.happened[-2].event, story.audit_fault) == ("refused_for_another", "")


def test_nobody_who_has_joined_a_wave_loses_a_nik_to_reviewers():
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

    for reviewer in (RINA, RUDI):
        with pytest.raises(MoveNotAllowedError):
            say(walk.ports, reviewer, second, ACCEPT)

    assert case_of(walk.ports, second).answers == ()
    assert walk.application(second).state is State.IN_REVIEW
    assert walk.application(first).state is State.JOINED


def test_the_story_of_a_review_names_who_answered_what_and_why():
    walk, (name,) = doubted()
    decide(walk.ports, name, REFUSE, "bukan dia")

    (told,) = explanation.explain(walk.ports, walk.programme, AUDITOR, name).reviews

    assert (told.head.reasons, told.decision) == (("FACE_DIFFERS",), "refuse")
    assert [(each.reviewer, each.decision, each.note) for each in told.answers] == [
        ("rina", "refuse", "bukan dia"),
        ("rudi", "refuse", "bukan dia"),
    ]
    entries = applications.audit_of(walk.ports, name)
    assert [entry.event for entry in entries][-3:-1] == ["case_answered", "review_decided"]
    assert "bukan dia" not in json.dumps([entry.facts for entry in entries])


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


def test_who_answered_before_may_answer_a_later_case_of_the_same_person():
    walk, (name,) = doubted()
    decide(walk.ports, name, RETAKE)
    walk.send_photo(name, Slot.SELFIE)
    registration.submit(walk.ports, name)
    walk.similarity[name] = 0.1
    walk.deliver()
    walk.world.clock.advance(seconds=timedelta(minutes=1).total_seconds())

    decide(walk.ports, name, ACCEPT)

    assert walk.application(name).state is State.VERIFIED


@pytest.fixture
def accepted(tmp_path):
    """A town in which reviewers accepted somebody's doubtful face, whom a list then refuses; and their application."""
    town = Town(tmp_path, 0)
    walk = town.walk
    walk.registers._by_nik[citizen(1).nik] = citizen(1)
    town.names.append(walk.submit(citizen(1), "+6281234567899"))
    walk.similarity[town.names[0]] = 0.1
    walk.deliver()
    decide(walk.ports, town.names[0], ACCEPT)
    assert town.of(1).state is State.VERIFIED
    yield town
    town.shelf.close()


def refused_by_list(town):
    """Let the list refuse everybody with this NIK."""
    town.deliver([1])
    town.refresh()
    return town.walk, town.names[0]


def uphold(walk, name):
    """Let an appeal take the list's refusal back."""
    filed = appealing.file(walk, name, "EARLIER_RECIPIENT")
    appealing.decide(walk, filed.number, AppealCode.SHOWN_OTHERWISE)


def test_a_face_that_reviewers_accepted_is_asked_about_no_more_when_a_list_was_wrong(accepted):
    walk, name = refused_by_list(accepted)

    accepted.deliver([])
    accepted.refresh()
    walk.deliver()

    assert accepted.of(1).state is State.VERIFIED
    assert accepted.of(1).checks[Layer.FACE].source == "reviewers"
    again = [each.again for each in replay(walk.ports, walk.programme, name)]
    assert set(again) == {Again.IDENTICAL, Again.PEOPLE}


def test_nor_when_an_appeal_against_a_list_was_right(accepted):
    walk, name = refused_by_list(accepted)

    uphold(walk, name)

    assert accepted.of(1).state is State.VERIFIED
    assert open_cases(walk.ports) == []


def test_another_selfie_after_a_refusal_that_was_taken_back_is_judged_anew(accepted):
    walk, name = refused_by_list(accepted)
    walk.world.clock.advance(days=31)
    retention.remove_due(walk.ports, walk.programme, range(SHARDS))

    uphold(walk, name)
    asked = accepted.of(1).state
    for slot in Slot:
        walk.send_photo(name, slot)
    registration.submit(walk.ports, name)
    walk.deliver()

    assert asked is State.NEEDS_PHOTO
    assert accepted.of(1).state is State.IN_REVIEW


def test_a_nik_that_another_got_meanwhile_is_decided_by_people_though_the_face_was_accepted(accepted):
    other = accepted.walk.submit(citizen(1), "+6281234567898")
    accepted.walk.deliver()
    walk, name = refused_by_list(accepted)
    uphold(walk, other)
    decide(walk.ports, other, ACCEPT, "pemilik")
    assert walk.application(other).state is State.VERIFIED

    uphold(walk, name)

    assert accepted.of(1).state is State.IN_REVIEW
    assert case_of(walk.ports, name).reasons == ("NIK_ALREADY_REGISTERED",)
