"""Writes one JSON line for each step of a process: keys, never bodies, tokens or phones."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO, cast

from aws_lambda_powertools import Logger

_to_json = json.JSONEncoder(separators=(",", ":")).encode


def event_logger(service: str) -> Logger:
    """Return the logger of one process; its level comes from POWERTOOLS_LOG_LEVEL."""
    return Logger(service=service, location=None, use_rfc3339=True)


def write_event(logger: Logger, event: str, **keys: Any) -> None:  # noqa: ANN401 - JSON of a log line
    """Write one line, at WARNING when the event is a failure that a person should see today."""
    level = logger.warning if event.endswith("_failed") else logger.info
    level(event, event=event, **keys)


class RequestLog:
    """Writes the line of each request as `write_event` would, past the logging library, which costs more than it.

    `make bench-api` measures it (2026-11-21: 42 µs of 64 µs went to the library).
    """

    def __init__(self, logger: Logger) -> None:
        self._handler = cast("logging.StreamHandler[TextIO]", logger.registered_handler)
        self._is_wanted = logger.log_level <= logging.INFO
        fields = {
            "level": "INFO",
            "message": "request_done",
            "service": logger.service,
            "event": "request_done",
        }
        self._start = _to_json(fields)[:-1] + ',"timestamp":"'

    def write(self, keys: dict[str, Any]) -> None:  # JSON of a log line
        """Write one line."""
        if self._is_wanted:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            stream = self._handler.stream
            stream.write(f'{self._start}{now}",{_to_json(keys)[1:]}\n')
            stream.flush()


def places_of(error: BaseException) -> list[str]:
    """Return where an error came from, as `file:line function`; its message may carry values, so not that."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-6:]]
