"""Asks registers about many people at once, where a register did not answer about any of them before.

A delivery of messages brings people who wait for the same register: it is back, and one request answers for all of
them. Only what each may be asked about by now is asked, so nobody's number goes to a register that must not have it
yet. Somebody who is left out of a common answer stays pending, and is asked about again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

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
    groups: dict[Layer, list[Person]] = {}
    for message in messages:
        # Whoever cannot be read is the matter of their own message.
        with suppress(NotFoundError, DependencyError, ValueError):
            application = applications.load(ports, message.application_id)
            if waiting := _waiting_for(application, rules, ports.clock.now()):
                person = person_of(ports, application)
                for layer in waiting:
                    groups.setdefault(layer, []).append(person)
    several = {layer: tuple(group) for layer, group in groups.items() if len(group) > 1}
    return replace(ports, registers=TogetherRegisters(ports.registers, several)) if several else ports


class TogetherRegisters:
    """`gelombang.journey.ports.Registers` for one delivery of messages: groups are asked about at once, once."""

    def __init__(self, registers: Registers, groups: Mapping[Layer, Sequence[Person]]) -> None:
        self._registers, self._groups = registers, groups
        self._answers: dict[Layer, dict[Person, RegisterAnswer | None]] = {}

    def ask(self, layer: Layer, person: Person) -> RegisterAnswer:
        """Ask about somebody, and about everybody of their group.

        Raises:
            DependencyError: the register did not answer about them.
        """
        if person not in self._groups.get(layer, ()):
            return self._registers.ask(layer, person)
        if layer not in self._answers:
            group = self._groups[layer]
            found = self._registers.ask_many(layer, group)
            self._answers[layer] = dict(zip(group, found, strict=True))
        answer = self._answers[layer][person]
        if answer is None:
            raise DependencyError(CONTRACTS[layer].source, "no answer about this one of many")
        return answer

    def ask_many(self, layer: Layer, people: Sequence[Person]) -> list[RegisterAnswer | None]:
        """Ask about many people."""
        return self._registers.ask_many(layer, people)


def _waiting_for(application: Application, rules: RuleSet, now: datetime) -> set[Layer]:
    """Return what somebody waits for who was asked about before, and may be asked about again."""
    is_checked = application.state is State.CHECKING and not application.restricted_at
    if not (is_checked and may_ask_again(application, now)):
        return set()
    pending = [
        layer
        for layer in rules.layers
        if layer is not Layer.FACE
        and layer in application.checks
        and application.checks[layer].outcome is Outcome.PENDING
    ]
    return {CONTRACTS[layer].answered_by for layer in pending if may_ask(layer, application.checks, rules)}
