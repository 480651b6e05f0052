"""Whether a person may take part: one outcome per layer of checks, and one decision from all of them.

    any register layer FAILED ──▶ REFUSE    with every failed layer's reason
    the face not asked yet ─────▶ ASK_FACE  even while a register is down: photographs are judged meanwhile
    anything PENDING or unasked ▶ WAIT      a register that is down delays, it never rejects
    all PASSED ─────────────────▶ VERIFY

A face that has not passed is never a refusal here: retakes and reviews are moves of their own. What a layer fails
with is data, in the rule set; here it is only applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import SequenceMatcher
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Protocol

from gelombang.domain.appeal import is_by_appeal
from gelombang.domain.checks import CheckResult, Layer, Outcome
from gelombang.domain.conditions import Statement
from gelombang.domain.layers import CONTRACTS
from gelombang.domain.nik import birth_date_differs
from gelombang.domain.programme import Programme, RuleSet
from gelombang.domain.reasons import Reason
from gelombang.domain.wave import JAKARTA

# What a typing error can cause: the applicant corrects the form, instead of being refused for good.
CORRECTABLE = frozenset(
    {Reason.NIK_NOT_FOUND, Reason.BIRTH_DATE_DIFFERS, Reason.KK_DIFFERS, Reason.REGION_DIFFERS}
)

# Nothing is left to ask, and nothing is against it.
GOOD = frozenset({Outcome.PASSED, Outcome.NOT_APPLICABLE})

Judgement = tuple[Outcome, str, tuple[str, ...]]  # outcome, reason code or "", soft flags


class Claimant(Protocol):
    """What the applicant says of themselves; `gelombang.journey.ports.Person` is one."""

    @property
    def nik(self) -> str:
        """The NIK, 16 digits."""

    @property
    def name(self) -> str:
        """The name as typed."""

    @property
    def birth_date(self) -> date:
        """The birth date as typed."""

    @property
    def region(self) -> str:
        """The kabupaten/kota of domicile as chosen, four digits."""


class Step(StrEnum):
    """What to do next with an application under check."""

    REFUSE = "refuse"
    WAIT = "wait"
    ASK_FACE = "ask_face"
    VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class Decision:
    """The next step, every reason for a refusal, and the layers still without an answer."""

    step: Step
    reasons: tuple[str, ...] = ()
    pending: tuple[Layer, ...] = ()


def jakarta_day(now: datetime) -> date:
    """Return the calendar day in Jakarta at a timezone-aware moment."""
    return now.astimezone(JAKARTA).date()


def age_on(day: date, birth_date: date) -> int:
    """Return full years of age; a birthday counts from its first minute, 29 February from 1 March."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def rule_set_for(programme: Programme, day: date) -> RuleSet:
    """Return the rules in force on a day.

    Raises:
        ValueError: the programme had no rules on that day.
    """
    for rules in programme.rule_sets:
        if rules.is_in_force(day):
            return rules
    raise ValueError(f"programme {programme.name} has no rules on {day.isoformat()}")


def may_ask(layer: Layer, checks: Mapping[str, CheckResult], rules: RuleSet) -> bool:
    """Say whether every layer that this register layer needs, of those the rules ask at all, has passed."""
    return _have_passed(CONTRACTS[layer].needs, checks, rules)


def is_person_known(checks: Mapping[str, CheckResult], rules: RuleSet) -> bool:
    """Say whether NIK and family card were found to be this person's, as far as the rules ask."""
    return _have_passed((Layer.POPULATION, Layer.KK), checks, rules)


