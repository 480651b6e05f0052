"""The shape of rules.json: rule sets by date, each a list of layers with their conditions as data.

    {"rule_sets": [{"name", "valid_from", "valid_until", "source", "uncertain", "pending_at_freeze", "layers": [
        {"layer": "age",
         "skipped_if": {"fact": "found", "comparison": "is", "value": false},
         "fails": [{"fact": "age", "comparison": "below", "value": 18, "reason": "TOO_YOUNG"}],
         "remarks": []},
        …,
        {"layer": "face"}]}]}

Facts are those of `gelombang.domain.layers`, comparisons those of `gelombang.domain.conditions`; nothing is evaluated.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Literal

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from gelombang.domain.checks import Layer
from gelombang.domain.conditions import (
    COMPARABLE,
    Comparison,
    Condition,
    LayerRule,
    Statement,
    Value,
    value_fits,
)
from gelombang.domain.layers import CONTRACTS, REASONS, REMARKS
from gelombang.domain.programme import RuleSet
from gelombang.domain.reasons import Reason
from gelombang.journey.data_files import DataFile, Filled, Path, fault, read_data

Fault = tuple[Path, str]


def read_rules(file: Traversable, name: str) -> tuple[RuleSet, ...]:
    """Return the rule sets of a file, earliest first; `name` is what it is called in errors.

    Raises:
        ValueError: the file is missing or wrong; the message names file, field and line.
    """
    read = read_data(file, name, _RulesFile)
    for path, message in _faults(read):
        raise fault(name, file.read_bytes(), path, message)
    return tuple(entry.rules() for entry in read.rule_sets)


class _OneOfTheKinds:
    """Says in one sentence what a value of no kind could be; pydantic would name its first kind alone."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Return the schema of a union with one error of its own."""
        said = "must be true or false, a finite number, a text or a list of texts"
        own: Any = {"custom_error_type": "value_kind", "custom_error_message": said}
        schema: CoreSchema = {**handler(source), **own}
        return schema


class _StatementEntry(DataFile):
    fact: Filled
    comparison: Comparison
    value: Annotated[Value, _OneOfTheKinds()]

    def statement(self) -> Statement:
        return Statement(self.fact, self.comparison, self.value)


class _ConditionEntry(_StatementEntry):
    reason: (
        Filled  # one of the layer's, which `_reason_faults` sees to: it names those, not every code there is
    )

    def condition(self) -> Condition:
        return Condition(self.statement(), Reason(self.reason))


class _LayerEntry(DataFile):
    layer: Layer
    skipped_if: _StatementEntry | None = None
    fails: tuple[_ConditionEntry, ...] = ()
    remarks: tuple[_ConditionEntry, ...] = ()

    def rule(self) -> LayerRule:
        fails, remarks = (
            tuple(entry.condition() for entry in entries) for entries in (self.fails, self.remarks)
        )
        return LayerRule(self.layer, fails, remarks, self.skipped_if.statement() if self.skipped_if else None)

    def statements(self) -> Iterator[tuple[Path, _StatementEntry]]:
        if self.skipped_if:
            yield ("skipped_if",), self.skipped_if
        yield from ((("fails", number), entry) for number, entry in enumerate(self.fails))
        yield from ((("remarks", number), entry) for number, entry in enumerate(self.remarks))


class _RuleSetEntry(DataFile):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,39}$")]  # a wave names it
    valid_from: date
    valid_until: date | None
    source: Filled
    uncertain: str
    pending_at_freeze: Literal["PENDING_JOINS_NEXT_WAVE"]
    layers: Annotated[tuple[_LayerEntry, ...], Field(min_length=1)]

    def rules(self) -> RuleSet:
        return RuleSet(
            self.name,
            self.valid_from,
            self.valid_until,
            tuple(entry.rule() for entry in self.layers),
            Reason(self.pending_at_freeze),
            self.source,
            self.uncertain,
        )


