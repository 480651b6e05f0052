"""Where seats and reserve lists lie in the table, and how a seat becomes free there.

    SEAT#<wave>#<entry>                 one seat in one person's hands; on a worklist until it is accepted or lost
    RESERVES#<wave>#<region>  <number>  the reserve list in order: written once, a line struck off when it is used
    FREED#<wave>#<region>     <entry>   a free seat, named after the entry it came from; on a worklist until it moves on
    SEATS#<wave>              <region>  how many seats moved on, and how many stay free: written by the clock alone

`places` is what publication writes with an outcome; all of it is written once, and nobody's by two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import TypeAdapter

from gelombang.domain.application import Application, State
from gelombang.domain.draw import DrawOutcome
from gelombang.domain.seat import Seat, SeatEnd
from gelombang.domain.wave import WaveDefinition, reserve_count
from gelombang.domain.working_days import end_of
from gelombang.journey.ports import Change, Due, Key, Ports, Put, Row
from gelombang.journey.tags import find, find_or_new
from gelombang.journey.wave_rows import EntryResult, StoredEntry, household_key

FREED = "seats-freed"  # worklist of seats that wait for the next reserve
SHARDS = (
    16  # of each of the next two: a publication puts a seat in one of them for everybody who was selected
)
DIGITS, BLOCK_DIGITS = (
    9,
    2,
)  # of a reserve number; of these, what a block of the list is read by: a hundred lines
_SEAT = TypeAdapter(Seat)


@dataclass(frozen=True, slots=True)
class Reserve:
    """One line of a reserve list."""

    number: int
    entry_id: str
    application_id: str
    row: Row


def untold_list(shard: int) -> str:
    """Return the worklist of seats whose people were not told yet."""
    return f"seats-untold#{shard:x}"


def waiting_list(shard: int) -> str:
    """Return the worklist of seats that must be accepted, by when each is over."""
    return f"seats-waiting#{shard:x}"


def seat_key(wave_id: str, entry_id: str) -> Key:
    """Return where the seat of an entry lies."""
    return Key(f"SEAT#{wave_id}#{entry_id}")


def freed_key(wave_id: str, region: str, entry_id: str) -> Key:
    """Return where a free seat lies; an entry gets one seat at most, so that none is named twice."""
    return Key(f"FREED#{wave_id}#{region}", entry_id)


def places(wave_id: str, entry: StoredEntry, result: EntryResult, now: datetime) -> list[Change]:
    """Return what goes with a published outcome: a seat, or a reserve's line on their region's list."""
    if result.outcome is DrawOutcome.SELECTED:
        return [Put(seat_row(Seat(wave_id, entry.entry_id, entry.application_id, entry.region, now)))]
    if result.outcome is DrawOutcome.RESERVE:
        return [Put(reserve_row(wave_id, entry.region, result.reserve, entry.entry_id, entry.application_id))]
    return []


def reserve_row(wave_id: str, region: str, number: int, entry_id: str, application_id: str) -> Row:
    """Return the line of a reserve list with this number (1, 2, 3 …)."""
    key = Key(_list_partition(wave_id, region), f"{number:0{DIGITS}d}")
    return Row(key, {"entry_id": entry_id, "application_id": application_id})


def seat_row(seat: Seat) -> Row:
    """Return a seat's row, on the worklist it waits on."""
    fields = _SEAT.dump_python(replace(seat, version=0), mode="json")
    return Row(seat_key(seat.wave_id, seat.entry_id), fields, seat.version, _due(seat))


def seat_in(row: Row) -> Seat:
    """Return the seat in a row."""
    return replace(_SEAT.validate_python(row.fields), version=row.version)


def find_seat(ports: Ports, wave_id: str, entry_id: str) -> Seat | None:
    """Return the seat that an entry got, lost or not, or None where it got none."""
    row = ports.rows.read(seat_key(wave_id, entry_id))
    return seat_in(row) if row else None


def held_seat(ports: Ports, application: Application) -> Seat | None:
    """Return the seat that an application has now, or None."""
    if application.state is not State.SELECTED:
        return None
    return find_seat(ports, application.wave_id, application.entry_id)


def freeing(seat: Seat, end: SeatEnd, now: datetime) -> list[Change]:
    """Return what ends a seat for its person and frees it, exactly once: the row of the seat can end only once."""
    fields = {"application_id": seat.application_id, "is_household_free": False, "is_counted": False}
    freed = Row(freed_key(seat.wave_id, seat.region, seat.entry_id), fields, due=Due(FREED, now))
    return [Put(seat_row(replace(seat, end=end))), Put(freed)]


def reserves(ports: Ports, definition: WaveDefinition, region: str) -> Iterator[Reserve]:
    """Give what is left of a region's reserve list in order, read in blocks of a hundred numbers."""
    partition = _list_partition(definition.wave_id, region)
    for block in range(reserve_count(definition, region) // 10**BLOCK_DIGITS + 1):
        for row in ports.rows.read_partition(partition, f"{block:0{DIGITS - BLOCK_DIGITS}d}"):
            yield Reserve(int(row.key.sort), row.fields["entry_id"], row.fields["application_id"], row)


def room_in_household(ports: Ports, kk_tag: str, wave_id: str, most: int) -> list[Change] | None:
    """Return the changes that count one more seat of a wave for a household, or None where it is full.

    Read once, so that two seats for one household cannot both find room for the last.
    """
    row, beside = find_or_new(ports, household_key, kk_tag, {"seats": {}})
    seats: dict[str, int] = row.fields["seats"]
    if sum(seats.values()) >= most:
        return None
    return [Put(replace(row, fields={"seats": {**seats, wave_id: seats.get(wave_id, 0) + 1}})), *beside]


def household_given_back(ports: Ports, kk_tag: str, wave_id: str) -> list[Change]:
    """Return the changes that count one seat of a wave less for a household; it had one."""
    row = find(ports, household_key, kk_tag)
    if row is None:
        raise ValueError("a seat is given back that no household has had")
    seats = {**row.fields["seats"], wave_id: row.fields["seats"][wave_id] - 1}
    left = {wave: count for wave, count in seats.items() if count}
    return [Put(replace(row, fields={"seats": left}))]


def _list_partition(wave_id: str, region: str) -> str:
    return f"RESERVES#{wave_id}#{region}"


def _due(seat: Seat) -> Due | None:
    if not seat.is_waiting:
        return None
    shard = int(seat.entry_id[:2], 16) % SHARDS  # random: see wave_rows.entry_key
    if seat.accept_by is None:
        return Due(untold_list(shard), seat.offered_at)
    return Due(waiting_list(shard), end_of(seat.accept_by))
