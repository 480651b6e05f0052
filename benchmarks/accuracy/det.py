"""Draws DET curves: how many mated pairs are missed for every share of strangers that pass."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CURVE = tuple[NDArray[np.float64], NDArray[np.float64]]  # FMR and FNMR, from the strictest threshold on
SIZE_INCHES = (6.4, 4.8)
LEAST_RATE = 5e-5  # a logarithmic axis has no zero


class ChartError(Exception):
    """The chart cannot be drawn; the argument says what to install."""


def draw_det(curves: Mapping[str, CURVE], title: str, path: Path) -> None:
    """Write the curves, by name, as an SVG or PNG by the ending of `path`.

    Raises:
        ChartError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - heavy, and only charts need it
    except ImportError as error:
        raise ChartError("no chart: install matplotlib with pip install 'gelombang[bench]'") from error
    figure = Figure(SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    for name, (fmr, fnmr) in curves.items():
        axes.plot(fmr, np.maximum(fnmr, LEAST_RATE), label=name, drawstyle="steps-post")
    axes.set(xscale="log", yscale="log", xlabel="FMR", ylabel="FNMR", title=title)
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
