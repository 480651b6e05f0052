"""Turns the journey's values into JSON answers, and holds the few answers that wrap several of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Health:
    """The function is alive."""

    function: str
    alive: bool = True


@cache
def adapter_of(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - a reply may be of any type that pydantic knows
    """Return what writes values of `kind`, made once a process."""
    return TypeAdapter(kind)


def reply_json(kind: Any, value: Any) -> str:  # noqa: ANN401 - as above
    """Return `value`, of the declared type `kind`, as JSON."""
    return adapter_of(kind).dump_json(value).decode()
