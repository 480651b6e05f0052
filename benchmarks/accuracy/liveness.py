"""How the liveness threshold fares on a folder of living people and presentation attacks (a smoke test)."""

from __future__ import annotations

import csv
from pathlib import Path

from benchmarks.accuracy.people import as_selfie, measure
from workers.gpu_face.models import Pack
from workers.gpu_face.stages.liveness import assess_liveness

LIVE = "1"


def liveness_figures(pack: Pack, folder: Path, live_min: float) -> str:
    """Return APCER and BPCER at `live_min` as a sentence; what is not assessed is counted apart.

    `folder` holds `labels.csv` with columns file, live (1 or 0) and kind.
    """
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as table:
        photos = [(row["live"], folder / row["file"]) for row in csv.DictReader(table)]
    measured = measure(pack, photos, as_selfie)
    answers = assess_liveness(pack, measured.pictures, measured.faces)
    scores: dict[bool, list[float]] = {True: [], False: []}
    for label, score in zip(measured.people, answers, strict=True):
        if score is not None:
            scores[label == LIVE].append(score)
    passed, refused = (
        sum(score >= live_min for score in scores[False]),
        sum(score < live_min for score in scores[True]),
    )
    return (
        f"live_min: APCER {passed}/{len(scores[False])}, BPCER {refused}/{len(scores[True])}, "
        f"{answers.count(None)} not assessed: a smoke test, not ISO/IEC 30107-3 evidence."
    )
