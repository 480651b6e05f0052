"""A storm in which any call of a port may fail, and rows that look at the sums after every commit."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from typing import Any

from benchmarks.drills.faults_checks import HOLDING
from gelombang.domain.application import MOVES, State
from gelombang.domain.errors import DependencyError, GelombangError
from gelombang.journey.ports import Change, Delete, Key, Ports, Put, Row
from gelombang.memory.rows import MemoryRows

PORTS = ("rows", "photos", "documents", "queues", "texts", "vault", "registers", "signer", "scans")
CALLS_BETWEEN = (8, 60)  # two faults, on average, in the worst of worlds and in the best
THINNER = 12  # faults during the draw
FINAL = frozenset({State.SELECTED, State.NOT_ELIGIBLE, State.ERASED})


class Died(BaseException):
    """The process ended here."""


class BrokenError(AssertionError):
    """A sum did not come out."""


class Storm:
    """Lets calls fail, some calls apart; `faults` counts how many did."""

    def __init__(self, ports: Ports, chance: random.Random) -> None:
        self.faults = 0
        self.is_calm = True
        self.meanwhile: Callable[[], object] = lambda: None
        self._chance = chance
        self._mean = chance.uniform(*CALLS_BETWEEN)
        self._left = self._drawn()
        self._clock: Any = ports.clock
        self.ports = replace(ports, **{name: _Failing(self, getattr(ports, name)) for name in PORTS})

    def call(self, real: Callable[..., Any], *given: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the port has
        """Make a call of a port; or not, or only nearly."""
        self._left -= 1
        if self._left > 0 or self.is_calm:
            return real(*given, **named)
        self._left = self._drawn()
        self.faults += 1
        how = self._chance.random()
        if how < 0.2:  # noqa: PLR2004 - a fifth of them are slow
            return self._slow(real, *given, **named)
        error = DependencyError("drill", "injected") if how < 0.8 else Died()  # noqa: PLR2004 - a fifth of processes die
        if self._chance.random() < 0.5:  # noqa: PLR2004 - half of them after the effect
            real(*given, **named)
        raise error

    def thin_out(self) -> None:
        """Let fewer calls fail from now on."""
        self._mean *= THINNER

    def _slow(self, real: Callable[..., Any], *given: Any, **named: Any) -> Any:  # noqa: ANN401 - as above
        self._clock.advance(seconds=4.9)
        self.is_calm = True
        try:
            with suppress(GelombangError):
                self.meanwhile()
        finally:
            self.is_calm = False
        return real(*given, **named)

    def _drawn(self) -> int:
        return 1 + int(-math.log(1 - self._chance.random()) * self._mean)


class _Failing:
    """A port whose calls go through the storm."""

    def __init__(self, storm: Storm, port: object) -> None:
        self._storm, self._port = storm, port

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = partial(self._storm.call, getattr(self._port, name))
        setattr(self, name, call)
        return call


class Ledger(MemoryRows):
    """Rows that keep the sums: after every commit both sides of each are the same.

    applications that are JOINED   =  entries without a result
    entries with a seat            =  seats counted for households
    applications that are verified =  those that hold exactly one NIK
    """

    def __init__(self) -> None:
        super().__init__()
        self.joined = self.waiting = self.given = self.seats = 0
        self.niks: Counter[str] = Counter()

    def commit(self, changes: Sequence[Change]) -> None:
        """Make all changes or none, and look at the sums."""
        before = {key_of(change): self._rows.get(key_of(change)) for change in changes if _is_counted(change)}
        super().commit(changes)
        for key, old in before.items():
            self._count(old, -1)
            self._count(self._rows.get(key), 1)
        if self.joined != self.waiting:
            raise BrokenError(f"{self.joined} have joined, {self.waiting} entries wait")
        if self.given != self.seats:
            raise BrokenError(f"{self.given} seats in results, {self.seats} in households")
        for change in changes:
            if isinstance(change, Put) and is_application(change.row):
                self._look_at(before[change.row.key], change.row, changes)

    def _count(self, row: Row | None, by: int) -> None:
        if row is None:
            return
        kind = row.key.partition.partition("#")[0]
        if kind == "NIK":
            self.niks[row.fields["application_id"]] += by
        elif kind == "HOUSEHOLD":
            self.seats += by * sum(row.fields["seats"].values())
        elif kind == "WAVE":
            result = row.fields.get("result")
            self.waiting += by * (result is None)
            self.given += by * bool(result and result["outcome"] == "SELECTED")
        else:
            self.joined += by * (row.fields["state"] == State.JOINED)

    def _look_at(self, old: Row | None, new: Row, changes: Sequence[Change]) -> None:
        """An application moves as the machine allows, and never without its audit."""
        name, now = new.fields["application_id"], State(new.fields["state"])
        if old:
            was = State(old.fields["state"])
            if now is not was and (was, now) not in _steps():
                raise BrokenError(f"{name} went from {was} to {now}")
            if was is not now and was in FINAL and now is not State.ERASED:
                raise BrokenError(f"{name} was {was} for good, and is {now}")
        length, before = new.fields["audit_length"], old.fields["audit_length"] if old else 0
        audits = sum(isinstance(each, Put) and each.row.key == _audit_key(new, length) for each in changes)
        if (length, audits) != (before + 1, 1):
            raise BrokenError(f"{name}: {length - before} audit entries for one change")
        if now in HOLDING and self.niks[name] != 1:
            raise BrokenError(f"{name}: {now}, and holds {self.niks[name]} NIKs")


@cache
def _steps() -> frozenset[tuple[State, State]]:
    return frozenset((at, to) for (at, _), to in MOVES.items())


def key_of(change: Change) -> Key:
    """Return the row that a change is about."""
    return change.row.key if isinstance(change, Put) else change.key


def _is_counted(change: Change) -> bool:
    """Say whether a change is of a row that a sum is made of."""
    if not isinstance(change, Put | Delete):
        return False
    key = key_of(change)
    if key.partition.startswith("WAVE#"):
        return key.sort != "-"
    return key.partition.startswith(("NIK#", "HOUSEHOLD#")) or (
        key.partition.startswith("APPLICATION#") and key.sort == "-"
    )


def is_application(row: Row) -> bool:
    """Say whether a row is an application, and not what belongs to one."""
    return row.key.partition.startswith("APPLICATION#") and row.key.sort == "-"


def _audit_key(row: Row, length: int) -> Key:
    return replace(row.key, sort=f"AUDIT#{length:06d}")
