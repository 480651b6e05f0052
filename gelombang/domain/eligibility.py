"""Whether a person may take part: one outcome per layer of checks, and one decision from all of them.

    any register layer FAILED ──▶ REFUSE    with every failed layer's reason
    the face not asked yet ─────▶ ASK_FACE  even while a register is down: photographs are judged meanwhile
    anything PENDING or unasked ▶ WAIT      a register that is down delays, it never rejects
    all PASSED ─────────────────▶ VERIFY

A face that has not passed is never a refusal here: retakes and reviews are moves of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Any, Protocol

from gelombang.domain.checks import CheckResult, Layer, Outcome
from gelombang.domain.nik import birth_date_differs
from gelombang.domain.programme import Programme, RuleSet
from gelombang.domain.reasons import Reason
from gelombang.domain.wave import JAKARTA

# What a typing error can cause: the applicant corrects the form, instead of being refused for good.
CORRECTABLE = frozenset(
    {Reason.NIK_NOT_FOUND, Reason.BIRTH_DATE_DIFFERS, Reason.KK_DIFFERS, Reason.REGION_DIFFERS}
)
# Ratio of common letters, 0..1, under which two spellings of a name are remarked on. Set by hand so that
# swapped parts and one typing error pass; it only raises a flag for reviewers.
NAME_ALIKE_MIN = 0.6

Judgement = tuple[Outcome, str, tuple[str, ...]]  # outcome, reason code or "", soft flags
PASSED: Judgement = (Outcome.PASSED, "", ())


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
        if rules.valid_from <= day and (rules.valid_until is None or day <= rules.valid_until):
            return rules
    raise ValueError(f"programme {programme.name} has no rules on {day.isoformat()}")


def judge_layer(
    layer: Layer, facts: Mapping[str, Any], claimant: Claimant, rules: RuleSet, today: date
) -> Judgement:
    """Return outcome, reason and flags of one register layer.

    `facts` are the answer of the layer's register, in the shape `gelombang.http.registers` documents. AGE is
    judged from the population register's facts, whose birth date counts and not the typed one.

    Raises:
        ValueError: the face is not a register layer; `verdict.judge_face` judges it.
    """
    if layer is Layer.FACE:
        raise ValueError("the face is judged from its evidence")
    if layer not in rules.layers:
        return Outcome.NOT_APPLICABLE, "", ()
    if layer is Layer.POPULATION:
        return _judge_population(facts, claimant)
    if layer is Layer.AGE:
        return _judge_age(facts, rules, today)
    excluded, reason = {
        Layer.EDUCATION: (facts.get("enrolled"), Reason.STILL_AT_SCHOOL),
        Layer.RELIGIOUS_EDUCATION: (facts.get("enrolled"), Reason.STILL_AT_MADRASAH),
        Layer.AID: (facts.get("receives_aid"), Reason.RECEIVES_AID),
        Layer.EXCLUDED_OCCUPATION: (
            facts.get("occupation") in rules.occupations_excluded,
            Reason.EXCLUDED_OCCUPATION,
        ),
        Layer.EARLIER_RECIPIENT: (facts.get("received"), Reason.EARLIER_RECIPIENT),
    }[layer]
    return _failed(reason) if excluded else PASSED


def decide(checks: Mapping[str, CheckResult], rules: RuleSet) -> Decision:
    """Return the next step from the checks so far, keyed by layer; pure, and monotone in every outcome."""
    outcomes = {
        layer: checks[layer].outcome if layer in checks else Outcome.PENDING for layer in rules.layers
    }
    registers = [layer for layer in rules.layers if layer is not Layer.FACE]
    failed = [layer for layer in registers if outcomes[layer] is Outcome.FAILED]
    good = (Outcome.PASSED, Outcome.NOT_APPLICABLE)
    pending = tuple(layer for layer in rules.layers if outcomes[layer] not in good and layer not in failed)
    if failed:
        return Decision(Step.REFUSE, tuple(dict.fromkeys(checks[layer].reason for layer in failed)), pending)
    if Layer.FACE in rules.layers and Layer.FACE not in checks:
        return Decision(Step.ASK_FACE, pending=pending)
    return Decision(Step.WAIT, pending=pending) if pending else Decision(Step.VERIFY)


def _judge_population(facts: Mapping[str, Any], claimant: Claimant) -> Judgement:
    if not facts["found"]:
        return _failed(Reason.NIK_NOT_FOUND)
    registered = date.fromisoformat(facts["birth_date"])
    flags = (
        *((Reason.NIK_DATE_DIFFERS,) if birth_date_differs(claimant.nik, registered) else ()),
        *((Reason.NAME_DIFFERS,) if not _names_alike(claimant.name, facts["name"]) else ()),
    )
    if facts["citizenship"] != "WNI":
        return _failed(Reason.NOT_A_CITIZEN, flags)
    if registered != claimant.birth_date:
        return _failed(Reason.BIRTH_DATE_DIFFERS, flags)
    if not facts["kk_matches"]:
        return _failed(Reason.KK_DIFFERS, flags)
    if facts["region"] != claimant.region:  # quotas go by registered domicile, so nobody may choose theirs
        return _failed(Reason.REGION_DIFFERS, flags)
    return Outcome.PASSED, "", flags


def _judge_age(facts: Mapping[str, Any], rules: RuleSet, today: date) -> Judgement:
    if not facts["found"]:  # nobody's age: the population layer says what is wrong
        return Outcome.NOT_APPLICABLE, "", ()
    age = age_on(today, date.fromisoformat(facts["birth_date"]))
    if age < rules.age_min:
        return _failed(Reason.TOO_YOUNG)
    if rules.age_max is not None and age > rules.age_max:
        return _failed(Reason.TOO_OLD)
    return PASSED


def _failed(reason: Reason, flags: tuple[str, ...] = ()) -> Judgement:
    return Outcome.FAILED, reason, flags


def _names_alike(typed: str, registered: str) -> bool:
    """Compare letters only, whatever the case and the order of the parts."""
    one, other = (" ".join(sorted(name.casefold().split())) for name in (typed, registered))
    return SequenceMatcher(None, one, other).ratio() >= NAME_ALIKE_MIN