def judge_layer(
    layer: Layer, facts: Mapping[str, Any], claimant: Claimant, rules: RuleSet, today: date
) -> Judgement:
    """Return outcome, reason and flags of one register layer.

    `facts` are the answer of the layer's register, in the shape `gelombang.http.registers` documents; a fact
    that the rules need and the answer lacks leaves the layer pending. AGE and KK are judged from the population
    register's answer, whose birth date counts and not the typed one.

    Raises:
        ValueError: the face is not a register layer; `verdict.judge_face` judges it.
    """
    if layer is Layer.FACE:
        raise ValueError("the face is judged from its evidence")
    rule = rules.rule_of(layer)
    if rule is None:
        return Outcome.NOT_APPLICABLE, "", ()

    def holds(statement: Statement) -> bool | None:
        fact = _fact(statement.fact, facts, claimant, today)
        return None if fact is None else statement.holds(fact)

    if rule.skipped_if and holds(rule.skipped_if):
        return Outcome.NOT_APPLICABLE, "", ()
    flags = tuple(remark.reason for remark in rule.remarks if holds(remark.statement))
    for condition in rule.fails:
        failed = holds(condition.statement)
        if failed is None:
            return Outcome.PENDING, Reason.REGISTER_UNREACHABLE, ()
        if failed:
            return Outcome.FAILED, condition.reason, flags
    return Outcome.PASSED, "", flags


def decide(checks: Mapping[str, CheckResult], rules: RuleSet) -> Decision:
    """Return the next step from the checks so far, keyed by layer; pure, and monotone in every outcome."""
    outcomes = {
        layer: checks[layer].outcome if layer in checks else Outcome.PENDING for layer in rules.layers
    }
    registers = [layer for layer in rules.layers if layer is not Layer.FACE]
    failed = [layer for layer in registers if outcomes[layer] is Outcome.FAILED]
    pending = tuple(layer for layer in rules.layers if outcomes[layer] not in GOOD and layer not in failed)
    if failed:
        return Decision(Step.REFUSE, tuple(dict.fromkeys(checks[layer].reason for layer in failed)), pending)
    if Layer.FACE in rules.layers and Layer.FACE not in checks:
        return Decision(Step.ASK_FACE, pending=pending)
    return Decision(Step.WAIT, pending=pending) if pending else Decision(Step.VERIFY)


def _have_passed(layers: Iterable[Layer], checks: Mapping[str, CheckResult], rules: RuleSet) -> bool:
    asked = [layer for layer in layers if layer in rules.layers]
    # Of whom people decided on appeal who they are, a register that does not know them says nothing, now or later.
    enough = GOOD if is_by_appeal(checks.get(Layer.POPULATION)) else {Outcome.PASSED}
    return all(layer in checks and checks[layer].outcome in enough for layer in asked)


def _fact(name: str, facts: Mapping[str, Any], claimant: Claimant, today: date) -> Any:  # noqa: ANN401 - see CONTRACTS
    """Return a fact as answered or as it follows from the answer; None where the answer does not say."""
    told, derived = DERIVED.get(name, (name, None))
    fact = facts.get(told)
    return fact if fact is None or derived is None else derived(fact, claimant, today)


def _likeness(typed: str, registered: str) -> float:
    """Return the ratio of common letters, 0..1, whatever the case and the order of the parts."""
    one, other = (" ".join(sorted(name.casefold().split())) for name in (typed, registered))
    return SequenceMatcher(None, one, other).ratio()


# What follows from a fact of the population register, the applicant's own words and the day.
DERIVED: Mapping[str, tuple[str, Callable[[str, Claimant, date], object]]] = MappingProxyType(
    {
        "age": ("birth_date", lambda born, _claimant, today: age_on(today, date.fromisoformat(born))),
        "birth_date_matches": (
            "birth_date",
            lambda born, claimant, _today: date.fromisoformat(born) == claimant.birth_date,
        ),
        "nik_date_matches": (
            "birth_date",
            lambda born, claimant, _today: not birth_date_differs(claimant.nik, date.fromisoformat(born)),
        ),
        # Quotas go by registered domicile, so nobody may choose theirs.
        "region_matches": ("region", lambda region, claimant, _today: region == claimant.region),
        "name_likeness": ("name", lambda name, claimant, _today: _likeness(claimant.name, name)),
    }
)
