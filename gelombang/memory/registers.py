"""The registers in memory: synthetic citizens, what each register says of them, and outages on demand.

`facts_about` is also what the HTTP simulator (`local.registers`) answers with; `tests/ports` holds the HTTP
adapter against that simulator to the same answers as this side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from gelombang.domain.checks import Layer, Person, RegisterAnswer
from gelombang.domain.errors import DependencyError
from gelombang.domain.layers import CONTRACTS
from gelombang.domain.nik import Sex

# Who answers for a layer.
SOURCES: dict[Layer, str] = {layer: contract.source for layer, contract in CONTRACTS.items()}


@dataclass(frozen=True, slots=True)
class Citizen:
    """One synthetic person and what every register holds about them; nobody real."""

    nik: str
    kk: str
    name: str
    birth_date: date  # as registered; the date inside the NIK may differ
    sex: Sex
    region: str  # kabupaten/kota of registered domicile, four digits
    citizenship: str = "WNI"  # or WNA: foreign residents hold a NIK too
    is_at_school: bool = False
    is_at_madrasah: bool = False
    receives_aid: bool = False
    occupation: str = ""  # a code of the exclusions register, "" when not listed there
    has_received: bool = False  # was a recipient of the programme before
    is_blacklisted: bool = False
    household_recipients: int = 0  # of this family card, were recipients before


class Outage(StrEnum):
    """How a register can fail."""

    OFF = "off"
    SLOW = "slow"
    GARBLED = "garbled"


class MemoryRegisters:
    """`gelombang.journey.ports.Registers` over synthetic citizens."""

    def __init__(self, citizens: Iterable[Citizen], list_version: str = "2026-11-01/memory") -> None:
        self._by_nik = {citizen.nik: citizen for citizen in citizens}
        self._list_version = list_version
        self._outages: dict[str, Outage] = {}

    def fail(self, source: str, outage: Outage = Outage.OFF) -> None:
        """Let one register (a value of `SOURCES`) fail until `recover`."""
        self._outages[source] = outage

    def recover(self) -> None:
        """Let every register answer again."""
        self._outages.clear()

    def ask(self, layer: Layer, person: Person) -> RegisterAnswer:
        """Answer as the register of `layer` would.

        Raises:
            DependencyError: the register is failing.
        """
        source = SOURCES[layer]
        if source in self._outages:
            raise DependencyError(source, self._outages[source])
        facts = facts_about(layer, self._by_nik.get(person.nik), person.kk)
        return RegisterAnswer(source, self._list_version, facts)

    def ask_many(self, layer: Layer, people: Sequence[Person]) -> list[RegisterAnswer | None]:
        """Answer about everybody, or, while failing, about nobody."""
        if SOURCES[layer] in self._outages:
            return [None for _ in people]
        return [self.ask(layer, person) for person in people]


def facts_about(layer: Layer, citizen: Citizen | None, kk: str) -> dict[str, Any]:
    """Return the facts one register holds, as JSON values, in the shape of `gelombang.http.registers`.

    Only the population register knows that somebody does not exist; to the others everybody unknown is not listed.
    """
    if CONTRACTS[layer].answered_by is Layer.POPULATION:
        return _population_facts(citizen, kk)
    listed: dict[Layer, dict[str, Any]] = {
        Layer.EDUCATION: {"enrolled": citizen is not None and citizen.is_at_school},
        Layer.RELIGIOUS_EDUCATION: {"enrolled": citizen is not None and citizen.is_at_madrasah},
        Layer.AID: {"receives_aid": citizen is not None and citizen.receives_aid},
        Layer.EXCLUDED_OCCUPATION: {"occupation": citizen.occupation if citizen else ""},
        Layer.EARLIER_RECIPIENT: {"received": citizen is not None and citizen.has_received},
        Layer.BLACKLIST: {"blacklisted": citizen is not None and citizen.is_blacklisted},
        Layer.HOUSEHOLD_CAP: {
            "recipients": citizen.household_recipients if citizen and citizen.kk == kk else 0
        },
    }
    return listed[layer]


def _population_facts(citizen: Citizen | None, kk: str) -> dict[str, Any]:
    if citizen is None:
        return {"found": False}
    return {
        "found": True,
        "name": citizen.name,
        "birth_date": citizen.birth_date.isoformat(),
        "sex": citizen.sex.value,
        "region": citizen.region,
        "citizenship": citizen.citizenship,
        "kk_matches": citizen.kk == kk,
    }
