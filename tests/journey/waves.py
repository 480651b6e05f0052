"""A world with verified applicants and a small wave, and ports that fail at a chosen write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from gelombang.domain.application import Application, ApplicationId, Form, State
from gelombang.domain.wave import WaveDefinition, definition_from_json
from gelombang.drawing import steps
from gelombang.journey import applications, selection
from gelombang.journey.ports import Change, Ports, published
from gelombang.journey.programme import load_programme
from gelombang.memory.clock import MemoryClock
from gelombang.memory.ports import MemoryWorld, memory_world
from gelombang.memory.registers import MemoryRegisters

OPERATOR = "operator-1"
WAVE = "gelombang-9"
PROGRAMME = load_programme("prakerja")
STEPS = ("freeze", "commit", "draw", "publish")


class Crash(Exception):  # noqa: N818 - an end of the process, not an error of ours
    """The process ends here."""


class OneSecretClock(MemoryClock):
    """Draws the same secret whenever asked, so that two runs can be compared."""

    def random_bytes(self, count: int) -> bytes:
        return bytes(range(32)) if count == 32 else super().random_bytes(count)


@dataclass
class Writes:
    """Lets `crash_at` be the number of the write that never returns, done or not done; 0 for none."""

    crash_at: int = 0
    is_done: bool = False
    count: int = 0
    contents: dict[str, set[bytes]] = field(default_factory=dict)  # every version of every file

    def around(self, write: Callable[[], None]) -> None:
        self.count += 1
        if self.count != self.crash_at:
            write()
            return
        if self.is_done:
            write()
        raise Crash


@dataclass(frozen=True)
class CrashingRows:
    """Rows whose commits are counted."""

    inner: object
    writes: Writes

    def commit(self, changes: Sequence[Change]) -> None:
        self.writes.around(lambda: self.inner.commit(changes))

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


class OvertakenRows:
    """Rows before whose first call of `method` on `partition` somebody else does `action`; the rest is as it was."""

    def __init__(
        self, inner: object, action: Callable[[], None], method: str = "commit", partition: str = ""
    ) -> None:
        self._inner, self._action, self._method, self._partition = inner, action, method, partition

    def __getattr__(self, name: str) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            is_there = name == self._method and (
                not self._partition or arguments[0].partition.startswith(self._partition)
            )
            if is_there and self._action:
                action, self._action = self._action, None
                action()
            return getattr(self._inner, name)(*arguments)

        return call


@dataclass(frozen=True)
class CrashingDocuments:
    """Documents whose writes are counted and kept."""

    inner: object
    writes: Writes

    def write(self, key: str, content: bytes, content_type: str) -> None:
        self.writes.contents.setdefault(key, set()).add(content)
        self.writes.around(lambda: self.inner.write(key, content, content_type))

    def write_once(self, key: str, content: bytes, content_type: str) -> bytes:
        self.writes.around(lambda: self.inner.write_once(key, content, content_type))
        self.writes.contents.setdefault(key, set()).add(self.inner.read(key))
        return self.inner.read(key)

    def publish(self, key: str, content_type: str) -> None:
        self.writes.contents.setdefault(published(key), set()).add(self.inner.read(key))
        self.writes.around(lambda: self.inner.publish(key, content_type))

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


def crashing(ports: Ports, writes: Writes) -> Ports:
    """Return the ports with their writes counted by `writes`."""
    return replace(
        ports, rows=CrashingRows(ports.rows, writes), documents=CrashingDocuments(ports.documents, writes)
    )


def definition_of(world: MemoryWorld, **fields: object) -> WaveDefinition:
    """Return a wave that is open for the next three days of the world."""
    now = world.clock.now()
    return definition_from_json({
        "wave_id": WAVE,
        "name": "Gelombang 9",
        "opens_at": now.isoformat(),
        "closes_at": (now + timedelta(days=3)).isoformat(),
        "quota": {"3171": 3, "3578": 2},
        "rule_set": "2023",
        "priority_seats": 1,
        "reserve_percent": 50,
        **fields,
    })  # fmt: skip


def new_world(clock: MemoryClock | None = None) -> MemoryWorld:
    """Return an empty world; its registers are never asked here."""
    return memory_world(MemoryRegisters(()), clock)


def add_applicant(
    ports: Ports,
    number: int,
    region: str = "3171",
    household: int | None = None,
    state: State = State.VERIFIED,
) -> str:
    """Save an application in the given state; return its id."""
    now = ports.clock.now()
    form = Form(
        sealed={"name": f"Applicant {number}"},
        nik_tag=nik_tag(number),
        kk_tag=ports.vault.tag("kk", str(number if household is None else household)),
        region=region,
    )
    application = Application(
        ApplicationId(f"app-{number:03d}"), f"{number:064x}", "sealed", state, now, now, form=form
    )
    return applications.save(ports, application, "made_for_a_test").application_id


def nik_tag(number: int) -> str:
    """Return the tag of an applicant's NIK."""
    return f"{number:064x}"


def run_step(ports: Ports, wave_id: str, step: str) -> None:
    """Do a step of a wave."""
    steps.run_step(ports, PROGRAMME, wave_id, step)


def close_and_run(ports: Ports, wave_id: str = WAVE, steps: Sequence[str] = STEPS) -> None:
    """Close a wave and take it through its steps."""
    selection.ask_step(ports, wave_id, "close", OPERATOR)
    for step in steps:
        run_step(ports, wave_id, step)


def wave_with_entries(clock: MemoryClock | None = None) -> MemoryWorld:
    """Return a world whose wave was joined by 14 applicants of two regions, two to a household."""
    return joined_by_14(new_world(clock))


def joined_by_14(world: MemoryWorld) -> MemoryWorld:
    """Open the wave in a world and let 14 applicants join it."""
    selection.open_wave(
        world.ports, definition_of(world, priority_nik_tags=[nik_tag(3), nik_tag(8)]), OPERATOR
    )
    for number in range(14):
        applicant = add_applicant(world.ports, number, "3578" if number % 3 else "3171", number // 2)
        selection.join(world.ports, applicant, WAVE)
    return world
