"""One round over worklists by the clock: what a row cannot do keeps no other waiting, and nothing that waits is lost.

A row that fails stays where it is, so that the next round tries it again. A service out of reach ends its worklist,
not the round. Whoever makes a round raises what was wrong first when it is over, so that it is logged and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from gelombang.domain.errors import ConflictError, DependencyError
from gelombang.journey.ports import Key, Ports, Row

AT_ONCE = 100  # rows read at a time
MOST_UNREACHED = 3  # rows of a list in a row: a service is out of reach, and not one row's doing


@dataclass(slots=True)
class Round:
    """One round over the worklists, until its time is over."""

    ports: Ports
    ends_at: datetime
    faults: list[Exception] = field(default_factory=list)
    unreached_count: int = 0  # rows that found a service out of reach, since one did not

    def work_on(self, worklist: str, until: datetime, work: Callable[[Ports, Row], bool]) -> int:
        """Return how many rows of a worklist, due by `until`, were moved on."""
        moved_count = self.unreached_count = 0
        try:
            for row in self._listed(worklist, until):
                moved_count += self._tried(work, row)
        except DependencyError as error:  # of what each row needs: the next round goes on
            self.faults.append(error)
        return moved_count

    def end(self) -> None:
        """Raise whatever was wrong first with a row; all others were worked on."""
        if self.faults:
            raise self.faults[0]

    def _listed(self, worklist: str, until: datetime) -> Iterator[Row]:
        """Give the rows of a worklist, each once, as long as there is time."""
        seen: set[Key] = set()
        while True:
            rows = self.ports.rows.read_due(worklist, until, len(seen) + AT_ONCE)
            fresh = [row for row in rows if row.key not in seen]
            if not fresh:
                return
            for row in fresh:
                if self.ports.clock.now() > self.ends_at:
                    return
                seen.add(row.key)
                yield row

    def _tried(self, work: Callable[[Ports, Row], bool], row: Row) -> bool:
        try:
            is_moved = work(self.ports, row)
        except ConflictError:
            is_moved = False  # it moved on by itself
        except DependencyError as error:
            self.unreached_count += 1
            if self.unreached_count == MOST_UNREACHED:
                raise
            self.faults.append(error)
            return False
        except Exception as error:  # noqa: BLE001 - kept and raised when all others were worked on
            self.faults.append(error)
            is_moved = False
        self.unreached_count = 0
        return is_moved
