"""What people decide: who is given which case, what they see, how many must agree, contested NIKs, and the story."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelombang.domain.application import Slot, State
from gelombang.domain.checks import Layer
from gelombang.domain.consent import NEEDED
from gelombang.domain.errors import MoveNotAllowedError, NotAllowedError, NotFoundError
from gelombang.domain.face_evidence import Candidate, PhotoEvidence, PhotoOutcome
from gelombang.domain.review import GIVEN_FOR, ReviewDecision, outcome_of
from gelombang.journey import consents, explanation, photos, registration, reviewing
from gelombang.journey.lateness import count_late
from gelombang.journey.reconciliation import reconcile
from gelombang.journey.staff import Staff
from gelombang.memory.registers import Outage
from tests.journey.reviewers import RATNA, RINA, RUDI, case_of, decide, doubted, open_cases, say, take
from tests.journey.walking import AUDITOR, begin, citizen

ACCEPT, REFUSE, RETAKE = ReviewDecision.ACCEPT, ReviewDecision.REFUSE, ReviewDecision.RETAKE


def alike(walk, *pairs):
    """Submit people in turn, of each pair the second with the first's face; return their applications."""
    names = []
    for number in range(1 + max(second for _, second in pairs)):
        names.append(walk.submit(citizen(number + 1), f"+628123456789{number}"))
        firsts = [first for first, second in pairs if second == number]
        walk.candidates[names[-1]] = tuple(Candidate(names[first], 0.95) for first in firsts)
        walk.deliver()
        walk.world.clock.advance(minutes=1)
    return names


@given(st.lists(st.sampled_from(ReviewDecision), max_size=3))
def test_two_who_agree_decide_and_nobody_is_refused_or_accepted_by_one(decisions):
    outcome = outcome_of(decisions)

    agreeing = [each for each in ReviewDecision if decisions.count(each) > 1]
    assert outcome == (agreeing[0] if agreeing else RETAKE if len(decisions) == 3 else None)
    assert outcome == outcome_of(decisions[::-1])


def test_a_face_that_differs_goes_to_people_and_two_of_them_decide():
    walk, (name,) = doubted()
    assert walk.application(name).state is State.IN_REVIEW
    (case,) = open_cases(walk.ports)
    assert case.reasons == ("FACE_DIFFERS",)

    say(walk.ports, RINA, name, ACCEPT)
    assert walk.application(name).state is State.IN_REVIEW
    say(walk.ports, RUDI, name, ACCEPT)

    application = walk.application(name)
    assert application.state is State.VERIFIED
    assert application.checks[Layer.FACE].source == "reviewers"
    assert open_cases(walk.ports) == []


@pytest.mark.parametrize(
    ("third", "state"),
    [(ACCEPT, State.VERIFIED), (REFUSE, State.NOT_ELIGIBLE), (RETAKE, State.NEEDS_PHOTO)],
)
def test_where_two_disagree_a_third_decides_and_three_answers_ask_for_another_selfie(third, state):
    walk, (name,) = doubted()
    say(walk.ports, RINA, name, ACCEPT)
    say(walk.ports, RUDI, name, REFUSE)
    assert walk.application(name).state is State.IN_REVIEW

    say(walk.ports, RATNA, name, third)

    assert walk.application(name).state is state
    assert reviewing.next_review(walk.ports, Staff("tuti", "reviewer", "1671")) is None


def test_two_who_answer_at_the_same_moment_both_count():
    walk, (name,) = doubted()
    held = {who: take(walk.ports, who, name) for who in (RINA, RUDI)}
    together = Barrier(2)

    def answer(who):
        together.wait()
        return reviewing.answer(walk.ports, who, *held[who], decision=REFUSE, note="bukan dia")

    with ThreadPoolExecutor() as pool:
        assert [each.left for each in pool.map(answer, (RINA, RUDI))] == [(), ()]

    assert {each.reviewer for each in case_of(walk.ports, name).answers} == {"rina", "rudi"}
    assert walk.application(name).state is State.NOT_ELIGIBLE


def test_nobody_answers_a_case_twice_and_nobody_is_told_what_came_of_it():
    walk, (name,) = doubted()
    held = take(walk.ports, RINA, name)

    told = reviewing.answer(walk.ports, RINA, *held, decision=REFUSE, note="eh")

    with pytest.raises(MoveNotAllowedError) as refused:
        reviewing.answer(walk.ports, RINA, *held, decision=ACCEPT, note="oh")
    assert refused.value.state == "CLOSED"
    assert reviewing.next_review(walk.ports, RINA) is None
    say(walk.ports, RUDI, name, REFUSE)
    with pytest.raises(MoveNotAllowedError) as refused:
        reviewing.answer(walk.ports, RINA, *held, decision=ACCEPT, note="oh")
    assert refused.value.state == "CLOSED"
    assert (told.label, told.left) == ("A", ())


