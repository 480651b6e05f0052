"""Refreshes a layer from every version of its list that anybody may have been judged by to the one in use."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from gelombang.domain.checks import Layer
from gelombang.domain.programme import Programme
from gelombang.journey.ports import Ports
from gelombang.journey.refresh import WAITING, ListChange, Listing, Touched, refresh
from gelombang.lists.diff import changes_between
from gelombang.lists.shelf import Shelf

LEFT = WAITING  # until none of these is told, a refresh is not done
Paced = Callable[[Iterable[ListChange]], Iterable[ListChange]]


def refresh_layer(
    ports: Ports,
    programme: Programme,
    shelf: Shelf,
    layer: Layer,
    *,
    paced: Paced = iter,
    threads: int = 1,
) -> Iterator[Touched]:
    """Judge everybody again whom the list in use touches, at the pace of `paced`; say what became of each row.

    It is noted as done when all of it was given and nobody is left; until then doing it again begins anew.

    Raises:
        ListError: a list is not as it was written, or one in between cannot be compared; it says what to do.
        DependencyError, ConflictError: as `gelombang.journey.refresh`.
    """
    place = shelf.place_of(layer)
    if place.refreshed == place.in_use != "":
        return
    new = shelf.in_use(layer)
    olds = shelf.before(layer)
    listing = Listing(layer, new.header.delivery.source, new.header.delivery.version)
    is_left = False
    for touched in refresh(ports, programme, listing, paced(changes_between(olds, new)), threads):
        is_left |= touched.effect in LEFT
        yield touched
    if not is_left:
        shelf.note_refreshed(layer, place.in_use)
