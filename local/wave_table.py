"""Prints a wave's public page: hours, commitment, seats and entries of each region, history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from gelombang.domain.draw import DrawOutcome
from gelombang.domain.wave import WaveState, definition_from_json, reserve_count, seat_count
from local.story import wib_time
from local.wave_outlook import beacon_words, has_beacon, silent_parties

if TYPE_CHECKING:
    from rich.console import Console

    from local.client import Json

KINDS = ("general", "priority", "restored")  # of entries, as the commitment counts them
COLUMNS = ("quota", "entries", *KINDS, "filled", "moved up", "came back", "reserve", "places")
ALWAYS = ("quota", "entries", "filled")  # shown where there is little room too
LEGEND = (
    "  came back: seats that somebody had and lost, and no reserve is left for them;",
    "             seats that the draw gave to nobody are not among them",
    "  reserve: people on the list as drawn, of so many places",
)
WIDE = 120  # characters in which every column has its place
REGION_WIDTH, BESIDE_REGION, BESIDE_COUNT = 20, 4, 3  # at least; what borders and padding take beside each
PROVINCE_DIGITS = 2
Committed = Mapping[str, Mapping[str, int]]  # region → one of KINDS → entries
Counts = tuple[int | None, ...]  # one for each of COLUMNS; None for what is not known yet


def print_wave(console: Console, page: Json, committed: Committed, names: Json) -> None:
    """Print a wave's page; `committed` are the counts of the commitment, {} before it.

    `names` are the programme's `provinces` and `regions`.
    """
    for line in _facts(page):
        console.print(line, markup=False, soft_wrap=True)
    regions = seats_by_region(page, committed)
    is_wide = console.width >= WIDE
    shown = COLUMNS if is_wide else _telling(regions)
    for columns in [shown] if is_wide else _one_under_the_other(shown, regions, console.width):
        console.print(_table(regions, names, columns))
    if left_out := [column for column in COLUMNS if column not in shown]:
        console.print(f"  not shown, 0 or not known yet: {', '.join(left_out)}", markup=False, soft_wrap=True)
    for line in LEGEND:
        console.print(line, markup=False, soft_wrap=True)
    for step in page["history"]:
        by = f", by {step['by']}" if step["by"] else ""
        console.print(f"  {wib_time(step['at'])} WIB  {step['event']}{by}", markup=False, soft_wrap=True)


def seats_by_region(page: Json, committed: Committed) -> dict[str, Counts]:
    """Return region → one count for each of COLUMNS, where there are seats or entries."""
    definition, is_published = definition_from_json(page["definition"]), page["state"] == WaveState.PUBLISHED
    return {
        region: (
            definition.quota.get(region, 0),
            page["joined"].get(region, 0) if page["root"] else None,
            *(committed.get(region, {}).get(kind, 0) if committed else None for kind in KINDS),
            *(_drawn(page, region) if is_published else (None, None, None, None)),
            reserve_count(definition, region),
        )
        for region in sorted({*definition.quota, *page["joined"]})
        if definition.quota.get(region) or page["joined"].get(region)
    }


def regions_that_differ(page: Json, committed: Committed) -> list[str]:
    """Return the regions in which the page tells another number of entries than the commitment counts."""
    told, counted = page["joined"], {region: sum(kinds.values()) for region, kinds in committed.items()}
    return sorted(each for each in {*told, *counted} if told.get(each, 0) != counted.get(each, 0))


def sums(rows: Iterable[Counts]) -> Counts:
    """Return each column's sum; None where a count is not known."""
    columns = zip(*rows, strict=True)
    return tuple(None if None in each else sum(filter(None, each)) for each in columns)


def _drawn(page: Json, region: str) -> Counts:
    reserves = page["outcomes"].get(region, {}).get(DrawOutcome.RESERVE, 0)
    return (*(page[name].get(region, 0) for name in ("filled", "moved_up", "free")), reserves)


