"""Tries how wide a pack's embedder should see a face, and whether its mirror image too.

    python -m benchmarks.accuracy.crop_trials --faces FOLDER [--pack NAME]

Only the half of the people that sets thresholds is looked at, so that the half that is reported on stays unseen by
the choice. Every face is found once and cut out again at each width. Four minutes for 434 photographs on two cores.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.comparisons import across, within
from benchmarks.accuracy.people import Measured, as_card, as_selfie, halves, measure, photographs
from workers.gpu_face.models import Pack, load_pack
from workers.gpu_face.stages.align import align_faces
from workers.gpu_face.stages.embed import embed_faces

FMRS = (1e-2, 1e-3, 1e-4)
WIDTHS = (0.93, 0.97, 1.0, 1.04, 1.08)  # of the face in the chip, against the pack's own template
console = Console(width=None if Console().is_terminal else 140, highlight=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """One way of showing a face: its width in the chip, with or without its mirror image."""

    width: float
    mirrored: bool


def run(
    *,
    faces: Annotated[Path, typer.Option(help="Folder of people, one folder of photographs each.")],
    pack: Annotated[str, typer.Option(help="The pack to try.", envvar="GELOMBANG_PACK")] = "default",
) -> None:
    """Print how many pairs are judged right and how many mated ones are missed, for each way of showing a face."""
    loaded = load_pack(pack)
    setting, _ = halves(photographs(faces))
    selfies, portraits = (measure(loaded, setting, draw) for draw in (as_selfie, as_card))
    heads = [f"FNMR {kind} at {fmr:.0e}" for kind in ("selfie", "KTP") for fmr in FMRS]
    table = Table("width", "mirrored", "right", *heads, "ms a face", title=f"{loaded.release}: crops")
    for trial in (Trial(width, mirrored) for mirrored in (False, True) for width in WIDTHS):
        table.add_row(*_row(_pack_of(loaded, trial), trial, selfies, portraits))
    console.print(table)


def _pack_of(pack: Pack, trial: Trial) -> Pack:
    spec = pack.embedder.spec.model_copy(update={"mirrored": trial.mirrored})
    middle = pack.embedder.spec.size / 2
    template: NDArray[np.float64] = (pack.embedder.template - middle) * trial.width + middle
    return replace(pack, embedder=replace(pack.embedder, spec=spec, template=template))


def _row(pack: Pack, trial: Trial, selfies: Measured, portraits: Measured) -> list[str]:
    started = time.process_time()
    seen, of_cards = (_embedded(pack, each) for each in (selfies, portraits))
    face_ms = 1000 * (time.process_time() - started) / (len(selfies.faces) + len(portraits.faces))
    to_each_other, to_ktp = within(seen), across(seen, of_cards)
    right = to_each_other.right_share(to_each_other.best_threshold())
    missed = [found.fnmr(found.threshold_at(fmr)) for found in (to_each_other, to_ktp) for fmr in FMRS]
    shares = [f"{share:.2%}" for share in (right, *missed)]
    return [f"{trial.width}", "yes" if trial.mirrored else "no", *shares, f"{face_ms:.1f}"]


def _embedded(pack: Pack, shown: Measured) -> Measured:
    return replace(shown, embeddings=embed_faces(pack, align_faces(pack, shown.pictures, shown.faces)))


if __name__ == "__main__":
    typer.run(run)
