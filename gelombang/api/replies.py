"""Turns the journey's values into JSON answers, and holds the few answers that wrap several of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from gelombang.domain.checks import Layer
from gelombang.domain.consent import Consent
from gelombang.domain.programme import Programme, RuleSet, Text


@dataclass(frozen=True, slots=True)
class Health:
    """The function is alive."""

    function: str
    alive: bool = True


@dataclass(frozen=True, slots=True)
class RulesPage:
    """One rule set: its days, what it asks, and the code of what becomes of whoever is not decided in time."""

    name: str
    valid_from: date
    valid_until: date | None
    layers: tuple[Layer, ...]
    pending_at_freeze: str
    source: str
    uncertain: str


@dataclass(frozen=True, slots=True)
class ProgrammePage:
    """What a page needs of the programme: the consent to ask for, the places, the rules, every code's text."""

    name: str
    consent: Consent
    provinces: dict[str, str]
    regions: dict[str, str]
    rule_sets: tuple[RulesPage, ...]
    texts: dict[str, dict[str, Text]]


def programme_page(programme: Programme) -> ProgrammePage:
    """Return the public part of a programme."""
    rule_sets = tuple(_rules_page(rules) for rules in programme.rule_sets)
    return ProgrammePage(
        name=programme.name,
        consent=programme.consent,
        provinces=programme.provinces,
        regions=programme.regions,
        rule_sets=rule_sets,
        texts=programme.texts,
    )


def _rules_page(rules: RuleSet) -> RulesPage:
    return RulesPage(
        rules.name,
        rules.valid_from,
        rules.valid_until,
        rules.layers,
        rules.pending_at_freeze,
        rules.source,
        rules.uncertain,
    )


@cache
def adapter_of(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - a reply may be of any type that pydantic knows
    """Return what writes values of `kind`, made once a process."""
    return TypeAdapter(kind)


def reply_json(kind: Any, value: Any) -> str:  # noqa: ANN401 - as above
    """Return `value`, of the declared type `kind`, as JSON."""
    return adapter_of(kind).dump_json(value).decode()
