"""A wave's page as one file: the bytes that a GET of it gives, after every step and within the clock's minute."""

from __future__ import annotations

from typing import Any

from chalice.test import Client
from function_calls import Caller, deliver, load_function, staff
from test_select import STEPS, take_step, wave_around

from gelombang.memory.ports import MemoryWorld

FILE = "published/waves/gelombang-1/wave.json"


def minute(world: MemoryWorld) -> None:
    """Do what the clock asks of select every minute, once a minute is over."""
    world.clock.advance(minutes=1)
    event: Any = Client(load_function("select").app).events.generate_cw_event(
        "aws.events", "Scheduled Event", {}, []
    )
    deliver("select", "resend_steps", event)


def as_asked(anybody: Caller) -> bytes:
    """Return a wave's page as it is given to whoever asks."""
    return anybody.get("/v1/waves/gelombang-1").raw


def test_after_each_step_the_file_is_what_the_page_says(world: MemoryWorld, anybody: Caller) -> None:
    operator = staff(world, "operator")
    operator.post("/v1/waves", wave_around(world))
    operator.post("/v1/waves/gelombang-1/close")
    seen = set()

    for step in STEPS:
        take_step(world, operator, step)
        seen.add(world.documents.files[FILE])
        assert world.documents.files[FILE] == as_asked(anybody)

    assert len(seen) == len(STEPS)


def test_a_page_that_the_hours_alone_change_is_written_within_a_minute(
    world: MemoryWorld, anybody: Caller
) -> None:
    opening = (world.clock.now().replace(microsecond=0)).isoformat()
    staff(world, "operator").post("/v1/waves", wave_around(world, opens_at=opening))

    minute(world)
    opened = world.documents.files[FILE]
    world.clock.advance(hours=2)
    minute(world)

    assert (b'"OPEN"' in opened, b'"CLOSED"' in world.documents.files[FILE]) == (True, True)
    assert world.documents.files[FILE] == as_asked(anybody)


def test_a_page_that_stays_is_not_written_again(world: MemoryWorld) -> None:
    staff(world, "operator").post("/v1/waves", wave_around(world))
    minute(world)
    written: list[str] = []
    world.documents.write = lambda key, *_: written.append(key)  # type: ignore[method-assign]

    minute(world)

    assert written == []
