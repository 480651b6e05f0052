"""Draws how many photographs a second each contestant does, beside each other for each number of cores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

BAR = 0.8  # of the room between two numbers of cores
SIZE_INCHES = (8.0, 4.5)


class ChartError(Exception):
    """The chart cannot be drawn; the argument says what to install."""


def draw_rates(rates: Mapping[int, Mapping[str, float]], path: Path) -> Path:
    """Return `path`, where the rates by cores and name are now drawn as bars.

    Raises:
        ChartError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - heavy, and only charts need it
    except ImportError as error:
        raise ChartError("no chart: install matplotlib with pip install 'gelombang[bench]'") from error
    figure = Figure(SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    names = list(next(iter(rates.values())))
    for place, name in enumerate(names):
        width = BAR / len(names)
        left = [i + (place - (len(names) - 1) / 2) * width for i in range(len(rates))]
        bars = axes.bar(left, [each[name] for each in rates.values()], width, label=name)
        axes.bar_label(bars, fmt="%.0f")
    axes.set_xticks(range(len(rates)), [f"{cores} core(s)" for cores in rates])
    axes.set(ylabel="photographs a second", title="Faces: detection and recognition of 1280 x 960 JPEGs")
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return path
