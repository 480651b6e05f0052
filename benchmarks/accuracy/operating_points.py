"""Sets the similarity and liveness thresholds of an operating point from measurements, and writes them.

Only `OWNED` keys of programmes/<programme>/operating_points/<release>.json are written; the limits of the photo
faults in the same file have their own report.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy.comparisons import Comparisons

POINTS = Path(__file__).resolve().parents[2] / "programmes" / "prakerja" / "operating_points"
OWNED = ("match_min", "duplicate_min", "tie_width", "live_min", "set_by")
MATCH_FMR = 1e-2  # selfie against KTP portrait: below the threshold a person looks
DUPLICATE_FMR = 1e-5  # selfie against selfie: above it a reviewer compares the two
LIVE_BPCER = 0.1  # share of living people a reviewer looks at for their liveness score alone


def set_thresholds(to_ktp: Comparisons, to_each_other: Comparisons, live: Sequence[float]) -> dict[str, Any]:
    """Return match_min, duplicate_min, tie_width and live_min, found on the half of people kept for setting.

    `live` are the liveness scores 0..1 of living people, empty where the pack has no such model. Somebody who
    scores nearer to match_min than this set of people can tell it goes to a reviewer: tie_width is half the
    95 % interval of match_min.
    """
    low, high = to_ktp.threshold_interval(MATCH_FMR)
    return {
        "match_min": to_ktp.threshold_at(MATCH_FMR),
        "duplicate_min": to_each_other.threshold_at(DUPLICATE_FMR),
        "tie_width": round((high - low) / 2, 4),
        "live_min": live_threshold(live),
    }


def live_threshold(scores: Sequence[float]) -> float | None:
    """Return the highest threshold, 2 decimals, below which at most `LIVE_BPCER` of living people score."""
    if not scores:
        return None
    return math.floor(sorted(scores)[int(LIVE_BPCER * len(scores))] * 100) / 100


def point_path(release: str, folder: Path = POINTS) -> Path:
    """Return where the operating point of a model release lies."""
    return folder / f"{release}.json"


def first_point(release: str, faults_of: Path, not_assessed: Sequence[str]) -> dict[str, Any]:
    """Return what a release without an operating point begins with: another one's limits of the photo faults.

    Left out are the faults that the new release does not see. `faults_of` is the other release's file.
    """
    other = json.loads(faults_of.read_text("utf-8"))
    limits = {
        name: {fault: limit for fault, limit in other[name].items() if fault not in not_assessed}
        for name in ("faults", "ktp_faults")
    }
    return {"release": release, **dict.fromkeys(OWNED[:-1]), **limits, "set_by": ""}


def write_point(path: Path, found: dict[str, Any], first: dict[str, Any] | None = None) -> None:
    """Put the keys of `OWNED` that were found into the file; everything else in it stays as it is.

    Where there is no file yet, it begins with `first`.

    Raises:
        FileNotFoundError: the release has no operating point yet and `first` is None.
        ValueError: a key is not one of `OWNED`.
    """
    foreign = sorted(set(found) - set(OWNED))
    if foreign:
        raise ValueError(f"not for this report to write: {', '.join(foreign)}")
    stored = first if first is not None and not path.exists() else json.loads(path.read_text("utf-8"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(stored | found, indent=2) + "\n", "utf-8")
