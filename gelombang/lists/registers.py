"""The registers of a programme, some of whose layers are looked up in lists and the others asked about online."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from gelombang.domain.checks import Layer, Person, RegisterAnswer
from gelombang.domain.errors import DependencyError
from gelombang.domain.sources import Source, listed_facts
from gelombang.domain.tags import generation_of
from gelombang.journey.ports import Registers, Vault
from gelombang.lists.delivery import ListError
from gelombang.lists.shelf import Shelf


class ListedRegisters:
    """`gelombang.journey.ports.Registers`; a list that is missing, broken or too old is a register that is off."""

    def __init__(
        self,
        online: Registers,
        shelf: Shelf,
        sources: Mapping[str, Source],
        *,
        vault: Vault,
        now: Callable[[], datetime],
    ) -> None:
        self._online, self._shelf, self._vault, self._now = online, shelf, vault, now
        self._listed = {layer: source for source in sources.values() for layer in source.listed}

    def ask(self, layer: Layer, person: Person) -> RegisterAnswer:
        """Look somebody up, or ask the online register of the layer.

        Raises:
            DependencyError: the list cannot be looked into, or the register did not answer.
        """
        source = self._listed.get(layer)
        if source is None:
            return self._online.ask(layer, person)
        try:
            kept, tag = self._shelf.in_use(layer), self._vault.tag("nik", person.nik)
            if generation_of(tag) != kept.header.generation:
                self._shelf.drop(kept)
            code = kept.code_of(tag)
        except (ListError, OSError) as error:
            raise DependencyError(source.name, str(error)) from error
        delivery = kept.header.delivery
        if self._now().date() - delivery.listed_on > timedelta(days=source.list_days_most):
            raise DependencyError(source.name, "the list is older than was agreed")
        return RegisterAnswer(source.name, delivery.version, listed_facts(layer, code))

    def ask_many(self, layer: Layer, people: Sequence[Person]) -> list[RegisterAnswer | None]:
        """Look everybody up, or ask about them online in few requests."""
        if layer not in self._listed:
            return self._online.ask_many(layer, people)
        return [self._looked_up(layer, person) for person in people]

    def _looked_up(self, layer: Layer, person: Person) -> RegisterAnswer | None:
        try:
            return self.ask(layer, person)
        except DependencyError:
            return None
