"""Whose a NIK is while several name it: nobody is in between, and whoever holds it is told once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from gelombang.domain.appeal import AppealCode
from gelombang.domain.application import State
from gelombang.domain.checks import Layer, Outcome
from gelombang.domain.consent import Purpose
from gelombang.domain.errors import ConflictError, DependencyError, MoveNotAllowedError
from gelombang.domain.face_evidence import Candidate
from gelombang.domain.messages import ChecksDue
from gelombang.domain.review import ReviewDecision
from gelombang.domain.sources import can_be_listed
from gelombang.journey import (
    appeal_decisions,
    applications,
    consents,
    nik_claims,
    reconciliation,
    registration,
    reviewing,
    verification,
)
from gelombang.journey.nik_claims import NIK_ASKED_AGAIN_TEXT, claim_nik, named_with
from gelombang.journey.ports import Key, Put
from tests.journey import appealing
from tests.journey.appealing import DEWI
from tests.journey.reviewers import RATNA, RINA, RUDI, case_of, decide, say, see, take
from tests.journey.walking import SPOILED, begin, citizen

HOLDER, OTHER, THIRD = "+6281234567890", "+6281234567891", "+6281234567892"


@pytest.fixture
def walk():
    return begin(citizen())


def named(walk):
    return named_with(walk.ports, walk.ports.vault.tag("nik", citizen().nik))


def handed_in(walk, *phones):
    names = []
    for phone in phones:
        names.append(walk.submit(citizen(), phone))
        walk.deliver()
    return names


def giving_up(walk):
    """Let the NIK's holder come, who can still withdraw."""
    holder = walk.submit(citizen(), HOLDER)
    walk.selfies[holder] = SPOILED
    walk.deliver()
    return holder


def withdraw(walk, name):
    consents.withdraw_consent(walk.ports, walk.programme, name, Purpose.IDENTITY_CHECK)


def beat(walk, is_meant, step):
    """Let somebody do `step` just before the first commit that writes a row that is meant."""
    commit = walk.world.rows.commit

    def beaten(changes):
        if any(isinstance(change, Put) and is_meant(change.row) for change in changes):
            walk.world.rows.commit = commit
            step()
        commit(changes)

    walk.world.rows.commit = beaten


def appealed(walk):
    """Let the holder be refused by reviewers and appeal, while another waits for reviewers over the NIK."""
    holder = walk.submit(citizen(), HOLDER)
    walk.similarity[holder] = 0.1
    walk.deliver()
    decide(walk.ports, holder, ReviewDecision.REFUSE)
    (other,) = handed_in(walk, OTHER)
    return holder, other, appealing.file(walk, holder, "REVIEWER_REFUSED")


def times_told(walk):
    reconciliation.reconcile(walk.ports)
    return [text for _, text in walk.world.texts.sent].count(NIK_ASKED_AGAIN_TEXT)


def test_whoever_comes_later_is_named_beside_in_their_order(walk):
    names = handed_in(walk, HOLDER, OTHER, THIRD)

    assert named(walk) == names
    assert [walk.application(name).state for name in names] == [State.VERIFIED, *[State.IN_REVIEW] * 2]


def test_whoever_was_named_first_holds_a_nik_that_is_given_up_before_they_are_judged(walk):
    holder, other = giving_up(walk), walk.submit(citizen(), OTHER)
    verification.run_checks(walk.ports, walk.programme, ChecksDue(other, 1))
    assert (named(walk), walk.application(other).state) == ([holder, other], State.CHECKING)
    withdraw(walk, holder)
    walk.deliver()

    (third,) = handed_in(walk, THIRD)

    assert named(walk) == [other, third]
    assert walk.application(other).state is State.VERIFIED
    assert walk.application(third).state is State.IN_REVIEW


def test_whoever_waits_for_reviewers_holds_a_nik_that_is_given_up_meanwhile(walk):
    holder, (other,) = giving_up(walk), handed_in(walk, OTHER)
    withdraw(walk, holder)
    (third,) = handed_in(walk, THIRD)
    assert named(walk) == [other, third]

    decide(walk.ports, other, ReviewDecision.ACCEPT)

    assert walk.application(other).state is State.VERIFIED
    assert named(walk) == [other, third]
    assert walk.application(third).state is State.IN_REVIEW


