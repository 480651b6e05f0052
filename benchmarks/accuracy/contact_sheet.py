"""Draws the worst mistakes of the fault report side by side, so that a person can see what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.fault_trials import Ordinary, Trial

TILE_PX, COLUMNS, LABEL_PX = 112, 12, 26
WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def draw_sheet(trials: Sequence[Trial], ordinary: Ordinary, path: Path) -> Path:
    """Write a PNG with a row of missed photographs a trial and of false alarms a fault; return its path."""
    rows = [
        (
            f"missed {trial.fault}: {trial.name}",
            [_tile(trial.photos[i], trial.told[i]) for i in _missed(trial)],
        )
        for trial in trials
    ]
    faults = sorted({fault for told in ordinary.told for fault in told})
    for fault in faults:
        alarms = [i for i, told in enumerate(ordinary.told) if fault in told]
        rows.append((f"false alarm {fault}", [_tile(ordinary.photos[i], ordinary.told[i]) for i in alarms]))
    sheet = np.vstack([_row(title, tiles[:COLUMNS]) for title, tiles in rows if tiles])
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), sheet)
    return path


def _missed(trial: Trial) -> list[int]:
    return [i for i, told in enumerate(trial.told) if trial.fault not in told]


def _tile(pixels: NDArray[np.uint8], told: Sequence[str]) -> NDArray[np.uint8]:
    shrink = TILE_PX / max(pixels.shape[:2])
    size = [max(round(side * shrink), 1) for side in pixels.shape[1::-1]]
    tile = np.zeros((TILE_PX, TILE_PX, 3), np.uint8)
    tile[: size[1], : size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    for line, fault in enumerate(told[:3]):
        _write(tile, fault, (2, TILE_PX - 5 - 11 * line), 0.33)
    return tile


def _row(title: str, tiles: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    row = np.zeros((TILE_PX + LABEL_PX, TILE_PX * COLUMNS, 3), np.uint8)
    _write(row, title, (4, 18), 0.5)
    for i, tile in enumerate(tiles):
        row[LABEL_PX:, i * TILE_PX : (i + 1) * TILE_PX] = tile
    return row


def _write(canvas: NDArray[np.uint8], text: str, corner: tuple[int, int], size: float) -> None:
    for colour, thickness in ((BLACK, 3), (WHITE, 1)):
        cv2.putText(canvas, text, corner, cv2.FONT_HERSHEY_SIMPLEX, size, colour, thickness, cv2.LINE_AA)
