"""What whoever imports a list is told before they publish it: it is taken, but perhaps not what its agency meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from gelombang.domain.checks import Layer
from gelombang.domain.programme import RuleSet
from gelombang.domain.sources import Source, has_code
from gelombang.lists.delivery import ListError
from gelombang.lists.files import TAG, KeptList
from gelombang.lists.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to look at, as a sentence and as figures."""

    about: str
    sentence: str
    figures: Mapping[str, int | str]


def rows_in_use(shelf: Shelf, layer: Layer) -> int:
    """Return how many NIKs the list in use has; 0 where none is, or it cannot be read."""
    try:
        return shelf.in_use(layer).header.row_count
    except ListError:
        return 0


def remarks_on(kept: KeptList, source: Source, rules: RuleSet, rows_before: int, today: date) -> list[Remark]:
    """Return what to look at before a list is published, that followed one with `rows_before` NIKs."""
    found = (_codes(kept, rules), _shrunk(kept, rows_before), _too_old(kept, source, today))
    return [each for each in found if each]


def _codes(kept: KeptList, rules: RuleSet) -> Remark | None:
    """Name codes that the rules refuse nobody for. They may be rightful, or mistyped: only people can tell."""
    layer, codes = kept.header.delivery.layer, kept.header.codes
    rule = rules.rule_of(layer)
    fails = rule.fails if rule else ()
    idle = {code for code in codes if not any(each.statement.holds(code) for each in fails)}
    if not has_code(layer) or not idle or not kept.header.row_count:
        return None
    counts = Counter(codes[row[TAG]] for row in kept.rows())
    figures = {code: counts[code] for code in codes if code in idle}
    named = ", ".join(f"{code} ({count})" for code, count in figures.items())
    return Remark("codes", f"the rules in force exclude nobody with these codes: {named}", figures)


def _shrunk(kept: KeptList, rows_before: int) -> Remark | None:
    now = kept.header.row_count
    if now * 2 >= rows_before:
        return None
    sentence = f"less than half of the list in use before is left: {now} NIKs, and {rows_before} before"
    return Remark("shrunk", sentence, {"before": rows_before, "now": now})


def _too_old(kept: KeptList, source: Source, today: date) -> Remark | None:
    """Say since when nobody is answered from it: as `gelombang.lists.registers` counts."""
    off_from = kept.header.delivery.listed_on + timedelta(days=source.list_days_most + 1)
    if today < off_from:
        return None
    sentence = (
        f"older than the {source.list_days_most} days agreed with {source.name}: it has counted as a register "
        f"that is off since {off_from.isoformat()}, so that its layer is pending for everybody who is checked"
    )
    return Remark("too_old", sentence, {"days_most": source.list_days_most, "off_from": off_from.isoformat()})
