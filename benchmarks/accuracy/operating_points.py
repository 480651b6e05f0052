"""Measures a pack on a folder of people and writes the similarity thresholds of its operating point.

    python -m benchmarks.accuracy.operating_points --faces FOLDER [--pack NAME] [--called NAME]
        [--faults FOLDER] [--liveness FOLDER] [--write]

The limits of the faults and of liveness are set by hand in the same file; this prints what they refuse and what
they catch.
About a minute for 863 photographs with the default pack on two cores, three with the open pack.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.accuracy.comparisons import Comparisons, across, within
from benchmarks.accuracy.faults import labelled, refused_shares, spoiled
from benchmarks.accuracy.liveness import liveness_figures
from benchmarks.accuracy.people import Measured, as_ktp, as_selfie, measure, photographs
from gelombang.domain.application import Slot
from gelombang.domain.verdict import Limit, OperatingPoint
from workers.gpu_face.models import Pack, load_pack

POINTS = Path(__file__).resolve().parents[2] / "programmes" / "prakerja" / "operating_points"
MATCH_FMR = 1e-2  # selfie against KTP portrait: below the threshold a person looks
DUPLICATE_FMR = 1e-5  # selfie against selfie: above it a reviewer compares the two
SPOILED_EVERY = 6  # every sixth photograph is spoiled in each way
console = Console()


@dataclass(frozen=True, slots=True)
class Findings:
    """What was measured of one pack on one folder."""

    selfies: Measured
    portraits: Measured
    to_ktp: Comparisons
    to_each_other: Comparisons


def run(
    *,
    faces: Annotated[Path, typer.Option(help="Folder of people, one folder of photographs each.")],
    pack: Annotated[str, typer.Option(help="The pack to measure.", envvar="GELOMBANG_PACK")] = "default",
    faults: Annotated[Path | None, typer.Option(help="Folder of faults with its labels.csv.")] = None,
    liveness: Annotated[Path | None, typer.Option(help="Folder of attacks with its labels.csv.")] = None,
    called: Annotated[
        str, typer.Option(help="What the set of photographs is called.")
    ] = "a set without a name",
    write: Annotated[bool, typer.Option(help="Write the thresholds into the operating point.")] = False,
) -> None:
    """Measure, print, and write the thresholds if asked to."""
    loaded, photos = load_pack(pack, threads=2), photographs(faces)
    findings = _measure(loaded, photos)
    path = POINTS / f"{loaded.release}.json"
    stored = json.loads(path.read_text("utf-8")) | _thresholds(findings, pack, called)
    if liveness and stored["live_min"] is not None:
        stored["set_by"] += " " + liveness_figures(loaded, liveness, stored["live_min"])
    console.print(stored["set_by"], soft_wrap=True)
    console.print(_costs(findings, stored["tie_width"]))
    point = _operating_point(stored)
    with console.status("spoiling photographs"):
        rows = spoiled(loaded, photos[::SPOILED_EVERY], point)
        rows += labelled(loaded, faults, point) if faults else []
    console.print(_refusals(findings, point), _catches(rows))
    if write:
        path.write_text(json.dumps(stored, indent=2) + "\n", "utf-8")
        console.print(f"written to {path.relative_to(Path.cwd())}")


def _measure(pack: Pack, photos: list[tuple[str, Path]]) -> Findings:
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("photographs, as selfie and as KTP", total=2 * len(photos))
        selfies, portraits = (
            measure(pack, photos, draw, lambda count: progress.advance(task, count))
            for draw in (as_selfie, as_ktp)
        )
    return Findings(selfies, portraits, across(selfies, portraits), within(selfies))


def _thresholds(findings: Findings, pack: str, called: str) -> dict[str, Any]:
    match_min = findings.to_ktp.threshold_at(MATCH_FMR)
    duplicate_min = findings.to_each_other.threshold_at(DUPLICATE_FMR)
    selfies, to_ktp, to_each_other = findings.selfies, findings.to_ktp, findings.to_each_other
    people_count = len(set(selfies.people.tolist()))
    set_by = (
        f"python -m benchmarks.accuracy.operating_points --pack {pack}, {datetime.now(UTC).date()}: "
        f"{selfies.picture_count} photographs of {people_count} people ({called}), each also drawn as a KTP "
        f"portrait of 100 px; FTA {selfies.fta:.4f} selfie, {findings.portraits.fta:.4f} KTP; match_min: "
        f"FMR {to_ktp.fmr(match_min):.1e}, FNMR {to_ktp.fnmr(match_min):.4f} over {len(to_ktp.mated)} mated and "
        f"{len(to_ktp.non_mated)} non-mated pairs; duplicate_min: FMR {to_each_other.fmr(duplicate_min):.1e}, "
        f"FNMR {to_each_other.fnmr(duplicate_min):.4f} over {len(to_each_other.mated)} mated and "
        f"{len(to_each_other.non_mated)} non-mated pairs."
    )
    return {"match_min": match_min, "duplicate_min": duplicate_min, "set_by": set_by}


def _operating_point(stored: dict[str, Any]) -> OperatingPoint:
    limits = {
        name: {code: Limit(**limit) for code, limit in stored[name].items()}
        for name in ("faults", "ktp_faults")
    }
    return OperatingPoint(**(stored | limits))


def _costs(findings: Findings, tie_width: float) -> Table:
    table = Table("threshold", "FMR", "FNMR", "FNMR above tie", title="Similarity")
    for name, comparisons, wanted in (
        ("selfie to KTP", findings.to_ktp, (1e-2, 1e-3, 1e-4)),
        ("selfie to selfie", findings.to_each_other, (1e-3, 1e-4, 1e-5)),
    ):
        for fmr in wanted:
            threshold = comparisons.threshold_at(fmr)
            rates = comparisons.fnmr(threshold), comparisons.fnmr(threshold + tie_width)
            table.add_row(
                f"{name} {threshold:.4f}",
                f"{comparisons.fmr(threshold):.1e}",
                *(f"{rate:.4f}" for rate in rates),
            )
    return table


def _refusals(findings: Findings, point: OperatingPoint) -> Table:
    table = Table("fault", "selfies refused", "KTP portraits refused", title="Ordinary photographs")
    as_selfies = refused_shares(findings.selfies, Slot.SELFIE, point)
    as_portraits = refused_shares(findings.portraits, Slot.KTP, point)
    for fault in dict.fromkeys([*as_selfies, *as_portraits]):
        shares = as_selfies.get(fault), as_portraits.get(fault)
        table.add_row(fault, *("-" if share is None else f"{share:.2%}" for share in shares))
    return table


def _catches(rows: list[tuple[str, str, float]]) -> Table:
    table = Table("spoiled by", "fault", "caught", title="Spoiled and labelled photographs")
    for name, fault, share in rows:
        table.add_row(name, fault, f"{share:.1%}")
    return table


if __name__ == "__main__":
    typer.run(run)