def test_whoever_gives_up_beside_the_holder_takes_nothing_from_anybody(walk):
    holder, other, third = handed_in(walk, HOLDER, OTHER, THIRD)

    walk.ports.rows.commit(nik_claims.release_nik(walk.ports, walk.application(other)))

    assert named(walk) == [holder, third]


def test_whoever_lost_a_nik_to_another_is_named_beside_them(walk):
    holder, other, third = handed_in(walk, HOLDER, OTHER, THIRD)

    decide(walk.ports, other, ReviewDecision.ACCEPT)

    assert named(walk) == [other, holder, third]
    assert walk.application(holder).state is State.NOT_ELIGIBLE


def test_the_holder_is_told_once_however_long_it_takes_and_however_often_the_checks_begin(walk):
    (holder,) = handed_in(walk, HOLDER)
    walk.registers.fail("kemdikbud")
    other = walk.submit(citizen(), OTHER)
    for _ in range(4):
        walk.deliver()
        walk.world.clock.advance(days=20)
        verification.run_checks(walk.ports, walk.programme, ChecksDue(other, 1))

    assert walk.application(other).checks[Layer.EDUCATION].outcome is Outcome.PENDING
    assert (named(walk), times_told(walk)) == ([holder, other], 1)


def test_what_the_holder_is_told_is_kept_with_the_naming_or_neither_is(walk):
    handed_in(walk, HOLDER)
    other = walk.submit(citizen(), OTHER)
    commit = walk.world.rows.commit

    def refusing(changes):
        if any("NIK#" in change.row.key.partition for change in changes if hasattr(change, "row")):
            raise DependencyError("dynamodb", "timeout")
        commit(changes)

    walk.world.rows.commit = refusing
    with pytest.raises(DependencyError):
        claim_nik(walk.ports, walk.application(other))
    walk.world.rows.commit = commit
    assert times_told(walk) == 0
    claim_nik(walk.ports, walk.application(other))

    assert times_told(walk) == 1


def test_a_nik_is_named_again_after_a_correction_and_nobody_is_told_a_second_time(walk):
    holder, other = handed_in(walk, HOLDER, OTHER)
    withdraw(walk, other)
    assert named(walk) == [holder]
    walk.consent(other, Purpose.IDENTITY_CHECK)
    registration.submit(walk.ports, other)
    walk.deliver()

    assert (named(walk), times_told(walk)) == ([holder, other], 1)


def test_whoever_withdraws_has_no_nik_and_takes_it_anew(walk):
    holder, other = handed_in(walk, HOLDER, OTHER)
    withdraw(walk, other)
    assert (walk.application(holder).has_nik, walk.application(other).has_nik) == (True, False)


def test_nothing_is_named_for_an_application_that_has_changed_since(walk):
    (holder,) = handed_in(walk, HOLDER)
    other = walk.submit(citizen(), OTHER)
    stale = walk.application(other)
    withdraw(walk, other)

    with pytest.raises(ConflictError):
        claim_nik(walk.ports, stale)

    assert (named(walk), times_told(walk)) == ([holder], 0)


def test_a_row_that_is_full_takes_nobody_more_and_their_application_goes_on(walk, monkeypatch):
    monkeypatch.setattr(nik_claims, "MOST_NAMED", 2)

    names = handed_in(walk, HOLDER, OTHER, THIRD)

    assert named(walk) == names[:2]
    assert walk.application(names[2]).state is State.IN_REVIEW
    assert times_told(walk) == 1


def test_accepting_somebody_fails_while_an_appeal_restores_whoever_held_their_nik(walk):
    holder, other, appeal = appealed(walk)
    say(walk.ports, RINA, other, ReviewDecision.ACCEPT)
    beat(
        walk,
        lambda row: row.key.partition.startswith("NIK#"),
        lambda: appealing.decide(walk, appeal.number, AppealCode.FACE_CONFIRMED),
    )
    with suppress(MoveNotAllowedError):
        say(walk.ports, RUDI, other, ReviewDecision.ACCEPT)

    states = [walk.application(name).state for name in (holder, other)]
    assert states == [State.NOT_ELIGIBLE, State.VERIFIED]
    assert named(walk) == [other, holder]


