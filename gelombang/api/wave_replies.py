"""What is answered about waves; apart from the other answers, so that only select imports the draw."""

from __future__ import annotations

from dataclasses import dataclass

from gelombang.journey.selection import BundleFile, WavePage


@dataclass(frozen=True, slots=True)
class Waves:
    """The public pages of all waves, by id."""

    waves: list[WavePage]


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of a wave's draw that are published so far."""

    files: tuple[BundleFile, ...]
