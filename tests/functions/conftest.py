"""A world in memory wired into the functions, and the people who call them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from function_calls import PHONE, SITI, Caller, sign_in

from gelombang import wiring
from gelombang.journey.programme import load_programme
from gelombang.memory.ports import MemoryWorld, memory_world
from gelombang.memory.registers import MemoryRegisters


@pytest.fixture
def world() -> Iterator[MemoryWorld]:
    """An empty world in memory in which Siti lives, wired into the functions."""
    made = memory_world(MemoryRegisters([SITI]))
    with wiring.wired_to(made.ports, load_programme("prakerja")):
        yield made


@pytest.fixture
def anybody(world: MemoryWorld) -> Caller:  # noqa: ARG001 - the functions are wired while it lives
    """Somebody without a token."""
    return Caller()


@pytest.fixture
def applicant(world: MemoryWorld) -> Caller:
    """Siti, signed in."""
    return sign_in(world, PHONE)
