"""A programme as data: rules by date, texts in two languages, regions, consent, retention and operating points.

Loaded by `gelombang.journey.programme` from the folder programmes/<name>/.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gelombang.domain.appeal import AppealRules
from gelombang.domain.application import State
from gelombang.domain.checks import Layer
from gelombang.domain.conditions import LayerRule
from gelombang.domain.consent import Consent
from gelombang.domain.errors import DependencyError
from gelombang.domain.reasons import Reason
from gelombang.domain.retention import RetentionClass
from gelombang.domain.seat import SeatRules
from gelombang.domain.verdict import OperatingPoint
from gelombang.domain.wave import BrownOutRules
from gelombang.domain.working_days import WorkingCalendar

LANGUAGES = ("id", "en")


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Who may take part, between two days."""

    name: str
    valid_from: date
    valid_until: date | None  # the last day; None: until further notice
    layer_rules: tuple[LayerRule, ...]  # in the order asked; a layer that has none here is not asked at all
    pending_at_freeze: Reason  # what becomes of whoever is not decided when a wave closes; it has a text
    source: str
    uncertain: str  # what of it could not be verified; "" for nothing

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers asked, in this order."""
        return tuple(rule.layer for rule in self.layer_rules)

    def is_in_force(self, day: date) -> bool:
        """Say whether people are judged by these on a day."""
        return self.valid_from <= day and (self.valid_until is None or day <= self.valid_until)

    def rule_of(self, layer: Layer) -> LayerRule | None:
        """Return what these rules make of a layer, None when they do not ask it."""
        return next((rule for rule in self.layer_rules if rule.layer is layer), None)


@dataclass(frozen=True, slots=True)
class Text:
    """What a person is told: one sentence that says what is the case, and one that says what to do."""

    sentence: str
    next_step: str


@dataclass(frozen=True, slots=True)
class Programme:
    """One programme, complete."""

    name: str
    rule_sets: tuple[RuleSet, ...]  # earliest first, never overlapping
    texts: dict[str, dict[str, Text]]  # by code, then by language
    provinces: dict[str, str]  # two digits to name; a region's code begins with its province's
    regions: dict[str, str]  # kabupaten/kota of registered domicile: four digits to name
    population: dict[str, int]  # registered residents of each region: default weights for apportioning seats
    consents: tuple[Consent, ...]  # every version that was ever asked for, oldest first
    operating_points: dict[str, OperatingPoint]  # by model release
    retention: tuple[RetentionClass, ...]  # of each state the one that ends first first
    appeals: AppealRules
    seats: SeatRules
    brown_outs: BrownOutRules
    calendar: WorkingCalendar

    @property
    def consent(self) -> Consent:
        """The consent asked for now."""
        return self.consents[-1]

    def rule_set_named(self, name: str) -> RuleSet:
        """Return the rule set of this name.

        Raises:
            KeyError: there is none.
        """
        return {each.name: each for each in self.rule_sets}[name]

    def retention_of(self, state: State) -> tuple[RetentionClass, ...]:
        """Return what is removed in a state, in order."""
        return tuple(each for each in self.retention if state in each.states)

    def text(self, code: str, language: str) -> Text:
        """Return the text of a code; another language than `LANGUAGES` is answered in Indonesian.

        Raises:
            KeyError: no such code; a test keeps every code that can be given in the texts.
        """
        return self.texts[code][language if language in LANGUAGES else "id"]

    def operating_point(self, release: str) -> OperatingPoint:
        """Return the operating point of a model release.

        Raises:
            DependencyError: none has been set, so its evidence cannot be judged yet; the step waits for one.
        """
        try:
            return self.operating_points[release]
        except KeyError:
            raise DependencyError(
                f"operating_points/{release}", f"programme {self.name} has none for this model release"
            ) from None