def test_nobody_is_verified_whose_nik_reviewers_gave_to_another_just_then(walk):
    holder, other, appeal = appealed(walk)
    appeal_decisions.decide_appeal(walk.ports, walk.programme, DEWI, appeal.number, AppealCode.FACE_CONFIRMED)
    beat(
        walk,
        lambda row: row.fields.get("state") == State.VERIFIED,
        lambda: decide(walk.ports, other, ReviewDecision.ACCEPT),
    )
    walk.deliver()

    states = [walk.application(name).state for name in (holder, other)]
    assert states == [State.NOT_ELIGIBLE, State.VERIFIED]


def test_a_reviewer_sees_whom_accepting_would_refuse(walk):
    holder, other = handed_in(walk, HOLDER, OTHER)

    people = see(walk.ports, other).people

    assert [(one.is_to_decide, bool(one.selfie_url)) for one in people] == [(True, True), (False, True)]
    assert case_of(walk.ports, other).others == (holder,)


def test_a_holder_whose_face_it_is_too_is_named_once(walk):
    (holder,) = handed_in(walk, HOLDER)
    other = walk.submit(citizen(), OTHER)
    walk.candidates[other] = (Candidate(holder, 0.9),)
    walk.deliver()

    assert case_of(walk.ports, other).others == (holder,)


def test_nobody_accepts_somebody_before_they_have_seen_who_holds_the_nik_by_then(walk):
    holder, first = handed_in(walk, HOLDER, OTHER)
    review_id, label = take(walk.ports, RUDI, first)
    (second,) = handed_in(walk, THIRD)
    for reviewer in (RINA, RATNA):
        say(walk.ports, reviewer, second, ReviewDecision.ACCEPT)
    assert named(walk)[0] == second

    with pytest.raises(MoveNotAllowedError):
        reviewing.answer(walk.ports, RUDI, review_id, label, decision=ReviewDecision.ACCEPT, note="dilihat")

    assert case_of(walk.ports, first).answers == ()
    assert walk.application(second).state is State.VERIFIED
    again = reviewing.next_review(walk.ports, RUDI)
    shown = walk.ports.rows.read(Key(f"REVIEWER#{RUDI.name}")).fields["places"]
    assert again.review_id != review_id
    assert {place["application_id"] for place in shown} == {holder, first, second}


@pytest.mark.parametrize("is_registered", [False, True])
def test_whoever_withdraws_without_knowing_whose_the_nik_is_looks_at_nothing_of_its_owner(is_registered):
    walk = begin(citizen())
    if is_registered:
        handed_in(walk, HOLDER)
    stranger = walk.submit(replace(citizen(), kk=citizen(2).kk), OTHER)
    read, calls = walk.world.rows.read, []

    def reading(key):
        calls.append(key.partition)
        return read(key)

    walk.world.rows.read = reading
    withdraw(walk, stranger)

    assert walk.application(stranger).state is State.DRAFT
    assert not any(partition.startswith("NIK#") for partition in calls)


def test_a_full_row_fits_into_a_table():
    longest = [f"{number:032x}" for number in range(nik_claims.MOST_NAMED)]

    assert len(str(nik_claims._fields(longest))) < 100_000  # of 400 KB


@pytest.mark.parametrize("is_theirs", [False, True])
def test_no_list_is_asked_about_a_nik_before_it_is_claimed(walk, is_theirs):
    name = walk.submit(citizen() if is_theirs else replace(citizen(), kk=citizen(2).kk), HOLDER)
    verification.run_checks(walk.ports, walk.programme, ChecksDue(name, 1))

    asked = {entry.event for entry in applications.audit_of(walk.ports, name)}
    listed = {Layer(name) for name in walk.application(name).checks if can_be_listed(Layer(name))}
    assert (bool(listed), bool(named(walk)), "correction_asked" in asked) == (
        is_theirs,
        is_theirs,
        not is_theirs,
    )
