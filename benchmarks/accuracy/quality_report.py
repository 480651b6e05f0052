"""Measures which photo faults a pack sees and which it sees where there are none: `make report-quality`.

    python -m benchmarks.accuracy.quality_report --dev FOLDER --faults FOLDER [--pack NAME] [--sample N]
        [--write] [--only FAULT]

Ordinary photographs of people are spoiled in known ways (`degradations`), labelled ones are taken as they are.
Limits are set on one half of the people (`--write`) and everything is reported on the other. A fault is caught
when the applicant is told of it by name, refused when they are asked for another photograph for whatever reason.
The worst mistakes are drawn on a contact sheet under build/reports; it shows people and must not leave the machine.
Three minutes with the default pack on two cores, ten with the open one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.contact_sheet import draw_sheet
from benchmarks.accuracy.fault_limits import set_limits
from benchmarks.accuracy.fault_trials import Ordinary, Told, Trial, fault_trials, interval, ordinary_of
from benchmarks.accuracy.faults import labelled_photos, people_photos
from benchmarks.accuracy.operating_points import point_path
from benchmarks.goals import REPORTS, Goal, finish, goal
from gelombang.domain.verdict import Limit, OperatingPoint
from workers.gpu_face.models import Pack, load_pack

BASELINE = Path(__file__).with_name("baseline.json")
BASELINE_SAMPLE, BASELINE_EVERY = 20, 8
RECALL_MIN, FALSE_ALARM_MAX, GAP_MAX = 0.95, 0.03, 0.01
console = Console(width=None if Console().is_terminal else 140, highlight=False)


def run(
    *,
    dev: Annotated[Path, typer.Option(help="Folder of people, one folder of photographs each.")],
    faults: Annotated[Path, typer.Option(help="Folder of labelled faults, with its labels.csv.")],
    pack: Annotated[str, typer.Option(help="The pack to measure.", envvar="GELOMBANG_PACK")] = "default",
    sample: Annotated[int, typer.Option(help="How many photographs are spoiled in each way.")] = 150,
    write: Annotated[bool, typer.Option(help="Set the limits anew and write them.")] = False,
    only: Annotated[str | None, typer.Option(help="The one fault that is tried, and set.")] = None,
    baseline: Annotated[bool, typer.Option(help="Only write the figures that CI compares with.")] = False,
) -> None:
    """Measure, print, draw the contact sheet, and end with the goals."""
    loaded = load_pack(pack, threads=2)
    if write:
        with console.status("setting the limits on the other half"):
            write_limits(loaded, dev, sample, pack, only=only)
    if baseline:
        stored = json.loads(BASELINE.read_text("utf-8")) | {pack: baseline_figures(loaded, dev, faults)}
        BASELINE.write_text(json.dumps(stored, indent=2) + "\n", "utf-8")
        return
    with console.status("measuring ordinary and spoiled photographs"):
        ordinary, trials, point = measured(loaded, dev, faults, sample, only=only)
    console.print(_table(trials, ordinary, point), _gaps(ordinary))
    sheet = draw_sheet(trials, ordinary, REPORTS / f"quality-{pack}.png")
    console.print(f"worst mistakes: {sheet}")
    console.print(f"not assessed by this pack: {', '.join(loaded.not_assessed)}")
    figures = figures_of(trials, ordinary, point)
    (REPORTS / f"quality-{pack}-figures.json").write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    finish(f"quality-{pack}", _goals(figures))


def operating_point(pack: Pack) -> OperatingPoint:
    """Return the operating point the pack is used at."""
    stored = json.loads(point_path(pack.release).read_text("utf-8"))
    limits = {
        name: {code: Limit(**limit) for code, limit in stored[name].items()}
        for name in ("faults", "ktp_faults")
    }
    return OperatingPoint(**(stored | limits))


def measured(
    pack: Pack, dev: Path, faults: Path, sample: int, *, every: int = 1, only: str | None = None
) -> tuple[Ordinary, list[Trial], OperatingPoint]:
    """Return what was found in the reported half: as it is, and in `sample` photographs spoiled in each way.

    `every` takes only every so many of the photographs; `only` names the one fault that is tried, and leaves out the
    variants that must not matter.
    """
    point = operating_point(pack)
    photos = people_photos(dev, reported=True)[::every]
    ordinary = ordinary_of(pack, photos, point, with_variants=only is None)
    labelled = [*labelled_photos(faults, reported=True), *people_photos(dev, reported=True, faulty=True)]
    return ordinary, fault_trials(pack, ordinary, labelled[::every], sample, point, only=only), point


def baseline_figures(pack: Pack, dev: Path, faults: Path) -> dict[str, Any]:
    """Return the figures of a small fixed sample, which a test compares with those in baseline.json."""
    ordinary, trials, point = measured(pack, dev, faults, BASELINE_SAMPLE, every=BASELINE_EVERY)
    return figures_of(trials, ordinary, point)


def figures_of(trials: Sequence[Trial], ordinary: Ordinary, point: OperatingPoint) -> dict[str, Any]:
    """Return recall and false alarm of each fault, and the gaps in the share refused, as shares."""
    alarms = {fault: _share(fault, ordinary.told) for fault in (*point.faults, "NO_FACE", "MANY_FACES")}
    of_cards = ("NOT_A_KTP", "NO_FACE_ON_KTP")
    return {
        "recall": {fault: _recall(trials, fault) for fault in dict.fromkeys(trial.fault for trial in trials)},
        "false_alarm": alarms | {fault: _share(fault, ordinary.card_told) for fault in of_cards},
        "gap": {name: ordinary.gap(name) for name in ordinary.variants},
    }


def write_limits(pack: Pack, dev: Path, sample: int, name: str, *, only: str | None = None) -> None:
    """Set the limits of the faults on the half that is not reported, and write them into the operating point.

    `only` names the one fault whose limit is set, None all of them.
    """
    photos = people_photos(dev, reported=False)
    point = operating_point(pack)
    ordinary = ordinary_of(pack, photos, point, with_variants=False)
    trials = fault_trials(pack, ordinary, [], sample, point, only=only)
    path = point_path(pack.release)
    stored = json.loads(path.read_text("utf-8"))  # late: others write their own thresholds meanwhile
    set_limits(stored, trials, ordinary, f"quality_report --pack {name}")
    path.write_text(json.dumps(stored, indent=2) + "\n", "utf-8")


def _share(fault: str, told: Told) -> float:
    return sum(fault in faults for faults in told) / len(told)


def _recall(trials: Sequence[Trial], fault: str) -> float:
    """Return the recall over all trials of a fault, the labelled and every way of spoiling weighing by their count."""
    of_fault = [trial for trial in trials if trial.fault == fault]
    return sum(trial.caught for trial in of_fault) / sum(trial.count for trial in of_fault)


def _table(trials: Sequence[Trial], ordinary: Ordinary, point: OperatingPoint) -> Table:
    table = Table(
        "fault", "how", "caught by name", "95 % interval", "refused", title="Spoiled and labelled photographs"
    )
    for trial in trials:
        low, high = interval(trial.caught, trial.count)
        counts = (
            f"{trial.caught} of {trial.count}",
            f"{low:.1%} to {high:.1%}",
            f"{trial.refused} of {trial.count}",
        )
        table.add_row(trial.fault, trial.name, *counts)
    table.add_section()
    selfies = [
        (fault, "false alarm, selfies", ordinary.told) for fault in (*point.faults, "NO_FACE", "MANY_FACES")
    ]
    cards = [
        (fault, "false alarm, cards", ordinary.card_told) for fault in (*point.ktp_faults, "NO_FACE_ON_KTP")
    ]
    for fault, name, told in (*selfies, *cards):
        alarms = sum(fault in faults for faults in told)
        low, high = interval(alarms, len(told))
        table.add_row(fault, name, f"{alarms} of {len(told)}", f"{low:.1%} to {high:.1%}", "")
    return table


def _gaps(ordinary: Ordinary) -> Table:
    table = Table("the same photographs", "refused", "95 % interval", "for", title="Reject rates")
    for name, told in {"as they are": ordinary.told, **ordinary.variants}.items():
        refused = sum(bool(faults) for faults in told)
        low, high = interval(refused, len(told))
        reasons = Counter(fault for faults in told for fault in faults)
        counted = ", ".join(f"{fault} {count}" for fault, count in reasons.most_common())
        table.add_row(name, f"{refused} of {len(told)}", f"{low:.1%} to {high:.1%}", counted)
    return table


def _goals(figures: dict[str, Any]) -> list[Goal]:
    recalls = [
        goal(f"recall {fault}", f"{share:.1%}", ">= 95 %", share >= RECALL_MIN)
        for fault, share in figures["recall"].items()
    ]
    alarms = [
        goal(f"false alarm {fault}", f"{share:.1%}", "<= 3 %", share <= FALSE_ALARM_MAX)
        for fault, share in figures["false_alarm"].items()
    ]
    gaps = [
        goal(f"reject-rate gap {name}", f"{100 * gap:+.1f} pp", "<= 1 pp", gap <= GAP_MAX)
        for name, gap in figures["gap"].items()
    ]
    return [*recalls, *alarms, *gaps]


if __name__ == "__main__":
    typer.run(run)
