"""Verified people of whom a search through everybody says that they have one face."""

from __future__ import annotations

from gelombang.domain.application import State
from gelombang.domain.messages import (
    FaceClusterFound,
)
from gelombang.domain.review import ReviewDecision
from gelombang.journey import (
    applications,
    clusters,
    selection,
)
from gelombang.journey.reconciliation import reconcile
from tests.journey.walking import Walk, begin, citizen
from tests.journey.waves import OPERATOR, definition_of

ACCEPT, REFUSE, RETAKE = ReviewDecision.ACCEPT, ReviewDecision.REFUSE, ReviewDecision.RETAKE


def verified(count: int) -> tuple[Walk, list[str]]:
    """Return a walk with an open wave and some verified people whom no search has brought together."""
    people = [citizen(number) for number in range(1, count + 1)]
    walk = begin(*people)
    selection.open_wave(walk.ports, definition_of(walk.world), OPERATOR)
    names = [walk.submit(person, f"+628123456789{number}") for number, person in enumerate(people)]
    walk.deliver()
    walk.world.clock.advance(minutes=1)
    return walk, names


def find(walk: Walk, *names: str) -> None:
    """Deliver what a search through everybody says of one face."""
    walk.world.queues.send(FaceClusterFound(names))
    walk.deliver()


def states(walk: Walk, names: list[str]) -> list[State]:
    return [walk.application(name).state for name in names]


def everything(walk: Walk) -> dict:
    """Return all that the table keeps."""
    return {row.key: row for row in walk.ports.rows.read_all()}


def told(walk: Walk) -> list[str]:
    """Return what people were told of clusters by the next minute, oldest first."""
    walk.world.clock.advance(minutes=1)
    reconcile(walk.ports)
    texts = (clusters.QUESTIONED_TEXT, clusters.ENTERED_TEXT, clusters.TOO_LATE_TEXT)
    return [text for _, text in walk.world.texts.sent if text in texts]


def events(walk: Walk, name: str) -> list[str]:
    return [entry.event for entry in applications.audit_of(walk.ports, name)]
