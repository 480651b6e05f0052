"""What time does to seats, once a minute: people are told, deadlines pass, free seats go to the next reserve.

    untold  ─▶ told, with the last day on which the seat can be accepted
    waiting, and that day is over ─▶ free     in one commit with its application
    free    ─▶ the household of whoever had it counts one less
            ─▶ the region's next reserve: one commit strikes them off the list, gives them the seat and uses it up

A reserve is passed over for good when they have joined another wave or are erased or refused, and for this time while
their household is full, a newer list refuses them or they have restricted processing; then the seat is tried again the
next day, and when nobody is left it stays free. No seat moves while a wave is between its freeze and its publication:
the draw counts households, and these must stay as they were read.

Each step is one commit against the versions that it read, so that two rounds, or two seats, cannot both give what one
has; a round may end anywhere, and the next one goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from gelombang.domain.application import Application, Move, State
from gelombang.domain.checks import Outcome
from gelombang.domain.programme import Programme
from gelombang.domain.reasons import Reason
from gelombang.domain.seat import Seat, SeatEnd, accept_by_of, is_over
from gelombang.domain.wave import Wave
from gelombang.journey import applications
from gelombang.journey.applications import rereading
from gelombang.journey.notices import Notice, notice_row, send_notice
from gelombang.journey.ports import Change, Delete, Due, Ports, Put, Require, Row
from gelombang.journey.rounds import Round
from gelombang.journey.seat_rows import (
    FREED,
    SHARDS,
    Reserve,
    freeing,
    household_given_back,
    reserves,
    room_in_household,
    seat_in,
    seat_row,
    untold_list,
    waiting_list,
)
from gelombang.journey.seats import facts_of, returned_from
from gelombang.journey.wave_rows import DRAWING, counted, load_entry, load_wave

ROUND = timedelta(seconds=40)  # a function has sixty seconds; what it does not come to, the next round does
LOOK_AGAIN = timedelta(days=1)  # whether somebody may have a seat by now whom something keeps from it
MOST_STRUCK = 50  # lines of a list in one commit, beside the seat's own changes
OFFERED_TEXT = (
    "Anda mendapat kursi. Terima di halaman status paling lambat {day}; sesudah itu kursi untuk cadangan."
)
LAPSED_TEXT = (
    "Kursi Anda tidak diterima sampai batas waktu dan berpindah ke cadangan. Anda boleh ikut gelombang lagi."
)


@dataclass(frozen=True, slots=True)
class SeatsTended:
    """What one round did."""

    moved_up_count: int
    lapsed_count: int
    told_count: int


def tend_seats(ports: Ports, programme: Programme) -> SeatsTended:
    """Do what is due.

    Raises:
        Exception: whatever was wrong first with a seat; all others were tended, and it is still due.
    """
    now = ports.clock.now()
    this, shards = Round(ports, now + ROUND), _shards(ports)
    tended = SeatsTended(
        moved_up_count=0 if ports.rows.read(DRAWING) else this.work_on(FREED, now, _pass_on),
        lapsed_count=sum(this.work_on(waiting_list(shard), now, _lapse) for shard in shards),
        told_count=sum(
            this.work_on(untold_list(shard), now, lambda ports, row: _tell(ports, programme, row))
            for shard in shards
        ),
    )
    this.end()
    return tended


def _shards(ports: Ports) -> list[int]:
    """Return all shards, beginning anywhere: a round that comes to its end leaves other ones to the next."""
    first = ports.clock.random_bytes(1)[0]
    return [(first + number) % SHARDS for number in range(SHARDS)]


@rereading
def _tell(ports: Ports, programme: Programme, listed: Row) -> bool:
    seat, now = _as_stored(ports, listed), ports.clock.now()
    if seat is None or not seat.is_waiting or seat.told_at:
        return False
    told = replace(seat, told_at=now, accept_by=accept_by_of(now, programme.seats))
    text = OFFERED_TEXT.format(day=f"{told.accept_by:%d-%m-%Y}")
    notice = notice_row(ports, Notice.to(_person_of(ports, seat), _notice_id(seat, "offered"), text))
    ports.rows.commit([Put(seat_row(told)), Put(notice)])
    _send(ports, notice)
    return True


@rereading
def _lapse(ports: Ports, listed: Row) -> bool:
    seat, now = _as_stored(ports, listed), ports.clock.now()
    if seat is None or not seat.is_waiting or not is_over(seat, now):
        return False
    person = _person_of(ports, seat)
    notice = notice_row(ports, Notice.to(person, _notice_id(seat, "lapsed"), LAPSED_TEXT))
    also = [*freeing(seat, SeatEnd.LAPSED, now), Put(notice)]
    returned = returned_from(person, Reason.SEAT_NOT_ACCEPTED, now)
    applications.save(ports, returned, SeatEnd.LAPSED, facts_of(seat), also=also)
    _send(ports, notice)
    return True


@rereading
def _pass_on(ports: Ports, listed: Row) -> bool:
    """Give a free seat to the next reserve who may have it; say whether one did."""
    row = ports.rows.read(listed.key)
    if row is None or row.due is None:
        return False
    _, wave_id, region = row.key.partition.split("#")
    if not row.fields["is_household_free"]:
        row = _household_counts_less(ports, row, wave_id)
    wave, struck = load_wave(ports, wave_id), list[Change]()
    is_anybody_left = False
    for reserve in reserves(ports, wave.definition, region):
        person = applications.load(ports, reserve.application_id)
        if person.state is not State.RESERVE or person.entry_id != reserve.entry_id:
            struck += [Delete(reserve.row.key, reserve.row.version)][: MOST_STRUCK - len(struck)]
            continue
        room = _room_for(ports, wave, person)
        if room is not None:
            _move_up(ports, row, reserve, person, [*room, *struck])
            return True
        is_anybody_left = True
    _stay_free(ports, row, struck, wave_id, region, is_anybody_left=is_anybody_left)
    return False


def _household_counts_less(ports: Ports, row: Row, wave_id: str) -> Row:
    """Count the seat no more for the household of whoever had it; first of all, for the next may be of the same one."""
    kk_tag = load_entry(ports, wave_id, row.key.sort).kk_tag
    freed = replace(row, fields=row.fields | {"is_household_free": True})
    ports.rows.commit([Put(freed), *household_given_back(ports, kk_tag, wave_id), Require(DRAWING, 0)])
    return replace(freed, version=row.version + 1)


def _room_for(ports: Ports, wave: Wave, person: Application) -> list[Change] | None:
    """Return what counts a seat for a reserve's household, or None while they may have none."""
    has_failed = any(check.outcome is Outcome.FAILED for check in person.checks.values())
    if person.restricted_at or has_failed:
        return None
    definition = wave.definition
    kk_tag = load_entry(ports, definition.wave_id, person.entry_id).kk_tag
    return room_in_household(ports, kk_tag, definition.wave_id, definition.max_recipients_per_household)


