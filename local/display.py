"""Shows how a long command gets on: a live table on a terminal, a line per change everywhere else.

Always on standard error, so that `--json` leaves standard output to the JSON.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from local.applicant import Walk

LINE_EVERY_S = 2.0


@dataclass(slots=True)
class Display:
    """What is going on now: a headline, and the people under way if there are any."""

    console: Console
    walks: Sequence[Walk] = ()
    headline: str = ""
    _started: float = field(default_factory=time.monotonic)
    _ending: threading.Event = field(default_factory=threading.Event)
    _live: Live | None = None
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live = Live(
                console=self.console, get_renderable=self._view, refresh_per_second=4, transient=True
            )
            self._live.start()
        else:
            self._thread = threading.Thread(target=self._print_changes, name="display", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        if self._live:
            self._live.stop()
        if self._thread:
            self._thread.join()

    def say(self, headline: str) -> None:
        """Say what begins now."""
        self.headline = headline

    def keep(self, line: str) -> None:
        """Print a line that stays."""
        self.console.print(line, highlight=False, soft_wrap=True)

    def _view(self) -> RenderableType:
        title = f"[bold]{self.headline}[/]  {time.monotonic() - self._started:.0f} s"
        if not self.walks:
            return title
        table = Table(show_header=True, title_justify="left")
        for column in ("state", "people", "doing now"):
            table.add_column(column)
        for state, count in Counter(_state_of(walk) for walk in self.walks).most_common():
            stages = Counter(walk.stage for walk in self.walks if _state_of(walk) == state)
            table.add_row(state, str(count), ", ".join(f"{stage} {n}" for stage, n in stages.most_common()))
        return Group(title, table)

    def _print_changes(self) -> None:
        printed, is_ending = "", False
        while not is_ending:
            is_ending = self._ending.wait(LINE_EVERY_S if printed else 0)
            line = self._line()
            if line != printed:
                self.console.print(f"{time.monotonic() - self._started:5.0f} s  {line}", soft_wrap=True)
                printed = line

    def _line(self) -> str:
        counts = Counter(_state_of(walk) for walk in self.walks).most_common()
        people = ", ".join(f"{state} {count}" for state, count in counts)
        return f"{self.headline}: {people}" if people else self.headline


def _state_of(walk: Walk) -> str:
    return str(walk.state or "not started")
