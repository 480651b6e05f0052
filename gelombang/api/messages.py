"""Takes the records of a queue one by one, so that only those that failed are delivered again; and work by the clock.

A record that can never be read fails each time and ends in the dead-letter queue, its reason in the log.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from chalice.app import SQSEvent

from gelombang.domain.errors import DependencyError, GelombangError
from gelombang.domain.messages import Message, QueueName, message_from_json
from gelombang.observability import places_of, write_event


def consume(event: SQSEvent, logger: Logger, handle: Callable[[str], None]) -> dict[str, Any]:
    """Give each record's body to `handle`; return Lambda's report of the records to deliver again."""

    def take(record: SQSRecord) -> None:
        _take(record, logger, handle)

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    report = process_partial_response(event.to_dict(), take, processor)
    return dict(report)


def consume_messages(
    event: SQSEvent, logger: Logger, queue: QueueName, handle: Callable[[Any], None]
) -> dict[str, Any]:
    """Give each record's message of `queue` to `handle`, as `consume` does with bodies."""

    def read(body: str) -> None:
        message: Message = message_from_json(queue, body)
        handle(message)

    return consume(event, logger, read)


def readable(event: SQSEvent, queue: QueueName) -> list[Any]:
    """Return the messages of a delivery that can be read; those that cannot are `consume_messages`' to report."""
    found: list[Any] = []
    for record in event:
        with suppress(ValueError):
            found.append(message_from_json(queue, record.body))
    return found


class ClockFailedError(GelombangError):
    """What a clock asked for could not be done; the log says where it failed."""


def run_by_clock(logger: Logger, done: str, work: Callable[[], dict[str, Any]]) -> None:
    """Do what a clock asks for, and log what came of it as the event `done`.

    Raises:
        ClockFailedError: it failed, and will be asked for again. Lambda logs the words of whatever leaves a function,
            and those of another error might be somebody's data.
    """
    try:
        found = work()
    except Exception as error:  # noqa: BLE001 - the one boundary of a round: logged, and ended
        write_event(
            logger, "clock_failed", asked_for=done, error=type(error).__name__, places=places_of(error)
        )
        raise ClockFailedError from None
    write_event(logger, done, **found)


def run_each_by_clock(logger: Logger, **works: Callable[[], dict[str, Any]]) -> None:
    """Do several things that one clock asks for, as `run_by_clock` does one; none waits for another to be mended.

    Raises:
        ClockFailedError: at least one failed; all were tried.
    """
    has_failed = False
    for done, work in works.items():
        try:
            run_by_clock(logger, done, work)
        except ClockFailedError:
            has_failed = True
    if has_failed:
        raise ClockFailedError


def photo_keys(body: str) -> list[str]:
    """Return the keys of the objects that have arrived, as S3 or as a `PhotoArrived` of ours says.

    None for the test event S3 sends at set-up.

    Raises:
        ValueError: the body is neither.

    Source: Amazon S3 User Guide, "Event message structure": keys are URL-encoded, a space as `+`.
    """
    event = json.loads(body)
    try:
        if event.get("Event") == "s3:TestEvent":
            return []
        if "photo_key" in event:
            return [str(event["photo_key"])]
        return [unquote_plus(record["s3"]["object"]["key"]) for record in event["Records"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not an event of S3") from error


def _take(record: SQSRecord, logger: Logger, handle: Callable[[str], None]) -> None:
    started = time.perf_counter()
    keys = {
        "queue": record.event_source_arn.rsplit(":", 1)[-1],
        "message_id": record.message_id,
        "received": record.attributes.approximate_receive_count,
    }
    try:
        handle(record.body)
    except Exception as error:
        if isinstance(error, DependencyError):
            keys |= {"dependency": error.service}
        write_event(logger, "message_failed", **keys, error=type(error).__name__, places=places_of(error))
        raise
    write_event(logger, "message_done", **keys, duration_ms=round((time.perf_counter() - started) * 1000, 1))
