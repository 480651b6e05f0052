"""Was the draw fair? Its order and seats against everything they must not depend on, with one rate of false alarms.

    columns of a draw ─category_sums─▶ sums beside what chance gives ─┐
                      ─trends, tickets, extra tickets─────────────────┴─▶ findings ─Holm─▶ FairnessReport

What was planted and must be found: the fault that voided the US visa draw of 2012 (nearly all winners were from the
first two days), and duplicate registrations that raise somebody's odds (`make report-fairness`).

Three things may be unequal by the rules, and are no bias here: quotas differ by region, so places are compared within
a region; priority and restored entries are seated first, so seats are compared within a region among entries of the
same standing; and the household limit turns people away, so those it can touch are left out where seats are compared.

Only sums over at least `LEAST_ENTRIES` entries leave this module: no id, NIK, address or time of anybody.
Sources: Holm, A simple sequentially rejective multiple test procedure, 1979; `fairness_sums` for the tests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gelombang.drawing.fairness_sums import (
    CODES,
    FLOATS,
    LEAST_ENTRIES,
    Judged,
    Sums,
    chi_square,
    merge_small,
    sums_by_category,
    together,
    trend,
)

FAMILY_WISE_RATE = 0.001  # of fair draws that set off any alarm at all, at most, whatever depends on whatever
LEAST_WORTH = {
    "place": 20.0,
    "seats": 40.0,
}  # scores that a category's sum varies by: chi-square holds from there
BAND = 0.95  # of a chart, for each category by itself
TENTHS, MOST_ATTEMPTS, MOST_TOGETHER = 10, 5, 3
HOUR_S, DAY_S = 3600, 86400
TICKET_SPAN = 2.0**64


class Measure(StrEnum):
    """What a test looks at, and so the unit of its effect."""

    PLACE = (
        "place"  # places of categories; effect: shift of the mean place, share of the order, >0 to its end
    )
    SEATS = "seats"  # seats of categories; effect: seats more than its due, share of it
    TREND = "trend"  # places along something; effect: correlation -1..1
    SPREAD = "spread"  # tickets over all there can be; effect: largest distance, share of the range
    EQUAL = "equal"  # equal tickets; effect: how many are equal to another
    EXTRA = "extra"  # further entries of a person who has one; effect: how many
    TOGETHER = "together"  # places of a household's members; effect: correlation -1..1


# Of a category's sum, for chi-square to hold: that of 20 places, and of the 5 counts that Cochran asked for in 1954.
LEAST_VARIANCE = {Measure.PLACE: 20 / 12, Measure.SEATS: 5.0}


class Verdict(StrEnum):
    """What a test, or all of them, say."""

    NO_SIGN = "NO_SIGN"
    SIGN = "SIGN"  # corrected p below the family-wise rate
    TOO_FEW = "TOO_FEW"  # fewer than LEAST_ENTRIES entries: nothing can be said


class MailClass(StrEnum):
    """Kinds of e-mail domains, coarse enough to name nobody's employer; a code is the place here."""

    NONE = "none"
    GMAIL = "gmail"
    YAHOO = "yahoo"
    MICROSOFT = "microsoft"
    SCHOOL = "school"
    GOVERNMENT = "government"
    OTHER = "other"


@dataclass(frozen=True, slots=True, eq=False)
class DrawColumns:
    """A held draw, one row (N,) an entry in any order; whole numbers from 0 unless said. None: not known, not examined.

    `ticket` holds the first eight bytes of each ticket as a big-endian number, `id_order` anything that ascends with
    the entry ids. `household` is the same for members of one household that the limit can touch (those in
    households.csv) and -1 for everybody else. `arrived_s` counts seconds from the midnight (Asia/Jakarta) before the
    wave opened, `attempts` the waves that the person has entered, this one counted.
    """

    ticket: NDArray[np.uint64]
    region: NDArray[np.integer]  # four digits as a number
    rank: NDArray[np.integer]  # 1.. within the region
    has_seat: NDArray[np.bool_]
    is_priority: NDArray[np.bool_]
    is_restored: NDArray[np.bool_]
    household: NDArray[np.integer]
    id_order: NDArray[np.integer]
    arrived_s: NDArray[np.integer] | None = None
    mail_class: NDArray[np.integer] | None = None  # place in MailClass
    nik_province: NDArray[np.integer] | None = None  # the first two digits of the NIK, 0..99
    attempts: NDArray[np.integer] | None = None
    person: NDArray[np.integer] | None = None  # the same for entries of one person


