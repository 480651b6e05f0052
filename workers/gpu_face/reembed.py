"""Fills the gallery of a new model release: `python -m workers.gpu_face.reembed --from default-1 --to default-2`.

    everyone enrolled under the old release ─▶ their selfie ─▶ the worker's own pipeline ─▶ enrolled under the new

Embeddings of two releases lie in different spaces, so galleries are never mixed and never converted: everybody's
selfie is measured again. Run it before, or while, workers of the new release start; the old gallery stays as it is,
so that going back is starting the old workers. Done twice, or after a kill, it goes on with who is missing; so it is
run once more when the last old worker has stopped, for those whom it enrolled meanwhile.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from gelombang.domain.application import Slot
from gelombang.domain.errors import GelombangError, NotFoundError
from gelombang.domain.face_evidence import PhotoOutcome
from gelombang.journey import applications
from gelombang.journey.ports import Ports, Rows
from gelombang.wiring import ports_from_environment
from workers.gpu_face.gallery import OVERLAP, Gallery
from workers.gpu_face.models import Pack, load_pack
from workers.gpu_face.packs.manifest import PackError, pack_names, read_manifest
from workers.gpu_face.pipeline import FaceRequest, check_faces
from workers.gpu_face.settings import read_face_settings

BATCH = 10
# Ours counts as enrolled a little earlier than it is: a selfie that a worker enrols meanwhile is newer and stays, and
# a running worker still looks back far enough to see ours.
HEAD_START = OVERLAP / 2
NO_CARD = b""  # the pipeline wants two photographs; of a person enrolled already only the selfie is measured
err = Console(stderr=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the people of the old gallery; they add up to all of them."""

    enrolled: int = 0
    there_already: int = 0  # or erased there
    without_photograph: int = 0  # erased, or a new selfie is awaited: the next face check enrols them
    without_face: int = 0  # the new release finds no single face in the selfie

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.enrolled + other.enrolled,
            self.there_already + other.there_already,
            self.without_photograph + other.without_photograph,
            self.without_face + other.without_face,
        )


def reembed(
    ports: Ports, pack: Pack, from_release: str, advance: Callable[[int], None] = lambda _count: None
) -> Tally:
    """Enrol everyone of `from_release` under the pack's release; `advance(n)` is told of every n people done.

    Raises:
        ValueError: both releases are the same.
        DependencyError: the table or the photographs could not be reached; begin again, nothing is done twice.
    """
    if from_release == pack.release:
        raise ValueError(f"the gallery of {from_release} is there already")
    gallery = Gallery(ports.rows, pack.release, vault=ports.vault)
    gallery.refresh(ports.clock.now())
    before, after = (_last_rows(ports.rows, release) for release in (from_release, pack.release))
    missing = [each for each, is_enrolled in before.items() if is_enrolled and each not in after]
    tally = Tally(there_already=sum(before.values()) - len(missing))
    advance(tally.there_already)
    for batch in _batches(missing):
        tally += _reembed_batch(ports, pack, gallery, batch)
        advance(len(batch))
    return tally


def enrolled_under(rows: Rows, release: str) -> list[str]:
    """Return the applications enrolled under a model release, each once, in the order of their enrolment."""
    rows_there = rows.read_partition(f"GALLERY#{release}")
    enrolled = (row.key.sort.partition("#")[2] for row in rows_there if "vector" in row.fields)
    return list(dict.fromkeys(enrolled))


def pack_of_release(release: str, chosen: str) -> str:
    """Return the name of the pack that has this release: one that comes with us, or the one `chosen` for workers.

    Raises:
        PackError: no pack has it, or the chosen one cannot be used.
    """
    releases = {read_manifest(name).release: name for name in (*pack_names(), chosen)}
    if release not in releases:
        raise PackError(f"no pack has release {release}; there are: {', '.join(sorted(releases))}")
    return releases[release]


def run(
    *,
    from_release: Annotated[str, typer.Option("--from", help="The release people are enrolled under.")],
    to_release: Annotated[str, typer.Option("--to", help="The release to enrol them under.")],
) -> None:
    """Enrol everybody under another model release; settings are the worker's own."""
    try:
        settings = read_face_settings(os.environ)
        pack = load_pack(pack_of_release(to_release, settings.pack), settings.provider, settings.threads)
        tally = _with_progress(ports_from_environment(), pack, from_release)
    except (ValueError, GelombangError) as error:
        err.print(f"not done: {error or type(error).__name__}", markup=False)
        sys.exit(1)
    err.print(
        f"{pack.release}: {tally.enrolled} enrolled, {tally.there_already} there already, "
        f"{tally.without_photograph} without a photograph now, {tally.without_face} without a face to enrol"
    )


def _with_progress(ports: Ports, pack: Pack, from_release: str) -> Tally:
    total = len(enrolled_under(ports.rows, from_release))
    columns = ("re-embedding", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as progress:
        task = progress.add_task("", total=total)
        return reembed(ports, pack, from_release, lambda count: progress.advance(task, count))


def _last_rows(rows: Rows, release: str) -> dict[str, bool]:
    """Return by application whether it is enrolled under a release: False where its last row says it was erased.

    Who was erased under the new release is not enrolled again from the old one.
    """
    return {
        row.key.sort.partition("#")[2]: "erased" not in row.fields
        for row in rows.read_partition(f"GALLERY#{release}")
    }


def _reembed_batch(ports: Ports, pack: Pack, gallery: Gallery, batch: Sequence[str]) -> Tally:
    stamp: datetime = ports.clock.now() - HEAD_START
    requests = [request for each in batch if (request := _request(ports, each)) is not None]
    evidence = check_faces(pack, gallery, requests, stamp) if requests else []
    enrolled = sum(each.selfie.outcome is PhotoOutcome.ASSESSED for each in evidence)
    return Tally(
        enrolled, without_photograph=len(batch) - len(requests), without_face=len(evidence) - enrolled
    )


def _request(ports: Ports, application_id: str) -> FaceRequest | None:
    """Return the applicant's newest selfie as the pipeline takes it, or None when there is none to measure."""
    try:
        key = applications.load(ports, application_id).photos[Slot.SELFIE].key
        return FaceRequest(application_id, application_id, ports.photos.read(key), NO_CARD) if key else None
    except NotFoundError:
        return None


def _batches(people: Sequence[str]) -> Iterator[Sequence[str]]:
    yield from (people[start : start + BATCH] for start in range(0, len(people), BATCH))


if __name__ == "__main__":
    typer.run(run)
