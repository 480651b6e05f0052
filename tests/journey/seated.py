"""A published wave with seats and reserve lists, and what people and time do with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gelombang.domain.application import State
from gelombang.domain.draw import DrawOutcome
from gelombang.domain.seat import SeatAnswer
from gelombang.journey import applications, seat_clock, seats, selection
from gelombang.journey.ports import Ports
from gelombang.journey.programme import load_programme
from gelombang.journey.reach import phone_context
from gelombang.journey.seat_rows import find_seat
from gelombang.journey.wave_rows import load_wave, read_entries
from gelombang.memory.ports import MemoryWorld
from tests.journey.waves import OPERATOR, WAVE, add_applicant, close_and_run, definition_of, new_world

PROGRAMME = load_programme("prakerja")
DAYS = PROGRAMME.seats.accepted_within_days


def published(
    joined: Iterable[tuple[str, int]], world: MemoryWorld | None = None, **fields: object
) -> MemoryWorld:
    """Return a world with a published wave that applicants of these regions and households joined, numbered from 0."""
    world = world or new_world()
    selection.open_wave(world.ports, definition_of(world, **fields), OPERATOR)
    for number, (region, household) in enumerate(joined):
        name = add_applicant(world.ports, number, region, household)
        with_phone(world.ports, name, f"+62812{number:08d}")
        selection.join(world.ports, name, WAVE)
    close_and_run(world.ports)
    return world


def one_region(people: int, seats_count: int, **fields: object) -> MemoryWorld:
    """Return a published wave of one region in which everybody has a household of their own."""
    given = {"quota": {"3171": seats_count}, "priority_seats": 0, "reserve_percent": 100, **fields}
    return published((("3171", number) for number in range(people)), **given)


def with_phone(ports: Ports, name: str, number: str) -> None:
    """Give somebody a phone that can be sent to."""
    application = applications.load(ports, name)
    sealed = ports.vault.seal(number, phone_context(name))
    applications.save(ports, replace(application, sealed_phone=sealed), "phone_put_there")


def who(ports: Ports, outcome: DrawOutcome, wave_id: str = WAVE) -> list[str]:
    """Return the applications that came to an outcome, reserves in the order of their numbers."""
    found = [entry for entry in read_entries(ports, wave_id) if entry.result.outcome is outcome]
    return [entry.application_id for entry in sorted(found, key=lambda each: each.result.reserve)]


def selected(ports: Ports) -> set[str]:
    """Return whoever has a seat of the wave now, by their own state."""
    return {entry.application_id for entry in read_entries(ports, WAVE) if _has_seat(ports, entry)}


def _has_seat(ports: Ports, entry) -> bool:
    application = applications.load(ports, entry.application_id)
    return application.state is State.SELECTED and application.entry_id == entry.entry_id


def free_rows(ports: Ports) -> int:
    """Return how many seats of all regions are free, whether or not anybody is left to get them."""
    regions = load_wave(ports, WAVE).definition.quota
    return sum(len(ports.rows.read_partition(f"FREED#{WAVE}#{region}")) for region in regions)


def give_back(ports: Ports, name: str) -> None:
    seats.answer_seat(ports, applications.load(ports, name), SeatAnswer.GIVE_BACK)


def accept(ports: Ports, name: str) -> None:
    seats.answer_seat(ports, applications.load(ports, name), SeatAnswer.ACCEPT)


def tend(ports: Ports) -> seat_clock.SeatsTended:
    return seat_clock.tend_seats(ports, PROGRAMME)


def tend_until_quiet(ports: Ports) -> None:
    """Let the clock come as often as it finds something to do."""
    while (done := tend(ports)).moved_up_count or done.lapsed_count or done.told_count:
        pass


def seat_of(ports: Ports, name: str):
    application = applications.load(ports, name)
    return find_seat(ports, application.wave_id, application.entry_id)


def events_of(ports: Ports, name: str) -> list[str]:
    return [entry.event for entry in applications.audit_of(ports, name)]


def pass_days(world: MemoryWorld, count: int = DAYS + 1) -> None:
    """Let days pass, as many as a seat waits unless given."""
    world.clock.advance(days=count)