@dataclass(frozen=True, slots=True)
class Group:
    """A category of at least `LEAST_ENTRIES` entries: mean place 0..1 or share with a seat, and what chance gives."""

    label: str
    entries: int
    value: float
    expected: float
    band: float  # by chance, `BAND` of the values lie within `expected` ± `band`


@dataclass(frozen=True, slots=True)
class Finding:
    """One test: its p-value alone, and corrected for all tests of the report."""

    about: str  # what the draw must not depend on
    measure: Measure
    statistic: float
    p: float
    corrected_p: float
    effect: float  # in the unit of the measure
    stands_out: str  # label of the category that chance explains worst; "" where there are none
    groups: tuple[Group, ...]

    @property
    def name(self) -> str:
        """The test's name, unique in a report."""
        return f"{self.about}.{self.measure}"

    @property
    def verdict(self) -> Verdict:
        """What this test says."""
        return Verdict.SIGN if self.corrected_p < FAMILY_WISE_RATE else Verdict.NO_SIGN


@dataclass(frozen=True, slots=True)
class FairnessReport:
    """All tests of one draw; fewer than `LEAST_ENTRIES` entries are not examined at all."""

    entries: int
    seats: int
    regions: int
    findings: tuple[Finding, ...]
    not_examined: tuple[str, ...]  # names of tests: nothing is known, or all entries are alike

    @property
    def verdict(self) -> Verdict:
        """What all tests together say."""
        if self.entries < LEAST_ENTRIES:
            return Verdict.TOO_FEW
        signs = any(finding.verdict is Verdict.SIGN for finding in self.findings)
        return Verdict.SIGN if signs else Verdict.NO_SIGN


def audit_draw(columns: DrawColumns) -> FairnessReport:
    """Return the report of a held draw.

    Raises:
        ValueError: columns of different length, or ranks of a region that are not 1, 2, 3 and so on.
    """
    return judge_draw(columns, category_sums(columns))


def category_sums(columns: DrawColumns) -> dict[tuple[str, Measure], Sums]:
    """Return what the tests by category add up, before small categories are merged; draws may be added up.

    Raises:
        ValueError: as `audit_draw`.
    """
    place, region = places(columns), _numbered(columns.region)
    everywhere = np.zeros_like(region)
    free = columns.household < 0
    standing = columns.is_priority + 2 * columns.is_restored.astype(np.int64)
    strata = _numbered((region * 4 + standing)[free])
    seats = columns.has_seat[free].astype(np.float64)
    sums = {}
    for about, (codes, labels) in _categories(columns).items():
        is_of_region = about == "region"
        scores, within = (_order(columns.ticket), everywhere) if is_of_region else (place, region)
        sums[about, Measure.PLACE] = sums_by_category(scores, codes, labels, within)
        if about not in {"region", "household"}:  # what the rules decide by
            sums[about, Measure.SEATS] = sums_by_category(seats, codes[free], labels, strata)
    return sums


def judge_draw(columns: DrawColumns, sums: Mapping[tuple[str, Measure], Sums]) -> FairnessReport:
    """Return the report of a draw whose sums by category are known already."""
    tests = dict(_tests(columns, sums)) if len(columns.ticket) >= LEAST_ENTRIES else {}
    findings = [
        Finding(about, measure, judged.statistic, judged.p, 1.0, judged.effect, judged.stands_out, groups)
        for (about, measure), (judged, groups) in tests.items()
        if judged
    ]
    corrected = holm([finding.p for finding in findings])
    return FairnessReport(
        entries=len(columns.ticket),
        seats=int(columns.has_seat.sum()),
        regions=len(np.unique(columns.region)),
        findings=tuple(
            replace(finding, corrected_p=p) for finding, p in zip(findings, corrected, strict=True)
        ),
        not_examined=tuple(
            f"{about}.{measure}" for (about, measure), (judged, _) in tests.items() if not judged
        ),
    )


