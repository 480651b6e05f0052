"""Writes one JSON line for each step of a process: keys, never bodies, tokens or phones."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger


def event_logger(service: str) -> Logger:
    """Return the logger of one process; its level comes from POWERTOOLS_LOG_LEVEL."""
    return Logger(service=service, location=None, use_rfc3339=True)


def write_event(logger: Logger, event: str, **keys: Any) -> None:  # noqa: ANN401 - JSON of a log line
    """Write one line, at WARNING when the event is a failure that a person should see today."""
    level = logger.warning if event.endswith("_failed") else logger.info
    level(event, event=event, **keys)


def places_of(error: BaseException) -> list[str]:
    """Return where an error came from, as `file:line function`; its message may carry values, so not that."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-6:]]
