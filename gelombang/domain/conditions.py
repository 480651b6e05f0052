"""Rules as data: a condition compares one fact with one value and gives a reason; a layer's rule is a list of them.

    {"fact": "age", "comparison": "below", "value": 18, "reason": "TOO_YOUNG"}

Nothing is evaluated but the comparisons named here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from gelombang.domain.checks import Layer
from gelombang.domain.reasons import Reason

Value = bool | int | float | str | tuple[str, ...]


class Comparison(StrEnum):
    """How a fact is compared with a rule's value."""

    IS = "is"
    IS_NOT = "is_not"
    BELOW = "below"
    ABOVE = "above"
    AT_LEAST = "at_least"
    ONE_OF = "one_of"


@dataclass(frozen=True, slots=True)
class Statement:
    """One fact compared with one value."""

    fact: str
    comparison: Comparison
    value: Value

    def holds(self, fact: Any) -> bool:  # noqa: ANN401 - of the type that the layer's contract says
        """Say whether it is true of a fact."""
        return HOLDS[self.comparison](fact, self.value)


@dataclass(frozen=True, slots=True)
class Condition:
    """A statement, and the reason that is given where it holds."""

    statement: Statement
    reason: Reason


@dataclass(frozen=True, slots=True)
class LayerRule:
    """What a rule set makes of one layer's facts; the first of `fails` that holds is told."""

    layer: Layer
    fails: tuple[Condition, ...] = ()
    remarks: tuple[Condition, ...] = ()  # every one that holds is a soft flag: they never block
    skipped_if: Statement | None = None  # the layer does not apply to whom this holds for


HOLDS: Mapping[Comparison, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        Comparison.IS: operator.eq,
        Comparison.IS_NOT: operator.ne,
        Comparison.BELOW: operator.lt,
        Comparison.ABOVE: operator.gt,
        Comparison.AT_LEAST: operator.ge,
        Comparison.ONE_OF: lambda fact, values: fact in values,
    }
)
# Which comparisons make sense of which kind of fact.
COMPARABLE: Mapping[type, frozenset[Comparison]] = MappingProxyType(
    {
        bool: frozenset({Comparison.IS}),
        str: frozenset({Comparison.IS, Comparison.IS_NOT, Comparison.ONE_OF}),
        int: frozenset({Comparison.IS, Comparison.BELOW, Comparison.ABOVE, Comparison.AT_LEAST}),
        float: frozenset({Comparison.BELOW, Comparison.ABOVE, Comparison.AT_LEAST}),
    }
)


def value_fits(kind: type, comparison: Comparison, value: Value) -> bool:
    """Say whether a fact of this kind can be compared with this value in this way."""
    if comparison is Comparison.ONE_OF:
        return isinstance(value, tuple) and bool(value)
    if kind is float:  # a likeness: from 0 to 1
        return type(value) in {int, float} and 0 <= value <= 1  # type: ignore[operator]
    if kind is int:  # a number of years or of people
        return type(value) is int and value >= 0
    return type(value) is kind