def places(columns: DrawColumns) -> FLOATS:
    """Return each entry's place (N,) in the order of its region, in (0, 1): (rank - 1/2) / entries of the region.

    Raises:
        ValueError: as `audit_draw`.
    """
    known = (getattr(columns, name) for name in DrawColumns.__slots__)
    if len({len(column) for column in known if column is not None}) > 1:
        raise ValueError("columns of one draw have one length")
    region = _numbered(columns.region)
    sizes = np.bincount(region)
    rank = columns.rank.astype(np.int64)
    starts = np.cumsum(sizes) - sizes
    in_range = (rank >= 1) & (rank <= sizes[region])
    if not in_range.all() or (np.bincount(starts[region] + rank - 1, minlength=len(rank)) != 1).any():
        raise ValueError("ranks of a region are 1, 2, 3 and so on, each once")
    return (rank - 0.5) / sizes[region]


def mail_class(domain: str) -> MailClass:
    """Return the kind of an e-mail domain, such as `gmail.com`; "" for who gave no address."""
    parts = domain.lower().strip(".").split(".")
    if parts == [""]:
        return MailClass.NONE
    named = {
        "gmail": MailClass.GMAIL, "googlemail": MailClass.GMAIL,
        "yahoo": MailClass.YAHOO, "ymail": MailClass.YAHOO, "rocketmail": MailClass.YAHOO,
        "outlook": MailClass.MICROSOFT, "hotmail": MailClass.MICROSOFT, "live": MailClass.MICROSOFT,
    }  # fmt: skip
    kinds = {"ac": MailClass.SCHOOL, "sch": MailClass.SCHOOL, "go": MailClass.GOVERNMENT}
    if parts[-1] == "id" and len(parts) > 1 and parts[-2] in kinds:
        return kinds[parts[-2]]
    return named.get(parts[0], MailClass.OTHER)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return the p-values corrected so that the smallest is below a in at most a share a of families without effect.

    It holds for tests that depend on each other in any way.
    """
    order = np.argsort(p_values, kind="stable")
    raised = np.asarray(p_values, np.float64)[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(raised), 1.0)
    return tuple(corrected.tolist())


def _tests(
    columns: DrawColumns, sums: Mapping[tuple[str, Measure], Sums]
) -> Iterator[tuple[tuple[str, Measure], tuple[Judged | None, tuple[Group, ...]]]]:
    place, region = places(columns), _numbered(columns.region)
    pairs = together(_order(columns.ticket), columns.household.astype(np.int64), columns.id_order)
    yield ("ticket", Measure.SPREAD), (_spread(columns.ticket), ())
    yield ("ticket", Measure.EQUAL), (_equal(columns.ticket), ())
    yield ("person", Measure.EXTRA), (_extra(columns.person), ())
    yield ("household", Measure.TOGETHER), (pairs, ())
    along = {"arrival": columns.arrived_s, "id_order": columns.id_order, "attempts": columns.attempts}
    for about, values in along.items():
        yield (about, Measure.TREND), (None if values is None else trend(place, values, region), ())
    for about, measure in _BY_CATEGORY:
        merged = (
            merge_small(sums[about, measure], LEAST_VARIANCE[measure]) if (about, measure) in sums else None
        )
        judged = chi_square(merged) if merged else None
        if merged is None or judged is None:
            yield (about, measure), (None, ())
        else:
            groups = _groups(merged)
            due = next(group.expected for group in groups if group.label == judged.stands_out)
            effect = judged.effect / due if measure is Measure.SEATS and due else judged.effect
            yield (about, measure), (replace(judged, effect=effect), groups)


_SEATED_BY = ("arrival", "arrival_day", "arrival_hour", "mail", "nik_province", "attempts", "id_order")
_BY_CATEGORY = (
    *((about, measure) for about in _SEATED_BY for measure in (Measure.PLACE, Measure.SEATS)),
    ("region", Measure.PLACE),
    ("household", Measure.PLACE),
)


def _categories(columns: DrawColumns) -> dict[str, tuple[CODES, tuple[str, ...]]]:
    """Return the categories of whatever is known, as codes (N,) and their labels."""
    found = {
        "region": _by_value(columns.region, "{:04d}"),
        "id_order": _tenths(columns.id_order),
        "household": _sizes(columns.household),
    }
    if columns.arrived_s is not None:
        found["arrival"] = _tenths(columns.arrived_s)
        found["arrival_day"] = _by_value(columns.arrived_s // DAY_S + 1, "{}")
        found["arrival_hour"] = _by_value(columns.arrived_s % DAY_S // HOUR_S, "{:02d}")
    if columns.mail_class is not None:
        found["mail"] = columns.mail_class.astype(np.int64), tuple(map(str, MailClass))
    if columns.nik_province is not None:
        found["nik_province"] = _by_value(columns.nik_province, "{:02d}")
    if columns.attempts is not None:
        found["attempts"] = _by_value(np.minimum(columns.attempts, MOST_ATTEMPTS), "{}")
    return found


def _by_value(values: NDArray[np.integer], form: str) -> tuple[CODES, tuple[str, ...]]:
    known, codes = np.unique(values, return_inverse=True)
    return codes.reshape(-1).astype(np.int64), tuple(form.format(value) for value in known.tolist())


def _numbered(values: NDArray[np.integer]) -> CODES:
    return _by_value(values, "{}")[0]


def _tenths(values: NDArray[np.integer]) -> tuple[CODES, tuple[str, ...]]:
    """Return in which tenth of their order the values are; equal ones are in the same."""
    tenth = ((stats.rankdata(values) - 0.5) * TENTHS / max(len(values), 1)).astype(np.int64)
    return tenth, tuple(map(str, range(1, TENTHS + 1)))


def _sizes(household: NDArray[np.integer]) -> tuple[CODES, tuple[str, ...]]:
    """Return how many entries of the household are in the draw; 0 where the limit can touch nobody."""
    _, inverse, counts = np.unique(household, return_inverse=True, return_counts=True)
    sizes = np.where(household < 0, 0, np.minimum(counts[inverse.reshape(-1)], MOST_TOGETHER))
    return sizes.astype(np.int64), tuple(map(str, range(MOST_TOGETHER + 1)))


def _order(ticket: NDArray[np.uint64]) -> FLOATS:
    """Return each entry's place (N,) in the order of all tickets, in (0, 1)."""
    order = np.empty(len(ticket))
    order[np.argsort(ticket, kind="stable")] = (np.arange(len(ticket)) + 0.5) / len(ticket)
    return order


