"""What a played wave came to, as a value, as JSON and as tables on a terminal."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from local.applicant import Walk


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that must be so, and what was seen."""

    subject: str
    expected: str
    seen: str
    is_right: bool


@dataclass(frozen=True, slots=True)
class Report:
    """A played wave: counts, times and every expectation; nothing that names a person."""

    people_by_state: dict[str, int]
    refusals: dict[str, int]  # by the sentence given to the person
    median_s_by_stage: dict[str, float]
    seats_offered: int
    seats_filled: int
    lines: tuple[Line, ...]
    model_release: str
    example: str  # application id of a recipient, for `gelombang explain`; "" when there is none
    bundle: str  # folder
    verify_command: str
    took_s: float

    @property
    def is_right(self) -> bool:
        """Whether every line is what it should be."""
        return all(line.is_right for line in self.lines)


def count_states(walks: Iterable[Walk]) -> dict[str, int]:
    """Return how many people are in each state, most first."""
    return dict(Counter(str(walk.state or "NOT_STARTED") for walk in walks).most_common())


def count_refusals(walks: Iterable[Walk]) -> dict[str, int]:
    """Return how often each sentence was given as a reason to somebody not eligible, most often first."""
    refused = (walk for walk in walks if walk.state == "NOT_ELIGIBLE")
    return dict(Counter(text for walk in refused for text in walk.reason_sentences).most_common())


def median_stages(walks: Sequence[Walk]) -> dict[str, float]:
    """Return the median seconds people spent in each stage, in the order of the stages."""
    stages = dict.fromkeys(stage for walk in walks for stage in walk.stage_s)
    return {
        stage: round(median(walk.stage_s[stage] for walk in walks if stage in walk.stage_s), 2)
        for stage in stages
    }


def typed_command() -> str:
    """Return what a person types here to run this command line: its name, or its path in the environment."""
    if shutil.which("gelombang"):
        return "gelombang"
    path = Path(sys.executable).with_name("gelombang")
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def report_json(report: Report) -> dict[str, Any]:
    """Return the report as a JSON object."""
    return {**asdict(report), "is_right": report.is_right}


def print_report(console: Console, report: Report) -> None:
    """Print the report as tables, and how to verify the draw."""
    console.print(_counts("People by state", ("state", "people"), report.people_by_state))
    console.print(_counts("Reasons for refusal", ("reason as told to the person", "people"), report.refusals))
    console.print(_counts("Time by stage", ("stage", "median s"), report.median_s_by_stage))
    console.print(_lines(report.lines))
    console.print(f"Seats filled: [bold]{report.seats_filled}[/] of {report.seats_offered} offered.")
    console.print(f"Model release: {report.model_release}. The whole wave took {report.took_s:.0f} s.")
    console.print(f"Draw bundle: {report.bundle}", soft_wrap=True)
    console.print(f"Verify it yourself: [bold]{report.verify_command}[/]", soft_wrap=True)


def _counts(title: str, columns: tuple[str, str], counts: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(columns[0])
    table.add_column(columns[1], justify="right")
    for name, count in counts.items():
        table.add_row(name, str(count))
    return table


def _lines(lines: Sequence[Line]) -> Table:
    table = Table(title="Expected and seen", title_justify="left")
    for column in ("", "who or what", "expected", "seen"):
        table.add_column(column, overflow="fold")
    for line in lines:
        mark = "[green]✓[/]" if line.is_right else "[red]✗[/]"
        table.add_row(mark, line.subject, line.expected, line.seen)
    return table