def test_a_reviewer_never_gets_anybody_of_their_own_district():
    walk = begin(citizen(1), citizen(2, region="3578"))
    first = walk.submit(citizen(1), "+6281234567890")
    walk.deliver()
    second = walk.submit(citizen(2, region="3578"), "+6281234567891")
    walk.candidates[second] = (Candidate(first, 0.95),)
    walk.deliver()

    for district in ("3171", "3578"):  # of the candidate, of the applicant
        assert reviewing.next_review(walk.ports, Staff("tono", "reviewer", district)) is None
    with pytest.raises(NotAllowedError):
        reviewing.next_review(walk.ports, Staff("tono", "reviewer"))
    assert reviewing.next_review(walk.ports, RINA).labels == ("A",)


def test_a_reviewer_never_gets_anybody_of_their_own_district_who_is_correcting_a_form():
    first, second = citizen(1, region="3578"), citizen(2)
    walk = begin(first, second)
    walk.registers.fail("dukcapil", Outage.OFF)
    name = walk.submit(replace(first, region="3273"), "+6281234567890")
    walk.deliver()  # the face is enrolled
    walk.registers.recover()
    walk.world.clock.advance(minutes=20)
    walk.deliver()
    assert walk.application(name).reasons == ("REGION_DIFFERS",)
    other = walk.submit(second, "+6281234567891")
    walk.candidates[other] = (Candidate(name, 0.95),)
    walk.deliver()

    assert case_of(walk.ports, other).regions == ("3171", "3273")
    for typed in ("3273", "3578"):
        registration.save_form(walk.ports, walk.programme, name, {"region": typed})
        assert reviewing.next_review(walk.ports, Staff("tono", "reviewer", typed)) is None
    assert reviewing.next_review(walk.ports, RINA).labels == ("A",)


def test_nobody_gets_a_cluster_in_which_somebody_of_their_district_is_named_only_by_another_case():
    walk = begin(citizen(1), citizen(2, region="3578"), citizen(3, region="3273"))
    names = []
    for number, region in enumerate(("3171", "3578", "3273")):
        person = citizen(number + 1, region=region)
        names.append(walk.submit(person, f"+628123456789{number}"))
        walk.candidates[names[-1]] = tuple(Candidate(name, 0.95) for name in names[:-1][-1:])
        walk.deliver()

    assert case_of(walk.ports, names[1]).regions == ("3171", "3578")
    assert reviewing.next_review(walk.ports, Staff("tono", "reviewer", "3273")) is None
    assert reviewing.next_review(walk.ports, RINA).labels == ("A", "B")


def test_a_case_that_was_not_given_cannot_be_opened_and_one_that_was_is_held_for_half_an_hour():
    walk, (name,) = doubted()
    review_id, label = take(walk.ports, RINA, name)

    for somebody in (RUDI, RATNA):
        with pytest.raises(NotFoundError):
            reviewing.view_review(walk.ports, somebody, review_id)
        with pytest.raises(NotFoundError):
            reviewing.answer(walk.ports, somebody, review_id, label, decision=REFUSE, note="x")
    with pytest.raises(NotFoundError):
        reviewing.view_review(walk.ports, RINA, case_of(walk.ports, name).case_id)
    assert reviewing.next_review(walk.ports, RINA).review_id == review_id
    walk.world.clock.advance(seconds=GIVEN_FOR.total_seconds())
    with pytest.raises(NotFoundError):
        reviewing.answer(walk.ports, RINA, review_id, label, decision=REFUSE, note="x")
    assert reviewing.next_review(walk.ports, RINA).review_id != review_id


def test_a_case_is_given_to_as_many_as_must_answer_and_what_is_left_lying_goes_to_others():
    walk, _ = doubted()
    assert reviewing.next_review(walk.ports, RINA)
    assert reviewing.next_review(walk.ports, RUDI)

    assert reviewing.next_review(walk.ports, RATNA) is None
    walk.world.clock.advance(minutes=31)

    assert reviewing.next_review(walk.ports, RATNA)
    assert reviewing.next_review(walk.ports, Staff("tuti", "reviewer", "1671"))
    assert reviewing.next_review(walk.ports, RINA) is None


