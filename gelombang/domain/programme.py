"""A programme as data: rules by date, texts in two languages, regions, consent, retention and operating points.

Loaded by `gelombang.journey.programme` from the folder programmes/<name>/.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gelombang.domain.application import State
from gelombang.domain.checks import Layer
from gelombang.domain.consent import Consent
from gelombang.domain.errors import DependencyError
from gelombang.domain.retention import RetentionClass
from gelombang.domain.verdict import OperatingPoint

LANGUAGES = ("id", "en")


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Who may take part, between two days."""

    name: str
    valid_from: date
    valid_until: date | None  # the last day; None: until further notice
    layers: tuple[Layer, ...]  # asked, in this order; a layer not named here is not asked at all
    age_min: int  # full years, reached on the birthday itself
    age_max: int | None  # full years, inclusive
    occupations_excluded: tuple[str, ...]  # codes of the exclusions register
    source: str

    @property
    def aid_excluded(self) -> bool:
        """Whether receiving other aid excludes."""
        return Layer.AID in self.layers


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
    regions: dict[str, str]  # kabupaten/kota of registered domicile: four digits to name
    consents: tuple[Consent, ...]  # every version that was ever asked for, oldest first
    operating_points: dict[str, OperatingPoint]  # by model release
    retention: tuple[RetentionClass, ...]  # of each state the one that ends first first

    @property
    def consent(self) -> Consent:
        """The consent asked for now."""
        return self.consents[-1]

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
