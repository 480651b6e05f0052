"""How well reviewers decide: planted cases among the others, agreement, time; and nothing about applicants."""

from __future__ import annotations

import pytest

from gelombang.domain.errors import InvalidFormError, NotAllowedError
from gelombang.domain.review import ReviewDecision
from gelombang.journey import reviewing
from gelombang.journey.lateness import count_late
from gelombang.journey.review_quality import plant_case, quality
from gelombang.journey.staff import Staff
from tests.journey.reviewers import RATNA, RINA, RUDI, open_cases, say
from tests.journey.walking import AUDITOR, JPEG, begin, citizen

ACCEPT, REFUSE = ReviewDecision.ACCEPT, ReviewDecision.REFUSE
PICTURES = [(JPEG + b"selfie", JPEG + b"card")]
OPERATOR = Staff("olga", "operator")


def plant(walk, pictures=PICTURES, right=REFUSE):
    return plant_case(walk.ports, pictures, ("FACE_DIFFERS",), right, "olga")


def answer_next(walk, reviewer, decision):
    """Let a reviewer be given a case, look at it for half a minute, and answer; return what they saw."""
    given = reviewing.next_review(walk.ports, reviewer)
    view = reviewing.view_review(walk.ports, reviewer, given.review_id)
    walk.world.clock.advance(seconds=30)
    reviewing.answer(walk.ports, reviewer, given.review_id, "A", decision=decision, note="x")
    return view


def of(walk, reviewer):
    return next(each for each in quality(walk.ports, AUDITOR).reviewers if each.reviewer == reviewer.name)


def test_a_planted_case_is_given_shown_and_answered_like_any_other_and_closes():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.similarity[name] = 0.1
    walk.deliver()
    walk.world.clock.advance(minutes=1)
    plant(walk)

    real, planted = (answer_next(walk, RINA, REFUSE) for _ in range(2))

    shapes = [
        [
            (one.label, one.is_to_decide, one.reasons, bool(one.selfie_url), bool(one.ktp_url))
            for one in view.people
        ]
        for view in (real, planted)
    ]
    assert shapes[0] == shapes[1] == [("A", True, ("FACE_DIFFERS",), True, True)]
    assert "planted" not in f"{planted}"
    url = planted.people[0].selfie_url
    assert walk.world.photos.kept[url.removeprefix("memory://photos/")] == JPEG + b"selfie"
    for reviewer in (RUDI, RUDI):
        answer_next(walk, reviewer, REFUSE)
    assert open_cases(walk.ports) == []
    assert reviewing.next_review(walk.ports, RATNA) is None


def test_planted_answers_are_scored_right_or_wrong_and_never_as_agreement():
    walk = begin()
    plant(walk, right=REFUSE)
    for reviewer, decision in ((RINA, REFUSE), (RUDI, ACCEPT), (RATNA, REFUSE)):
        answer_next(walk, reviewer, decision)

    scores = [
        (of(walk, who).planted_right_count, of(walk, who).planted_wrong_count) for who in (RINA, RUDI, RATNA)
    ]
    assert scores == [(1, 0), (0, 1), (1, 0)]
    assert {of(walk, who).agreed_share for who in (RINA, RUDI, RATNA)} == {None}
    assert open_cases(walk.ports) == []


def test_a_planted_cluster_shows_the_other_for_comparison_only_and_nobody_can_be_asked_for_a_challenge():
    walk = begin()
    plant(walk, [*PICTURES, (JPEG + b"like", JPEG + b"other card")])

    given = reviewing.next_review(walk.ports, RINA)
    view = reviewing.view_review(walk.ports, RINA, given.review_id)
    reviewing.ask_challenge(walk.ports, RINA, given.review_id, "A")

    assert [(one.label, one.is_to_decide) for one in view.people] == [("A", True), ("B", False)]


def test_agreement_is_with_what_was_decided_in_the_end_and_time_is_from_being_given_to_answering():
    walk = begin(*map(citizen, range(1, 4)))
    names = []
    for number in range(1, 4):
        names.append(walk.submit(citizen(number), f"+628123456789{number}"))
        walk.similarity[names[-1]] = 0.1
        walk.deliver()
        walk.world.clock.advance(minutes=1)

    for name in names:
        say(walk.ports, RINA, name, REFUSE)
        say(walk.ports, RUDI, name, ACCEPT if name == names[0] else REFUSE)
    say(walk.ports, RATNA, names[0], REFUSE)

    assert [of(walk, who).agreed_share for who in (RINA, RUDI, RATNA)] == [1.0, 0.667, 1.0]
    assert [of(walk, who).answered_count for who in (RINA, RUDI, RATNA)] == [3, 3, 1]
    plant(walk)
    answer_next(walk, RATNA, REFUSE)
    assert of(walk, RATNA).median_s == 15.0  # of none and thirty


def test_a_planted_case_wakes_nobody_when_it_is_late():
    walk = begin()
    plant(walk)

    walk.world.clock.advance(days=3)

    found = count_late(walk.ports)
    assert (found.reviews_near_deadline_count, found.reviews_overdue_count) == (0, 0)


def test_only_photographs_are_planted_and_only_operators_and_auditors_are_told_figures():
    walk = begin()
    with pytest.raises(InvalidFormError):
        plant(walk, [(b"%PDF-1.7", JPEG)])

    assert quality(walk.ports, OPERATOR) == quality(walk.ports, AUDITOR)
    for somebody in (RINA, Staff("budi", "officer", "3171")):
        with pytest.raises(NotAllowedError):
            quality(walk.ports, somebody)
    assert open_cases(walk.ports) == []
