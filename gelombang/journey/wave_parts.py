"""The parts of a national wave's publication: ranges of its entries, told side by side, each from a row of its own.

    PARTS#<wave>  <number>   one range, and how many of its people are told; on the worklist of steps until all are

A hundred processes never meet in one row: the wave's own is written by whoever begins and whoever ends. The rows go
with the end, in its commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gelombang.domain.messages import WavePartAsked, WaveStepAsked
from gelombang.domain.wave import Progress, Wave, WaveState, WaveStep
from gelombang.journey.ports import Delete, Due, Key, Ports, Row
from gelombang.journey.wave_rows import STEPS_DUE, silence

DIGITS = 3  # of a part's number


@dataclass(frozen=True, slots=True)
class Part:
    """A wave's entries `first` <= i < `end`, in the order of their ids; the first `told_count` of them are told."""

    wave_id: str
    number: int
    first: int
    end: int
    told_count: int = 0
    version: int = 0  # of the stored row; 0 before it is stored

    @property
    def is_done(self) -> bool:
        """Say whether everybody is told."""
        return self.first + self.told_count == self.end


def split(wave: Wave, most_people: int, most_parts: int) -> list[Part]:
    """Return the parts for all of a wave's entries: of `most_people` each, or `most_parts` if that were more parts."""
    total, wave_id = wave.entry_count, wave.definition.wave_id
    count = min(-(-total // most_people), most_parts)
    return [
        Part(wave_id, number, number * total // count, (number + 1) * total // count)
        for number in range(count)
    ]


def read_parts(ports: Ports, wave_id: str) -> list[Part]:
    """Return a wave's parts in order; none where it is not being published, or by one process alone."""
    return [_part(row) for row in ports.rows.read_partition(_partition(wave_id))]


def find_part(ports: Ports, wave_id: str, number: int) -> Part | None:
    """Return one part, or None where there is none."""
    row = ports.rows.read(_key(wave_id, number))
    return _part(row) if row else None


def part_row(ports: Ports, wave: Wave, part: Part) -> Row:
    """Return a part's row; it is asked for again when nothing was seen of it for a while."""
    due = None if part.is_done else Due(STEPS_DUE, ports.clock.now() + silence(wave))
    fields = {name: getattr(part, name) for name in ("wave_id", "number", "first", "end", "told_count")}
    return Row(_key(part.wave_id, part.number), fields, part.version, due)


def part_gone(part: Part) -> Delete:
    """Return the change that removes a part's row."""
    return Delete(_key(part.wave_id, part.number), part.version)


def resend_steps(ports: Ports, until: datetime) -> int:
    """Send the message again for each step and each part of which nothing was seen since `until`; return how many."""
    rows = ports.rows.read_due(STEPS_DUE, until)
    for row in rows:
        ports.queues.send(_asked_by(row))
    return len(rows)


def progress_of(ports: Ports, wave: Wave) -> Progress | None:
    """Return how far the step under way is: as its one process noted it, or the sum of its parts."""
    if wave.progress or wave.reached is not WaveState.DRAWN:
        return wave.progress
    parts = read_parts(ports, wave.definition.wave_id)
    told_count = sum(part.told_count for part in parts)
    return Progress(WaveStep.PUBLISH, told_count, wave.entry_count) if parts else None


def _asked_by(row: Row) -> WaveStepAsked | WavePartAsked:
    """Return what a row on the worklist of steps asks for: a wave's own, or that of a part."""
    if row.key.partition.startswith(_partition("")):
        return WavePartAsked(row.fields["wave_id"], row.fields["number"])
    return WaveStepAsked(row.fields["definition"]["wave_id"], row.fields["asked"])


def _part(row: Row) -> Part:
    return Part(**row.fields, version=row.version)


def _key(wave_id: str, number: int) -> Key:
    return Key(_partition(wave_id), f"{number:0{DIGITS}d}")


def _partition(wave_id: str) -> str:
    return f"PARTS#{wave_id}"
