"""Says on a display what a step of a wave is at, and how long the rest takes at the pace seen so far."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gelombang.domain.wave import WaveStep

if TYPE_CHECKING:
    from local.client import Json
    from local.display import Display

DOING = {
    WaveStep.CLOSE: "closing",
    WaveStep.FREEZE: "reading entries",
    WaveStep.COMMIT: "publishing the commitment",
    WaveStep.DRAW: "drawing",
    WaveStep.PUBLISH: "telling people their results",
}


@dataclass(slots=True)
class Watch:
    """Says on a display how far a step is, and how long the rest takes at the pace seen so far."""

    display: Display
    step: WaveStep
    _first: tuple[float, int] | None = field(default=None)  # when progress was first seen, and how much

    def __call__(self, page: Json) -> None:
        """Show what this page says."""
        self.display.say(self.line(page, time.monotonic()))

    def line(self, page: Json, now_s: float) -> str:
        """Return the line for a page seen at `now_s` seconds."""
        said = doing(page["definition"]["wave_id"], self.step)
        progress = page["progress"]
        if not progress or progress["step"] != self.step:
            return said
        done, total = progress["done_count"], progress["total_count"]
        since_s, first = self._first = self._first or (now_s, done)
        rest = (
            f", about {(now_s - since_s) * (total - done) / (done - first):.0f} s left"
            if done > first
            else ""
        )
        return f"{said}, {done} of {total} ({done / total:.0%}){rest}"


def doing(wave_id: str, step: WaveStep) -> str:
    """Return what the service is doing while it takes a step."""
    return f"wave {wave_id}: {step}, {DOING[step]}"
