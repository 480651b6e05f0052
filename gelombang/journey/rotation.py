"""Moves whatever is tagged to the next generation of HMAC keys, while the service runs.

    what lies under a tag   NIK, PHONE, HOUSEHOLD, PRIORITY   once what is new is put under the coming key
    what names a tag        applications, entries, notices    once the coming key has joined the others

Which of them a round does follows from the keys of this process (`TagKeys`). Each row goes in one commit, against the
version that was read: whoever changes it at that moment is first, and it is read again. A round may end anywhere and
begin anew; the work is done when one finds nothing left. Nobody's data is opened: a tag's next generation is made from
the tag. The steps for operators: docs/runbooks/key-rotation.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, Protocol

from gelombang.domain.errors import ConflictError
from gelombang.domain.tags import generation_of
from gelombang.domain.wave import WaveState
from gelombang.journey.applications import rereading
from gelombang.journey.parallel import in_parallel
from gelombang.journey.ports import Change, Delete, Key, Ports, Put, Require, Row, Vault
from gelombang.journey.wave_rows import load_wave

LIES_UNDER = ("NIK#", "PHONE#", "HOUSEHOLD#", "PRIORITY#")
NAMES = frozenset({"nik_tag", "kk_tag", "phone_tag"})


class EveryRow(Protocol):
    """The whole table; only operators may read it."""

    def read_all(self) -> Iterator[Row]:
        """Give every row as it is when its turn comes; one that moves meanwhile may be missed, or come twice."""


@dataclass(frozen=True, slots=True)
class RoundSoFar:
    """What one round over the table has done."""

    seen_count: int = 0
    moved_count: int = 0
    left_count: int = 0  # entries of a wave that is being drawn: they wait for its publication


class Outcome(StrEnum):
    """What became of a row."""

    NOTHING = "nothing"
    MOVED = "moved"
    LEFT = "left"


def move_tags(ports: Ports, table: EveryRow, threads: int = 1) -> Iterator[RoundSoFar]:
    """Go over the table once; say how far it is after each row.

    Raises:
        DependencyError: the table or KMS could not be reached; doing it again is safe.
        ConflictError: a row kept changing; doing it again is safe.
    """
    so_far = RoundSoFar()
    for outcome in in_parallel(partial(_move, ports), table.read_all(), threads):
        so_far = RoundSoFar(
            so_far.seen_count + 1,
            so_far.moved_count + (outcome is Outcome.MOVED),
            so_far.left_count + (outcome is Outcome.LEFT),
        )
        yield so_far


def _move(ports: Ports, row: Row) -> Outcome:
    try:
        return _move_as_read(ports, row)
    except ConflictError:
        return _move_anew(ports, row.key)


@rereading
def _move_anew(ports: Ports, key: Key) -> Outcome:
    row = ports.rows.read(key)
    return _move_as_read(ports, row) if row else Outcome.NOTHING


def _move_as_read(ports: Ports, row: Row) -> Outcome:
    changes = _other_place(ports.vault, row) or _other_names(ports.vault, row)
    if not changes:
        return Outcome.NOTHING
    beside = _beside(ports, row)
    if beside is None:
        return Outcome.LEFT
    ports.rows.commit([*changes, *beside])
    return Outcome.MOVED


def _other_place(vault: Vault, row: Row) -> list[Change]:
    if not row.key.partition.startswith(LIES_UNDER):
        return []
    kind, _, tag = row.key.partition.rpartition("#")
    place = vault.places(tag)[0]
    if generation_of(place) == generation_of(tag):
        return []
    moved = replace(row, key=Key(f"{kind}#{place}", row.key.sort), version=0)
    return [Delete(row.key, row.version), Put(moved)]


def _other_names(vault: Vault, row: Row) -> list[Change]:
    renamed = _renamed(vault, row.fields)
    return [Put(replace(row, fields=renamed))] if renamed != row.fields else []


def _renamed(vault: Vault, fields: dict[str, Any]) -> dict[str, Any]:
    def value(name: str, one: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(one, dict):
            return _renamed(vault, one)
        return vault.raised(one) if name in NAMES and one else one

    return {name: value(name, one) for name, one in fields.items()}


def _beside(ports: Ports, row: Row) -> list[Change] | None:
    """Return what must hold for a row to be changed; None: not now.

    What a freeze reads of entries must stay as it is until the wave is published, or a step that is run again would
    write other files.
    """
    kind, _, rest = row.key.partition.partition("#")
    if kind != "WAVE" or row.key.sort == "-":
        return []
    gate = Key(row.key.partition)
    if ports.rows.read(gate) is None:
        return [Require(gate, 0)]
    wave = load_wave(ports, rest.rpartition("#")[0])
    return [] if wave.reached is WaveState.PUBLISHED else None