def test_many_who_ask_at_once_never_get_more_of_a_case_than_must_answer():
    walk, _ = doubted()
    crowd = [Staff(f"reviewer {number}", "reviewer", "1271") for number in range(8)]
    together = Barrier(len(crowd))

    def ask(who):
        together.wait()
        return reviewing.next_review(walk.ports, who)

    with ThreadPoolExecutor(len(crowd)) as pool:
        assert sum(given is not None for given in pool.map(ask, crowd)) == 2


def test_the_oldest_comes_first_but_clusters_before_and_whoever_is_nearly_late_before_all():
    walk = begin(*map(citizen, (1, 2, 3)))
    single = walk.submit(citizen(1))
    walk.similarity[single] = 0.1
    walk.deliver()
    walk.world.clock.advance(minutes=1)
    first = walk.submit(citizen(2), "+6281234567897")
    walk.deliver()
    twice = walk.submit(citizen(3), "+6281234567898")
    walk.candidates[twice] = (Candidate(first, 0.95),)
    walk.deliver()

    assert [case.application_id for case in open_cases(walk.ports)] == [twice, single]
    walk.world.clock.advance(hours=35, minutes=58)
    assert [case.application_id for case in open_cases(walk.ports)] == [twice, single]
    walk.world.clock.advance(minutes=1)

    assert [case.application_id for case in open_cases(walk.ports)] == [single, twice]


def test_cases_near_their_deadline_and_past_it_are_counted_every_minute():
    walk, _ = doubted()
    seen = []
    for hours in (35, 1, 11, 1):
        walk.world.clock.advance(hours=hours)
        found = count_late(walk.ports)
        seen.append((found.reviews_near_deadline_count, found.reviews_overdue_count))

    assert seen == [(0, 0), (1, 0), (1, 0), (0, 1)]


def test_what_the_worker_failed_at_goes_to_people_and_asks_nobody_for_another_picture():
    walk = begin(citizen())
    name = walk.submit(citizen())
    walk.selfies[name] = PhotoEvidence(PhotoOutcome.NOT_MEASURED)

    walk.deliver()

    assert walk.application(name).state is State.IN_REVIEW
    (case,) = open_cases(walk.ports)
    assert case.reasons == ("FACE_NOT_MEASURED",)


def test_the_same_face_under_a_second_nik_goes_to_people_with_both_shown():
    walk = begin(citizen(1), citizen(2))
    first = walk.submit(citizen(1), "+6281234567890")
    walk.deliver()
    second = walk.submit(citizen(2), "+6281234567891")
    walk.candidates[second] = (Candidate(first, 0.95), Candidate("app_unlike", 0.2))

    walk.deliver()

    (case,) = open_cases(walk.ports)
    assert (case.application_id, case.others) == (second, (first,))
    assert case.reasons == ("FACE_ENROLLED_TWICE",)
    assert walk.application(first).state is State.VERIFIED
    view = reviewing.view_review(walk.ports, RINA, reviewing.next_review(walk.ports, RINA).review_id)
    assert [(person.label, person.is_to_decide) for person in view.people] == [("A", True), ("B", False)]


@pytest.mark.parametrize("pairs", [((0, 1), (0, 2), (0, 3)), ((0, 1), (1, 2), (2, 3))])
def test_open_cases_about_one_face_are_one_case_and_each_member_is_decided_for_itself(pairs):
    walk = begin(*map(citizen, range(1, 5)))
    names = alike(walk, *pairs)

    given = reviewing.next_review(walk.ports, RINA)
    view = reviewing.view_review(walk.ports, RINA, given.review_id)

    assert given.labels == ("A", "B", "C")
    assert [person.is_to_decide for person in view.people] == [True, True, True, False]
    for who, decision in ((RINA, REFUSE), (RUDI, REFUSE)):
        review_id = reviewing.next_review(walk.ports, who).review_id
        left = [reviewing.answer(walk.ports, who, review_id, "A", decision=decision, note="sama").left]
        left += [reviewing.answer(walk.ports, who, review_id, "B", decision=ACCEPT, note="lain").left]
        assert left == [("B", "C"), ("C",)]
    states = [walk.application(name).state for name in names]
    assert states == [State.VERIFIED, State.NOT_ELIGIBLE, State.VERIFIED, State.IN_REVIEW]


def test_of_a_cluster_too_large_to_compare_a_part_is_given_and_everybody_comes_to_be_decided():
    walk = begin(*map(citizen, range(1, 13)))
    names = alike(walk, *((0, number) for number in range(1, 12)))

    seen = []
    for _ in range(3):
        for who in (RINA, RUDI):
            given = reviewing.next_review(walk.ports, who)
            if given is None:
                continue
            seen.append(len(reviewing.view_review(walk.ports, who, given.review_id).people))
            for label in given.labels:
                reviewing.answer(walk.ports, who, given.review_id, label, decision=REFUSE, note="sama")

    assert max(seen) == 8
    assert {walk.application(name).state for name in names[1:]} == {State.NOT_ELIGIBLE}
    assert open_cases(walk.ports) == []