class _RulesFile(DataFile):
    rule_sets: Annotated[tuple[_RuleSetEntry, ...], Field(min_length=1)]


def _faults(read: _RulesFile) -> Iterator[Fault]:
    """Yield what no shape can say, each with the path of its field."""
    for number, rules in enumerate(read.rule_sets):
        here = ("rule_sets", number)
        yield from (((*here, *path), message) for path, message in _date_faults(read.rule_sets, number))
        if rules.name in [earlier.name for earlier in read.rule_sets[:number]]:
            yield (*here, "name"), "another rule set has this name"
        for index, entry in enumerate(rules.layers):
            before = [earlier.layer for earlier in rules.layers[:index]]
            faults = (*_order_faults(entry.layer, before), *_layer_faults(entry))
            yield from (((*here, "layers", index, *path), message) for path, message in faults)
        if Layer.FACE not in [entry.layer for entry in rules.layers]:
            yield (*here, "layers"), "the layer face is missing: nobody would be asked for photographs"


def _date_faults(rule_sets: tuple[_RuleSetEntry, ...], number: int) -> Iterator[Fault]:
    rules = rule_sets[number]
    if rules.valid_until and rules.valid_until < rules.valid_from:
        yield ("valid_until",), "the last day is before the first"
    if number == 0:
        return
    ended = rule_sets[number - 1].valid_until
    if ended is None or rules.valid_from <= ended:
        yield ("valid_from",), "these days overlap with those of the rule set before, or are out of order"
    elif rules.valid_from > ended + timedelta(days=1):
        yield ("valid_from",), "no rules are in force between the rule set before and this one"


def _order_faults(layer: Layer, before: list[Layer]) -> Iterator[Fault]:
    if layer in before:
        yield ("layer",), "this layer is named twice"
    missing = [need for need in CONTRACTS[layer].needs if need not in before] if layer in CONTRACTS else []
    if missing:
        yield ("layer",), f"{layer} must come after {' and '.join(missing)}"


def _layer_faults(entry: _LayerEntry) -> Iterator[Fault]:
    if entry.layer is Layer.FACE:
        if any(entry.statements()):
            yield ("layer",), "the face has no conditions: people decide about faces"
        return
    if not entry.fails:
        yield ("layer",), "a layer without a condition in `fails` would let everybody pass"
    for path, statement in entry.statements():
        yield from (((*path, *more), message) for more, message in _statement_faults(entry.layer, statement))
    yield from _reason_faults(entry)


def _reason_faults(entry: _LayerEntry) -> Iterator[Fault]:
    reasons = REASONS[entry.layer]
    for kind, entries, known in (
        ("fails", entry.fails, reasons),
        ("remarks", entry.remarks, (*reasons, *REMARKS.get(entry.layer, ()))),
    ):
        for number, condition in enumerate(entries):
            if condition.reason not in known:
                told = f"layer {entry.layer} has no such reason in `{kind}`; it has: {', '.join(known)}"
                yield (kind, number, "reason"), told


def _statement_faults(layer: Layer, entry: _StatementEntry) -> Iterator[Fault]:
    facts = CONTRACTS[layer].facts
    kind = facts.get(entry.fact)
    if kind is None:
        yield ("fact",), f"layer {layer} knows no fact {entry.fact}; it knows: {', '.join(facts)}"
    elif entry.comparison not in COMPARABLE[kind]:
        yield ("comparison",), f"{entry.fact} can be compared by {', '.join(sorted(COMPARABLE[kind]))}"
    elif not value_fits(kind, entry.comparison, entry.value):
        yield ("value",), f"{entry.fact} is compared with {_wanted(kind, entry.comparison)}"


def _wanted(kind: type, comparison: Comparison) -> str:
    if comparison is Comparison.ONE_OF:
        return "a list of texts"
    return {
        bool: "true or false",
        int: "a whole number that is not negative",
        float: "a number from 0 to 1",
        str: "a text",
    }[kind]