def _spread(ticket: NDArray[np.uint64]) -> Judged:
    """Return the test of Kolmogorov and Smirnov: the better of two hidden tickets is too low, whoever had them."""
    done = stats.kstest(ticket.astype(np.float64) / TICKET_SPAN, "uniform")
    return Judged(float(done.statistic), float(done.pvalue), float(done.statistic))


def _equal(ticket: NDArray[np.uint64]) -> Judged:
    """Return how many tickets are equal to another in their first eight bytes, a Poisson number with this mean."""
    n, count = len(ticket), _repeated(ticket)
    return Judged(count, float(stats.poisson.sf(count - 1, n * (n - 1) / 2 / TICKET_SPAN)), count)


def _extra(person: NDArray[np.integer] | None) -> Judged | None:
    """Return how many entries are not their person's first: not a matter of chance, so one is a sign (p = 0)."""
    if person is None:
        return None
    count = _repeated(person)
    return Judged(count, float(count == 0), count)


def _repeated(values: NDArray[np.integer]) -> int:
    """Return how many values are not the first of their kind."""
    ordered = np.sort(values)
    return int((ordered[1:] == ordered[:-1]).sum())


def _groups(sums: Sums) -> tuple[Group, ...]:
    reach = float(stats.norm.ppf((1 + BAND) / 2))
    bands = reach * np.sqrt(np.maximum(np.diag(sums.covariance), 0)) / sums.entries
    rows = zip(
        sums.labels,
        sums.entries.tolist(),
        (sums.observed / sums.entries).tolist(),
        (sums.expected / sums.entries).tolist(),
        bands.tolist(),
        strict=True,
    )
    return tuple(Group(label, round(entries), value, due, band) for label, entries, value, due, band in rows)
