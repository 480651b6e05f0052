"""Judges people by two rule sets and says who would gain and who would lose, by reason; finds which sets to try.

    case ──▶ standing_of(…, rules in force) ─┐
         └─▶ standing_of(…, rules proposed) ─┴─▶ counted; the first few who gain or lose by pseudonym

One case at a time, so that a million take no more memory than ten. The face is left out: people and operating
points decide about it, and no rule set changes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from gelombang.domain.checks import CheckResult, Layer, Outcome
from gelombang.domain.eligibility import Claimant, Step, decide, jakarta_day, judge_layer, may_ask
from gelombang.domain.layers import CONTRACTS
from gelombang.domain.programme import RuleSet
from gelombang.domain.reasons import Reason


@dataclass(frozen=True, slots=True)
class Case:
    """Somebody to judge: a pseudonym, what they say of themselves, and what the registers answer.

    `answers` are by the layer that is asked, in the shape of gelombang.http.registers; a layer that is not there
    did not answer.
    """

    pseudonym: str
    claimant: Claimant = field(repr=False)
    answers: Mapping[Layer, Mapping[str, Any]] = field(repr=False)


class News(StrEnum):
    """What is new about a proposed rule set, beside the programme's of the same name."""

    NEW = "new"  # the programme has none of this name
    CHANGED = "changed"  # other layers or conditions
    OTHER_DAYS = "other_days"  # the same conditions
    NONE = "none"


class Place(StrEnum):
    """Where somebody stands once the registers were asked."""

    ELIGIBLE = "eligible"  # nothing against them in any register
    WAITING = "waiting"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Standing:
    """A place, every reason for a refusal (or that an answer is awaited), and the soft flags."""

    place: Place
    reasons: tuple[str, ...]
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """What a change of rules would change. Who has several reasons is counted under each."""

    people_count: int
    before: dict[str, int]  # place → people
    after: dict[str, int]
    gained_count: int  # eligible after and not before
    lost_count: int  # eligible before and not after
    gained_by_reason: dict[str, int]  # why they were refused, or waited, before
    lost_by_reason: dict[str, int]  # why they are refused, or wait, after
    otherwise_count: int  # refused before and after, for other reasons
    gained: tuple[str, ...]  # pseudonyms, the first few
    lost: tuple[str, ...]


def news_of(proposed: Sequence[RuleSet], rule_sets: Sequence[RuleSet]) -> dict[str, News]:
    """Return by name what is new about each proposed set, beside a programme's."""
    known = {rules.name: rules for rules in rule_sets}
    return {rules.name: _news(rules, known.get(rules.name)) for rules in proposed}


def worth_trying(proposed: Sequence[RuleSet], rule_sets: Sequence[RuleSet], day: date) -> RuleSet | None:
    """Return the proposed set that judges otherwise than the programme's, None when none does.

    Of several the one in force on the day, else the next that is, else the last that was.
    """
    news = news_of(proposed, rule_sets)
    differing = [rules for rules in proposed if news[rules.name] in {News.NEW, News.CHANGED}]
    not_over = [rules for rules in differing if rules.valid_until is None or day <= rules.valid_until]
    return next(iter([*not_over, *reversed(differing)]), None)


def _news(rules: RuleSet, known: RuleSet | None) -> News:
    if known is None:
        return News.NEW
    if rules.layer_rules != known.layer_rules:
        return News.CHANGED
    days = (rules.valid_from, rules.valid_until)
    return News.NONE if days == (known.valid_from, known.valid_until) else News.OTHER_DAYS


def compare(before: RuleSet, after: RuleSet, cases: Iterable[Case], now: datetime, most_named: int) -> Diff:
    """Return what becomes of everybody at a moment under two rule sets; `most_named` of each kind are named."""
    moves: Counter[tuple[Place, Place]] = Counter()
    reasons: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}  # gained, lost
    named: dict[bool, list[str]] = {True: [], False: []}
    otherwise_count = 0
    for case in cases:
        old, new = (standing_of(case, rules, now) for rules in (before, after))
        moves[old.place, new.place] += 1
        otherwise_count += old.place is new.place is Place.REFUSED and set(old.reasons) != set(new.reasons)
        if (old.place is Place.ELIGIBLE) is not (new.place is Place.ELIGIBLE):
            is_gain = new.place is Place.ELIGIBLE
            reasons[is_gain].update((old if is_gain else new).reasons)
            if len(named[is_gain]) < most_named:
                named[is_gain].append(case.pseudonym)
    return Diff(
        people_count=moves.total(),
        before=_places(moves, 0),
        after=_places(moves, 1),
        gained_count=sum(moves[old, Place.ELIGIBLE] for old in Place if old is not Place.ELIGIBLE),
        lost_count=sum(moves[Place.ELIGIBLE, new] for new in Place if new is not Place.ELIGIBLE),
        gained_by_reason=dict(reasons[True].most_common()),
        lost_by_reason=dict(reasons[False].most_common()),
        otherwise_count=otherwise_count,
        gained=tuple(named[True]),
        lost=tuple(named[False]),
    )


def standing_of(case: Case, rules: RuleSet, now: datetime) -> Standing:
    """Return where somebody stands under a rule set at a moment, before any face check."""
    checks = check_registers(case, rules, now)
    decision = decide(checks, rules)
    flags = tuple(flag for check in checks.values() for flag in check.flags)
    if decision.step is Step.REFUSE:
        return Standing(Place.REFUSED, decision.reasons, flags)
    is_waiting = any(layer is not Layer.FACE for layer in decision.pending)
    if is_waiting:
        return Standing(Place.WAITING, (Reason.REGISTER_UNREACHABLE,), flags)
    return Standing(Place.ELIGIBLE, (), flags)


def check_registers(case: Case, rules: RuleSet, now: datetime) -> dict[str, CheckResult]:
    """Return what every register layer that is asked comes to, as the journey asks them."""
    today = jakarta_day(now)
    checks: dict[str, CheckResult] = {}
    for layer in rules.layers:
        if layer is Layer.FACE or not may_ask(layer, checks, rules):
            continue
        contract = CONTRACTS[layer]
        facts = case.answers.get(contract.answered_by)
        outcome, reason, flags = (
            (Outcome.PENDING, str(Reason.REGISTER_UNREACHABLE), ())
            if facts is None
            else judge_layer(layer, facts, case.claimant, rules, today)
        )
        checks[layer] = CheckResult(layer, outcome, contract.source, "", now, reason, flags)
    return checks


def _places(moves: Counter[tuple[Place, Place]], side: int) -> dict[str, int]:
    return {
        str(place): sum(count for places, count in moves.items() if places[side] is place) for place in Place
    }
