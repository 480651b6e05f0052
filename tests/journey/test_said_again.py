"""A decision whose answer was lost, sent again: kept once, told as the first time; another one is refused."""

from __future__ import annotations

import pytest

from gelombang.domain.appeal import AppealCode, AppealState
from gelombang.domain.application import State
from gelombang.domain.errors import MoveNotAllowedError, NotFoundError
from gelombang.domain.face_evidence import Candidate
from gelombang.domain.messages import QueueName
from gelombang.domain.review import GIVEN_FOR, ReviewDecision
from gelombang.journey import appeal_decisions, appeals, applications, restriction, reviewing
from gelombang.journey.appeal_rows import load_appeal
from gelombang.journey.review_quality import quality
from tests.journey.appealing import DEWI, SURYA, decide, file, refused_pupil
from tests.journey.reviewers import RINA, RUDI, case_of, doubted, take
from tests.journey.walking import AUDITOR, Walk, begin, citizen

ACCEPT, REFUSE, RETAKE = ReviewDecision.ACCEPT, ReviewDecision.REFUSE, ReviewDecision.RETAKE


def two_with_one_face() -> tuple[Walk, str, str]:
    """Return two people in review who have a third one's face, and are given together."""
    walk = begin(*map(citizen, range(1, 4)))
    names = []
    for number in range(3):
        names.append(walk.submit(citizen(number + 1), f"+628123456789{number}"))
        walk.candidates[names[-1]] = tuple(Candidate(name, 0.95) for name in names[:1] if number)
        walk.deliver()
    return walk, names[1], names[2]


# Reviewers


@pytest.mark.parametrize("reviewer", [RINA, RUDI])
def test_an_answer_sent_again_is_told_as_the_first_time_and_counts_once(reviewer):
    walk, name, other = two_with_one_face()
    held = {who: take(walk.ports, who, name) for who in (RINA, RUDI)}
    first = {
        who: reviewing.answer(walk.ports, who, *held[who], decision=REFUSE, note="bukan dia")
        for who in (RINA, RUDI)
    }
    before = (applications.audit_of(walk.ports, name), quality(walk.ports, AUDITOR))

    for _ in range(2):
        again = reviewing.answer(walk.ports, reviewer, *held[reviewer], decision=REFUSE, note="bukan dia")
        walk.world.clock.advance(seconds=GIVEN_FOR.total_seconds())  # the second time it is held no more

    assert again == first[reviewer]
    assert again.left == ("B",)
    assert len(case_of(walk.ports, name).answers) == 2
    assert (applications.audit_of(walk.ports, name), quality(walk.ports, AUDITOR)) == before
    assert walk.application(other).state is State.IN_REVIEW


@pytest.mark.parametrize(("decision", "note"), [(ACCEPT, "sama"), (REFUSE, "lain"), (RETAKE, "sama")])
def test_another_answer_than_the_first_is_refused_even_if_only_its_note_differs(decision, note):
    walk, (name,) = doubted()
    held = take(walk.ports, RINA, name)
    reviewing.answer(walk.ports, RINA, *held, decision=REFUSE, note="sama")

    with pytest.raises(MoveNotAllowedError):
        reviewing.answer(walk.ports, RINA, *held, decision=decision, note=note)

    (kept,) = case_of(walk.ports, name).answers
    assert (kept.decision, kept.note) == (REFUSE, "sama")


def test_an_answer_given_by_somebody_else_is_nobody_elses():
    walk, (name,) = doubted()
    held = take(walk.ports, RINA, name)
    reviewing.answer(walk.ports, RINA, *held, decision=REFUSE, note="sama")

    with pytest.raises(NotFoundError):
        reviewing.answer(walk.ports, RUDI, *held, decision=REFUSE, note="sama")


# Officers of appeals


@pytest.mark.parametrize(
    "code", [AppealCode.SHOWN_OTHERWISE, AppealCode.REGISTER_STANDS, AppealCode.ASK_LETTER]
)
def test_an_appeals_answer_sent_again_is_told_as_the_first_time_and_decides_once(code):
    walk, name = refused_pupil()
    number = file(walk, name).number
    first = decide(walk, number, code, note="Ijazah 2024")
    kept, entries = load_appeal(walk.ports, number), applications.audit_of(walk.ports, name)

    again = decide(walk, number, code, note="Ijazah 2024")

    assert again is first
    assert load_appeal(walk.ports, number) == kept
    assert applications.audit_of(walk.ports, name) == entries
    assert walk.world.queues.take(QueueName.CHECKS_DUE) is None


@pytest.mark.parametrize(
    ("code", "staff", "note"),
    [
        (AppealCode.SHOWN_OTHERWISE, DEWI, "Ijazah 2024"),
        (AppealCode.NOT_SHOWN, DEWI, "Ijazah 2024"),
        (AppealCode.REGISTER_STANDS, DEWI, ""),
        (AppealCode.REGISTER_STANDS, SURYA, "Ijazah 2024"),
    ],
)
def test_another_answer_to_an_appeal_or_another_officers_is_refused(code, staff, note):
    walk, name = refused_pupil()
    number = file(walk, name).number
    decide(walk, number, AppealCode.REGISTER_STANDS, note="Ijazah 2024")
    kept = load_appeal(walk.ports, number)

    with pytest.raises(MoveNotAllowedError):
        decide(walk, number, code, staff, note)

    assert load_appeal(walk.ports, number) == kept


def test_a_question_that_was_answered_may_be_asked_once_more_and_is_then_a_second_one():
    walk, name = refused_pupil()
    number = file(walk, name).number
    decide(walk, number, AppealCode.ASK_LETTER)
    appeals.answer_appeal(walk.ports, walk.programme, name, number, "Ini suratnya.")

    assert decide(walk, number, AppealCode.ASK_LETTER) is AppealState.ASKED

    assert load_appeal(walk.ports, number).question_count == 2


def test_an_answer_sent_again_is_told_though_its_appellant_restricts_processing_by_now():
    walk, name = refused_pupil()
    number = file(walk, name).number
    first = decide(walk, number, AppealCode.REGISTER_STANDS)
    restriction.restrict(walk.ports, name)

    again = appeal_decisions.decide_appeal(
        walk.ports, walk.programme, DEWI, number, AppealCode.REGISTER_STANDS
    )

    assert again is first
