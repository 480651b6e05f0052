"""Applicants tried by proposed rules from what is on record: no register is asked, nothing is written."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from gelombang.domain.appeal import BY_APPEAL
from gelombang.domain.checks import Layer
from gelombang.domain.dry_run import compare
from gelombang.domain.programme import RuleSet
from gelombang.journey import applications, restriction
from gelombang.journey.recorded_cases import LeftOut, recorded_cases
from tests.journey.walking import begin, citizen

ORDINARY, AIDED, PUPIL = citizen(1), citizen(2, receives_aid=True), citizen(3, is_at_madrasah=True)


def walked(*people):
    walk = begin(*people)
    names = [walk.submit(person, f"+628123456789{number}") for number, person in enumerate(people)]
    walk.deliver()
    return walk, names


def rules_named(walk, name: str) -> RuleSet:
    return next(rules for rules in walk.programme.rule_sets if rules.name == name)


def tried(walk, names, before: str, after: str):
    rules = [rules_named(walk, name) for name in (before, after)]
    return compare(*rules, recorded_cases(walk.ports, names, Counter()), walk.world.clock.now(), 9)


def test_what_is_on_record_is_judged_by_other_rules_and_what_was_never_asked_waits():
    walk, (ordinary, aided, pupil) = walked(ORDINARY, AIDED, PUPIL)
    before = [walk.application(name) for name in (ordinary, aided, pupil)]
    walk.registers.fail("dukcapil")  # nobody asks it

    diff = tried(walk, (ordinary, aided, pupil), "2023", "2021-december")

    assert (diff.people_count, diff.before) == (3, {"eligible": 2, "waiting": 0, "refused": 1})
    assert diff.after == {"eligible": 0, "waiting": 3, "refused": 0}  # the rules of 2023 ask nobody about aid
    assert diff.lost == (ordinary, aided)
    assert [walk.application(name) for name in (ordinary, aided, pupil)] == before


def test_the_rules_that_decided_come_to_the_same_again():
    walk, names = walked(ORDINARY, PUPIL)

    diff = tried(walk, names, "2023", "2023")

    assert diff.before == diff.after == {"eligible": 1, "waiting": 0, "refused": 1}


def test_who_restricted_processing_or_was_erased_or_has_typed_nothing_is_left_out_and_that_is_counted():
    walk, (ordinary, aided, pupil) = walked(ORDINARY, AIDED, PUPIL)
    restriction.restrict(walk.ports, ordinary)
    walk.ports.vault.forget(aided)
    draft = walk.sign_in("+6281234567899")
    left_out = Counter()

    cases = list(recorded_cases(walk.ports, [ordinary, aided, pupil, draft, "app_nobody"], left_out))

    assert [case.pseudonym for case in cases] == [pupil]
    assert left_out == {LeftOut.RESTRICTED: 1, LeftOut.ERASED: 2, LeftOut.FORM_NOT_SENT: 1}


def test_who_was_decided_on_appeal_or_about_whom_nobody_has_answered_is_left_out_and_that_is_counted():
    walk, (ordinary, pupil) = walked(ORDINARY, PUPIL)
    unasked, appealed = walk.application(ordinary), walk.application(pupil)
    decided = replace(appealed.checks[Layer.AGE], source=f"{BY_APPEAL}A-1")
    applications.save(walk.ports, replace(unasked, checks={}), "drill")
    applications.save(walk.ports, replace(appealed, checks=appealed.checks | {Layer.AGE: decided}), "drill")
    left_out = Counter()

    assert list(recorded_cases(walk.ports, [ordinary, pupil], left_out)) == []
    assert left_out == {LeftOut.NO_ANSWER: 1, LeftOut.BY_APPEAL: 1}
