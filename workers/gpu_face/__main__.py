"""Starts the face worker: `python -m workers.gpu_face`, until SIGTERM or SIGINT.

Settings come from the environment (docs/architecture.md). It exits with 1 before taking any message when they are
wrong, the pack is not the one its manifest names, the models do not run on the provider asked for, or the programme
has no operating point for the pack's release: nobody could judge its evidence.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from functools import partial

from aws_lambda_powertools import Logger

from gelombang.aws.clients import aws_client
from gelombang.aws.secrets import read_secret
from gelombang.domain.errors import GelombangError
from gelombang.observability import event_logger, places_of, write_event
from gelombang.wiring import ports_from_environment, programme_from_environment
from workers.gpu_face.consumer import Worker, run_worker
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.models import load_pack
from workers.gpu_face.requests import check_requests, unmeasured
from workers.gpu_face.sandbox import Sandbox
from workers.gpu_face.search.engine import choose_engine
from workers.gpu_face.search.memory import FaceStore, MemoryStore
from workers.gpu_face.search.snapshot import open_whole, snapshots_at
from workers.gpu_face.settings import FaceSettings, read_face_settings
from workers.gpu_face.sources import SqsSource


class NotInstalledError(GelombangError):
    """A setting asks for a package that is not installed; the words say how to install it."""


def main() -> int:
    """Run the worker and return its exit status: 0 after a stop, 1 when it could not start or go on."""
    log = event_logger("face-worker")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        settings = read_face_settings(os.environ)
        pack = load_pack(
            settings.pack, settings.provider, settings.threads, group_pixels=settings.group_pixels
        )
        log.append_keys(model_release=pack.release)
        if pack.research_only:
            write_event(log, "pack_licence_failed", licence=pack.licence)
        ports = ports_from_environment()
        programme_from_environment().operating_point(pack.release)
        search = choose_engine()
        gallery = Gallery(
            ports.rows,
            pack.release,
            _open_store(settings, pack.release, log),
            vault=ports.vault,
            engine=search.engine,
            threads=settings.threads,
        )
        gallery.refresh(ports.clock.now())
        sandbox = Sandbox(pack.lanes, partial(_note_dead_child, log))
    except (ValueError, GelombangError) as error:
        # These name settings, files and services only, so their words may be shown.
        write_event(log, "worker_start_failed", reason=str(error), places=places_of(error))
        return 1
    write_event(
        log,
        "worker_ready",
        licence=pack.licence,
        limits=pack.limits,
        runtime=pack.runtime,
        enrolled=len(gallery),
        search="qdrant" if settings.gallery_url else str(search),
    )
    source = SqsSource(settings.queue_url, settings.visibility_s, aws_client("sqs"))
    check = partial(check_requests, pack, gallery, decode=sandbox.decode_picture)
    set_aside = partial(unmeasured, pack.release, pack.runtime)
    worker = Worker(ports, source, check, set_aside, settings.limits, settings.visibility_s, log)
    with sandbox:
        return _run(worker, stop)


def _open_store(settings: FaceSettings, release: str, log: Logger) -> FaceStore:
    """Return the gallery that all workers share, or this one's copy: whole, and without those erased meanwhile."""
    if settings.gallery_url is not None:
        return _open_shared(settings.gallery_url, settings.gallery_secret, release)
    if settings.gallery is None:
        return MemoryStore()
    place = settings.gallery_snapshot
    store = open_whole(
        settings.gallery / release,
        release,
        snapshots_at(place) if place else None,
        lambda name: write_event(log, "gallery_segment_failed", segment=name),
    )
    if not store.is_compact():
        store.compact()
    return store


def _open_shared(url: str, secret: str | None, release: str) -> FaceStore:
    try:
        from workers.gpu_face.search.qdrant import open_qdrant  # noqa: PLC0415 - installed where it is asked for
    except ModuleNotFoundError as error:
        raise NotInstalledError(
            f"GELOMBANG_GALLERY_URL needs {error.name}: pip install 'gelombang[distributed]'"
        ) from error
    return open_qdrant(url, release, read_secret(aws_client("ssm"), secret) if secret else None)


def _note_dead_child(log: Logger, ended: int | None) -> None:
    """Say how a child for decoding ended: minus its signal, its exit status, or None when it was silent too long."""
    write_event(log, "decoding_child_failed", ended=ended)


def _run(worker: Worker, stop: threading.Event) -> int:
    try:
        run_worker(worker, stop)
    except Exception as error:  # noqa: BLE001 - a fault of ours: its words may carry values, so not them
        write_event(worker.log, "worker_failed", reason=type(error).__name__, places=places_of(error))
        return 1
    write_event(worker.log, "worker_stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