@pytest.mark.parametrize("purpose", NEEDED)
def test_whoever_withdraws_while_a_reviewer_has_their_case_is_shown_and_answered_no_more(purpose):
    walk, (name,) = doubted()
    held = take(walk.ports, RINA, name)
    say(walk.ports, RUDI, name, REFUSE)

    consents.withdraw_consent(walk.ports, walk.programme, name, purpose)

    assert reviewing.view_review(walk.ports, RINA, held[0]).people == ()
    with pytest.raises(MoveNotAllowedError):
        reviewing.answer(walk.ports, RINA, *held, decision=REFUSE, note="x")
    assert reviewing.next_review(walk.ports, RINA) is None
    assert walk.application(name).state is State.DRAFT


def test_a_reviewer_sees_pictures_under_labels_and_nothing_that_names_anybody():
    walk = begin(citizen(1), citizen(2))
    first, second = alike(walk, (0, 1))

    given = reviewing.next_review(walk.ports, RINA)
    view = reviewing.view_review(walk.ports, RINA, given.review_id)

    shown = f"{given} {view}"
    for secret in (first, second, citizen(1).nik, citizen(2).nik, citizen(1).name, "0.95"):
        assert secret not in shown
    urls = [url for person in view.people for url in (person.selfie_url, person.ktp_url)]
    kept = walk.world.photos.kept
    originals = [
        walk.application(name).photos[slot].key for name in (second, first) for slot in ("selfie", "ktp")
    ]
    assert [kept[url.removeprefix("memory://photos/")] for url in urls] == [kept[key] for key in originals]


def test_the_copies_that_a_reviewer_saw_are_gone_when_the_time_is_over_or_the_next_is_given():
    walk, (name, other) = doubted(2)
    first = reviewing.next_review(walk.ports, RINA)
    reviewing.view_review(walk.ports, RINA, first.review_id)
    assert copies(walk)

    reviewing.answer(walk.ports, RINA, first.review_id, "A", decision=ACCEPT, note="sama")
    second = reviewing.next_review(walk.ports, RINA)
    assert copies(walk) == []
    reviewing.view_review(walk.ports, RINA, second.review_id)
    assert copies(walk)
    reconcile(walk.ports)
    assert copies(walk)
    walk.world.clock.advance(seconds=GIVEN_FOR.total_seconds())

    assert reconcile(walk.ports).reviews_ended_count == 1
    assert reconcile(walk.ports).reviews_ended_count == 0
    assert copies(walk) == []
    assert walk.application(name).photos[Slot.SELFIE].key in walk.world.photos.kept
    assert walk.application(other).photos[Slot.SELFIE].key in walk.world.photos.kept


def copies(walk):
    return [key for key in walk.world.photos.kept if key.startswith("shown/")]


def test_a_reviewer_may_refuse_or_ask_for_another_selfie():
    walk, names = doubted(2)

    decide(walk.ports, names[0], REFUSE, "bukan dia")
    decide(walk.ports, names[1], RETAKE, "gelap")

    assert walk.application(names[0]).reasons == ("REVIEWER_REFUSED",)
    assert walk.application(names[1]).state is State.NEEDS_PHOTO
    photos.offer_upload(walk.ports, names[1], Slot.SELFIE, "image/jpeg", 10)
    with pytest.raises(MoveNotAllowedError):
        photos.offer_upload(walk.ports, names[1], Slot.KTP, "image/jpeg", 10)


def test_only_reviewers_decide_and_each_view_is_on_record_of_everybody_shown():
    walk = begin(citizen(1), citizen(2))
    names = alike(walk, (0, 1))

    held = take(walk.ports, RINA, names[1])
    reviewing.view_review(walk.ports, RINA, held[0])
    for act in (
        lambda: reviewing.next_review(walk.ports, AUDITOR),
        lambda: reviewing.view_review(walk.ports, AUDITOR, held[0]),
        lambda: reviewing.answer(walk.ports, AUDITOR, *held, decision=ACCEPT, note=""),
    ):
        with pytest.raises(NotAllowedError):
            act()

    for name in names:
        story = explanation.explain(walk.ports, walk.programme, AUDITOR, name)
        views = [line.facts for line in story.happened if line.event == "case_viewed"]
        assert [(view["reviewer"], view["review_id"]) for view in views] == [("rina", held[0])]
        assert story.audit_fault == ""
