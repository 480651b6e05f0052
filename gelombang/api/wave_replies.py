"""What is answered about waves, and written for whoever reads a wave's page without asking us.

Apart from the other answers, so that only select imports the draw.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from gelombang.api.replies import reply_json
from gelombang.domain.errors import NotFoundError
from gelombang.journey.ports import Ports
from gelombang.journey.selection import BundleFile, WavePage, find_wave, list_waves
from gelombang.journey.wave_rows import page_key


@dataclass(frozen=True, slots=True)
class Waves:
    """The public pages of all waves, by id."""

    waves: list[WavePage]


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of a wave's draw that are published so far."""

    files: tuple[BundleFile, ...]


def show_waves(ports: Ports) -> int:
    """Write the file of each wave whose page is no longer as it was written; return how many.

    Raises:
        DependencyError: a store could not be reached.
    """
    return sum(_show(ports, page) for page in list_waves(ports))


def show_wave(ports: Ports, wave_id: str) -> None:
    """Do the same for one wave.

    Raises:
        NotFoundError: there is none of this name.
        DependencyError: as above.
    """
    _show(ports, find_wave(ports, wave_id))


def _show(ports: Ports, page: WavePage) -> bool:
    key, content = page_key(page.definition.wave_id), reply_json(WavePage, page).encode()
    with suppress(NotFoundError):
        if ports.documents.read(key) == content:
            return False
    ports.documents.write(key, content, "application/json")
    return True