def _facts(page: Json) -> list[str]:
    definition, state = definition_from_json(page["definition"]), WaveState(page["state"])
    most, unused = definition.max_recipients_per_household, definition.unused_seats.replace("_", " ")
    is_other = page["closes_at"] != page["definition"]["closes_at"]
    planned = f" (planned: {wib_time(page['definition']['closes_at'])} WIB)" if is_other else ""
    verb = "closes" if state in (WaveState.PLANNED, WaveState.OPEN) else "closed"
    frozen = f"{page['entry_count']}, of them {page['restored_count']} restored after an upheld appeal"
    return [
        f"{definition.wave_id}: {state}  {definition.name}",
        f"  opens       {wib_time(page['definition']['opens_at'])} WIB",
        f"  {verb}      {wib_time(page['closes_at'])} WIB{planned}",
        *_extensions(page),
        f"  rules       {definition.rule_set}; at most {most} of a household; unused seats {unused}",
        f"  seats       {seat_count(definition)}, of them {definition.priority_seats} for the priority list first",
        f"  entries     {frozen if page['root'] else 'counted at the freeze'}",
        f"  commitment  {page['commitment_sha256'] or 'none yet'}",
        f"  beacon      {_beacon(page)}",
        *_parties(page),
        *_anew(page),
        *(
            f"  stopped at  {entry_id}: an entry without an application"
            for entry_id in page["without_application"]
        ),
    ]


def _extensions(page: Json) -> list[str]:
    """Say each time that the wave was given longer until when, and why."""
    return [
        f"  extended    until {wib_time(each['until'])} WIB: {_why_longer(each)}"
        for each in page["extensions"]
    ]


def _why_longer(extension: Json) -> str:
    if extension["by"]:
        return f"{extension['reason']} (by {extension['by']})"
    away = f"{wib_time(extension['away_from'])} to {wib_time(extension['away_until'])} WIB"
    return f"the service did not work from {away}"


def _beacon(page: Json) -> str:
    if not page["definition"]["beacon_source"]:
        return "none was promised"
    if not page["beacon_round"]:
        return f"a round of {page['definition']['beacon_source']}, chosen with the commitment"
    return f"{beacon_words(page)}; {'given' if has_beacon(page) else 'not given yet'}"


def _parties(page: Json) -> list[str]:
    silent = silent_parties(page)
    told = [f"{party}, {'promised' if party in silent else 'told'}" for party in sorted(page["parties"])]
    return [f"  secrets     {'; '.join(told)}"] if told else []


def _anew(page: Json) -> list[str]:
    """Say which commitments were replaced, and what is asked for or was done, and why."""
    lines = [f"  replaced    draw {draw}: {each}" for draw, each in enumerate(page["replaced"], start=1)]
    if anew := page["anew"]:
        who = f"by {' and '.join(anew['approvers'])}: {anew['reason']}"
        is_done = anew["draw"] == page["draw"]
        verb = "held anew" if is_done else "asked to be held anew, waits for another operator,"
        lines.append(f"  draw {anew['draw']}      {verb} {who}")
    return lines


def _telling(regions: Mapping[str, Counts]) -> tuple[str, ...]:
    """Return the columns in which anything but 0 stands, and those that are always shown."""
    return tuple(
        column
        for place, column in enumerate(COLUMNS)
        if column in ALWAYS or any(row[place] for row in regions.values())
    )


def _one_under_the_other(
    columns: Sequence[str], regions: Mapping[str, Counts], width: int
) -> list[tuple[str, ...]]:
    """Return the columns in as many tables, one under the other, as a console of this width needs."""
    tables: list[tuple[str, ...]] = [()]
    room = most = width - REGION_WIDTH - BESIDE_REGION
    total = _cells(sums(regions.values()), columns) if regions else columns
    for column, cell in zip(columns, total, strict=True):
        needed = max(len(column), len(cell)) + BESIDE_COUNT
        if needed > room and tables[-1]:
            tables.append(())
            room = most
        tables[-1] = (*tables[-1], column)
        room -= needed
    return tables


def _table(regions: Mapping[str, Counts], names: Json, columns: Sequence[str]) -> Table:
    table = Table()
    table.add_column("region", overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)  # the region's name gives way, no digit does
    for province in sorted({region[:PROVINCE_DIGITS] for region in regions}):
        inside = {region: row for region, row in regions.items() if region.startswith(province)}
        title = f"{province} {names['provinces'].get(province, '')}"
        table.add_row(title, *_cells(sums(inside.values()), columns), style="bold")
        for region, row in inside.items():
            table.add_row(f"  {region} {names['regions'].get(region, '')}", *_cells(row, columns))
        table.add_section()
    if regions:
        table.add_row("all", *_cells(sums(regions.values()), columns), style="bold")
    return table


def _cells(row: Counts, columns: Sequence[str]) -> list[str]:
    counts = dict(zip(COLUMNS, row, strict=True))
    return ["-" if counts[column] is None else str(counts[column]) for column in columns]
