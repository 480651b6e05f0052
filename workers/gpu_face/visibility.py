"""Keeps the messages of a batch invisible to other workers for as long as the batch takes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from aws_lambda_powertools import Logger

from gelombang.domain.errors import DependencyError
from gelombang.observability import write_event
from workers.gpu_face.sources import MessageSource, Received


@contextmanager
def kept_invisible(
    source: MessageSource, messages: Sequence[Received], visibility_s: float, log: Logger
) -> Iterator[None]:
    """Extend the messages at every third of their visibility timeout until the block ends.

    The whole batch is extended, also what is deleted meanwhile: SQS passes over it. A worker that is killed stops
    extending, and its messages come back after at most `visibility_s` seconds.
    """
    done = threading.Event()
    beat = threading.Thread(
        target=_extend_until, args=(done, source, messages, visibility_s, log), name="visibility", daemon=True
    )
    beat.start()
    try:
        yield
    finally:
        done.set()
        beat.join()


def _extend_until(
    done: threading.Event,
    source: MessageSource,
    messages: Sequence[Received],
    visibility_s: float,
    log: Logger,
) -> None:
    while not done.wait(visibility_s / 3):
        try:
            source.extend(messages, int(visibility_s))
        except DependencyError as error:  # two more beats fit before the messages come back
            write_event(log, "visibility_extension_failed", service=error.service)
