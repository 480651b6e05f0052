"""Holds thousands of draws of a made-up wave and asks the audit of fairness about each; then plants faults.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.drills.fairness --draws 2000

Fair draws: what their seats add up to by hour of joining, region and order of ids (a p-value each over all draws
together), and how many of them the audit says something against. Its rate is one for all tests of a draw together, so
the shares of draws whose smallest corrected p-value is below 5 %, 1 % and the rate itself are printed, each beside the
exact interval of what is behind it. Faults: the draw of 2012, and tickets and entries that raise somebody's odds; the
smallest corrected p-value of each is printed, and the test that gives it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from scipy import stats

from benchmarks.drills.fairness_wave import FAULTS, Wave, hold, make_wave, seed_of, tickets_of
from benchmarks.goals import REPORTS, Goal, finish, goal
from gelombang.drawing.fairness import (
    FAMILY_WISE_RATE,
    FairnessReport,
    Finding,
    Measure,
    audit_draw,
    category_sums,
    judge_draw,
)
from gelombang.drawing.fairness_plots import draw_charts
from gelombang.drawing.fairness_sums import Sums, chi_square
from gelombang.drawing.fairness_words import LANGUAGES, p_words, report_json, report_text

RATES = (0.05, 0.01, FAMILY_WISE_RATE)
LEAST_P_OF_FAIR, MOST_P_OF_FAULT = 0.001, 1e-6
CONFIDENCE = 0.95
SHOWN = {  # what is asked of all draws together: of the region, whose seats its quota fixes, the place in the order
    "submission-hour": ("arrival_hour", Measure.SEATS),
    "region-within-quota": ("region", Measure.PLACE),
    "id-order": ("id_order", Measure.SEATS),
}


def examine_fair_draws(wave: Wave, draws: int) -> tuple[dict[str, Sums], list[FairnessReport]]:
    """Return the sums of all draws together by the names of SHOWN, and the report of each draw."""
    together: dict[str, Sums] = {}
    reports = []
    for number in track(range(draws), "fair draws", console=Console(stderr=True)):
        columns = hold(wave, tickets_of(wave.leaves, seed_of(number)))
        sums = category_sums(columns)
        for name, which in SHOWN.items():
            together[name] = together[name] + sums[which] if name in together else sums[which]
        reports.append(judge_draw(columns, sums))
    return together, reports


def goals_of_sums(together: dict[str, Sums]) -> list[Goal]:
    """Return a goal for each question to all draws together."""
    goals = []
    for name, sums in together.items():
        judged = chi_square(sums)
        assert judged is not None  # noqa: S101 - narrows the type: a made-up wave has winners and losers
        words = f"chi2 {judged.statistic:.1f} over {len(sums.labels)} categories, p {judged.p:.4f}"
        goals.append(goal(f"fair-{name}", words, "p > 0.001", judged.p > LEAST_P_OF_FAIR))
    return goals


def goals_of_alarms(reports: Sequence[FairnessReport]) -> list[Goal]:
    """Return a goal for each rate: no more draws below it than such a rate lets expect."""
    smallest = [min(finding.corrected_p for finding in report.findings) for report in reports]
    goals = []
    for rate in RATES:
        count = sum(p < rate for p in smallest)
        done = stats.binomtest(count, len(smallest), rate, alternative="greater")
        of = stats.binomtest(count, len(smallest)).proportion_ci(CONFIDENCE, "exact")
        words = f"{count} of {len(smallest)} draws, {CONFIDENCE:.0%} interval {of.low:.5f} to {of.high:.5f}"
        met = float(done.pvalue) > LEAST_P_OF_FAIR
        goals.append(goal(f"false-alarms-{rate:g}", words, f"rate <= {rate:g}", met))
    return goals


def goal_of_fault(name: str, report: FairnessReport) -> Goal:
    """Return the goal of a planted fault."""
    worst = _worst(report)
    words = f"p {p_words(worst.p)}, corrected {p_words(worst.corrected_p)} by {worst.name}"
    return goal(f"planted-{name}", words, "corrected p < 1e-6", worst.corrected_p < MOST_P_OF_FAULT)


def print_tests(reports: Sequence[FairnessReport]) -> None:
    """Print of each test how its p-values of fair draws lie: those below 5 % and 1 % should be as many."""
    values = defaultdict(list)
    for report in reports:
        for finding in report.findings:
            values[finding.name].append(finding.p)
    print(f"{'test':24} {'draws':>6} {'p<0.05':>7} {'p<0.01':>7} {'smallest':>9}")
    for name, found in values.items():
        below = (sum(p < limit for p in found) / len(found) for limit in RATES[:2])
        print(f"{name:24} {len(found):6} {' '.join(f'{each:7.4f}' for each in below)} {min(found):9.1e}")


def report(
    draws: Annotated[int, typer.Option(min=1, help="fair draws")] = 2000,
    entries: Annotated[int, typer.Option(min=1000, help="entries of the wave")] = 5000,
    seed: Annotated[int, typer.Option(help="of the made-up wave")] = 1,
    folder: Annotated[Path, typer.Option(help="where reports and charts go")] = REPORTS / "fairness",
) -> None:
    """Hold fair draws and faulty ones, and end with the goals."""
    wave = make_wave(entries, seed)
    together, reports = examine_fair_draws(wave, draws)
    print_tests(reports)
    goals = [*goals_of_sums(together), *goals_of_alarms(reports)]
    faulty = {name: audit_draw(plant(wave, seed_of(0))) for name, plant in FAULTS.items()}
    for name, found in {"fair": reports[0], **faulty}.items():
        write(found, folder / name)
    print(f"reports of the first fair draw and of each fault, with charts: {folder}")
    goals += [goal_of_fault(name, found) for name, found in faulty.items()]
    finish("fairness", goals)
    raise typer.Exit(0 if all(each.met for each in goals) else 1)


def write(found: FairnessReport, folder: Path) -> None:
    """Write a report in both languages and as JSON, and its charts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fairness.json").write_bytes(report_json(found))
    for language in LANGUAGES:
        (folder / f"fairness.{language}.txt").write_text(report_text(found, language), "utf-8")
        draw_charts(found, folder, language)


def _worst(report: FairnessReport) -> Finding:
    return min(report.findings, key=lambda finding: (finding.corrected_p, finding.p))


if __name__ == "__main__":
    typer.run(report)