def _move_up(ports: Ports, freed: Row, reserve: Reserve, person: Application, also: list[Change]) -> None:
    _, wave_id, region = freed.key.partition.split("#")
    now, name = ports.clock.now(), person.application_id
    seat = Seat(wave_id, reserve.entry_id, name, region, now)
    reasons = (str(Reason.SEAT_FROM_RESERVE),)
    moved = applications.move(person, Move.PROMOTE, now, reasons=reasons)
    facts = {
        "wave_id": wave_id,
        "entry_id": reserve.entry_id,
        "reserve": reserve.number,
        "seat_of": freed.key.sort,
    }
    was_counted = int(freed.fields["is_counted"])
    changes: list[Change] = [
        Delete(freed.key, freed.version),
        Delete(reserve.row.key, reserve.row.version),
        Put(seat_row(seat)),
        counted(ports, wave_id, region, moved_up=1, free=-was_counted),
        Require(DRAWING, 0),
    ]
    applications.save(ports, moved, "seat_moved_up", facts, also=[*changes, *also])


def _stay_free(
    ports: Ports, row: Row, struck: list[Change], wave_id: str, region: str, *, is_anybody_left: bool
) -> None:
    due = Due(FREED, ports.clock.now() + LOOK_AGAIN) if is_anybody_left else None
    free = replace(row, fields=row.fields | {"is_counted": True}, due=due)
    is_new = not row.fields["is_counted"]
    tally = [counted(ports, wave_id, region, free=1)] if is_new else []
    ports.rows.commit([Put(free), *tally, *struck])


def _send(ports: Ports, notice: Row) -> None:
    """Send a notice now: the list of those not sent is shared with codes that people wait for."""
    if notice.due:
        send_notice(ports, replace(notice, version=1))


def _as_stored(ports: Ports, listed: Row) -> Seat | None:
    row = ports.rows.read(listed.key)
    return seat_in(row) if row else None


def _person_of(ports: Ports, seat: Seat) -> Application:
    return applications.load(ports, seat.application_id)


def _notice_id(seat: Seat, what: str) -> str:
    return f"seat-{seat.wave_id}-{seat.entry_id}-{what}"
