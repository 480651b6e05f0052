"""Asks registers about many people at once, where a register did not answer about any of them before.

A delivery of messages brings people who wait for the same register: it is back, and one request answers for all of
them. Only what each may be asked about by now is asked, so nobody's number goes to a register that must not have it
yet. Somebody who is left out of a common answer stays pending, and is asked about again.

A register may fail over one row, and with it over everybody who is asked about in one request with that row; they wait
equally long then, and come together again. So whoever was asked about more than once in vain is in one of two requests,
by a coin that is tossed anew each time: half of the others are rid of the row at every try, for one request more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from gelombang.domain.application import Application, State, may_ask_again
from gelombang.domain.checks import Layer, Outcome, Person, RegisterAnswer
from gelombang.domain.eligibility import jakarta_day, may_ask, rule_set_for
from gelombang.domain.errors import DependencyError, NotFoundError
from gelombang.domain.layers import CONTRACTS
from gelombang.domain.messages import ChecksDue
from gelombang.domain.programme import Programme, RuleSet
from gelombang.journey import applications
from gelombang.journey.ports import Ports, Registers
from gelombang.journey.registration import person_of


def asking_together(ports: Ports, programme: Programme, messages: Iterable[ChecksDue]) -> Ports:
    """Return the ports with registers that ask about everybody of these messages at once, the first time they can."""
    rules = rule_set_for(programme, jakarta_day(ports.clock.now()))
    groups: dict[tuple[Layer, str], list[Person]] = {}
    for message in messages:
        # Whoever cannot be read is the matter of their own message.
        with suppress(NotFoundError, DependencyError, ValueError):
            application = applications.load(ports, message.application_id)
            if waiting := _waiting_for(application, rules, ports.clock.now()):
                person = person_of(ports, application)
                for layer, tries in waiting.items():
                    part = _part_of(application, tries)
                    groups.setdefault((layer, part), []).append(person)
    several = [(layer, group) for (layer, _), group in groups.items() if len(group) > 1]
    return replace(ports, registers=TogetherRegisters(ports.registers, several)) if several else ports


class TogetherRegisters:
    """`gelombang.journey.ports.Registers` for one delivery of messages: groups are asked about at once, once."""

    def __init__(self, registers: Registers, groups: Iterable[tuple[Layer, Sequence[Person]]]) -> None:
        self._registers = registers
        self._groups = {(layer, person): group for layer, group in groups for person in group}
        self._answers: dict[tuple[Layer, Person], RegisterAnswer | None] = {}

    def ask(self, layer: Layer, person: Person) -> RegisterAnswer:
        """Ask about somebody, and about everybody of their group.

        Raises:
            DependencyError: the register did not answer about them.
        """
        group = self._groups.get((layer, person))
        if group is None:
            return self._registers.ask(layer, person)
        if (layer, person) not in self._answers:
            found = self._registers.ask_many(layer, group)
            self._answers |= {(layer, each): answer for each, answer in zip(group, found, strict=True)}
        answer = self._answers[layer, person]
        if answer is None:
            raise DependencyError(CONTRACTS[layer].source, "no answer about this one of many")
        return answer

    def ask_many(self, layer: Layer, people: Sequence[Person]) -> list[RegisterAnswer | None]:
        """Ask about many people."""
        return self._registers.ask_many(layer, people)


def _waiting_for(application: Application, rules: RuleSet, now: datetime) -> dict[Layer, int]:
    """Return what somebody waits for who was asked about before, how often, and may be asked about again."""
    is_checked = application.state is State.CHECKING and not application.restricted_at
    if not (is_checked and may_ask_again(application, now)):
        return {}
    waiting: dict[Layer, int] = {}
    for layer in rules.layers:
        check = application.checks.get(layer)
        if layer is Layer.FACE or check is None or check.outcome is not Outcome.PENDING:
            continue
        if may_ask(layer, application.checks, rules):
            asked = CONTRACTS[layer].answered_by
            waiting[asked] = max(check.tries, waiting.get(asked, 0))
    return waiting


def _part_of(application: Application, tries: int) -> str:
    """Say with whom somebody is asked about: all whom it is the first time for, or one half of the others."""
    if tries <= 1:
        return "first"
    # A hash, and no sum of bytes or CRC: by those, two who were together once would be together each time.
    tossed = sha256(f"{application.application_id}/{tries}".encode()).digest()
    return "heads" if tossed[0] % 2 else "tails"
