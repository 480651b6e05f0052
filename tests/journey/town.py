"""People who were checked by a list, in tests: its agency delivers new versions, and they are judged again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from gelombang.domain.application import Application
from gelombang.domain.wave import definition_from_json
from gelombang.journey import selection
from gelombang.journey.refresh import Effect, Touched
from gelombang.lists.refreshing import refresh_layer
from gelombang.lists.registers import ListedRegisters
from gelombang.lists.shelf import Shelf
from tests.journey.walking import Walk, begin, citizen
from tests.journey.waves import run_step
from tests.lists.agency import LAYER, TODAY, Agency

WAVE = "gelombang-1"


class Town:
    """People who were checked by the first version of a list, with the agency that delivers the next ones."""

    def __init__(self, folder: Path, count: int, listed: Iterable[int] = ()) -> None:
        self.agency = Agency(folder / "delivered")
        self.walk = begin(*(citizen(number) for number in range(1, count + 1)))
        self.shelf = Shelf(folder / "lists", self.agency.sources(), self.walk.ports.vault)
        clock, vault = self.walk.world.clock, self.walk.ports.vault
        registers = ListedRegisters(
            self.walk.registers, self.shelf, self.agency.sources(), vault=vault, now=clock.now
        )
        self.walk = replace(
            self.walk,
            world=replace(self.walk.world, ports=replace(self.walk.ports, registers=registers)),
        )
        self.version = 0
        self.deliver(listed)
        self.names = [self._come(number) for number in range(1, count + 1)]
        self.walk.deliver()
        self.refresh()

    def deliver(self, listed: Iterable[int]) -> None:
        self.version += 1
        rows = [citizen(number).nik for number in listed]
        self.shelf.take_in(*self.agency.deliver(str(self.version), rows), TODAY)

    def refresh(self) -> list[Touched]:
        return list(refresh_layer(self.walk.ports, self.walk.programme, self.shelf, LAYER))

    def of(self, number: int) -> Application:
        return self.walk.application(self.names[number - 1])

    def effects(self) -> dict[int, Effect]:
        found = {touched.application_id: touched.effect for touched in self.refresh()}
        return {number: found[name] for number, name in enumerate(self.names, 1) if name in found}

    def _come(self, number: int) -> str:
        return self.walk.submit(citizen(number), f"+62812{number:08d}")


def open_wave(walk: Walk) -> None:
    now = walk.world.clock.now()
    wave = {
        "wave_id": WAVE,
        "name": WAVE,
        "opens_at": now.isoformat(),
        "closes_at": (now + timedelta(days=2)).isoformat(),
        "quota": {"3171": 1},
        "rule_set": "2023",
    }
    selection.open_wave(walk.ports, definition_from_json(wave), "operator")


def drawn(walk: Walk, steps: Iterable[str] = ("freeze", "commit", "draw", "publish")) -> None:
    selection.ask_step(walk.ports, WAVE, "close", "operator")
    for step in steps:
        run_step(walk.ports, WAVE, step)
