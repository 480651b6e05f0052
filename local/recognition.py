"""Says by sight whose card a picture shows, as a reviewer of the demo would who knows its people.

Reviewers are told no name and no id, so this looks at pixels alone: card pictures as they were sent beside the clean
copy that the service shows, both small and grey.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, ImageStat

if TYPE_CHECKING:
    from collections.abc import Mapping

SIZE_PX = (96, 64)
SAME = 0.5  # mean difference of grey values, 0..255: of the demo's clean copies 0.03, of two cards 2.6 (2026-11-22)


class Album:
    """Card pictures and whose they are."""

    def __init__(self, cards: Mapping[str, bytes]) -> None:
        """`cards` are pictures (JPEG) by name."""
        self._cards = {name: _small(card) for name, card in cards.items()}

    def whose(self, picture: bytes) -> str | None:
        """Return the name of whoever's card this is, None if it is nobody's."""
        seen = _small(picture)
        apart = {name: _difference(seen, card) for name, card in self._cards.items()}
        nearest = min(apart, key=apart.__getitem__, default=None)
        return nearest if nearest is not None and apart[nearest] < SAME else None


def _small(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture)).convert("L").resize(SIZE_PX, Image.Resampling.BOX)


def _difference(one: Image.Image, other: Image.Image) -> float:
    return float(ImageStat.Stat(ImageChops.difference(one, other)).mean[0])
