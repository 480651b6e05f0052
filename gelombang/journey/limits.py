"""How often codes may be asked for and guessed: limits that slow an attack down without locking anybody out.

    per phone    a schedule between two messages (`gelombang.journey.codes`), and a most for an hour
    per device   a most for an hour, for clients that say which device they are; the others have no such limit
    everybody    a most for what is spent on messages in an hour, and a budget of wrong codes in an hour: once it is
                 used up, a code has two tries instead of five

Nothing is refused by address, because whole districts share one: addresses are only counted, in the log. What everybody
shares is counted in many rows, and each request touches one of them, so no row is hot: a count is never over its limit
and may stop a little before it.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gelombang.domain.errors import TooManyRequestsError
from gelombang.journey.applications import rereading
from gelombang.journey.ports import Key, Ports, Put, Row

HOUR = timedelta(hours=1)
SHARDS = 64
SHARDS_TRIED = 4  # before a count is taken to be full


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of an hour; `sends` is what the programme is ready to pay for."""

    sends: int = 128_000  # two days of two million people are 42,000 an hour
    failures: int = 12_800  # wrong codes of everybody together; one sign-in in ten mistyped is 4,200
    sends_per_phone: int = 30
    codes_per_device: int = 20  # a family's phone, or an officer's


LIMITS = Limits()


def spend(ports: Ports, limits: Limits = LIMITS) -> Put:
    """Return the change that counts one message more.

    Raises:
        TooManyRequestsError: what may be spent in this hour is spent.
    """
    now = ports.clock.now()
    counted = _one_more(ports, "SENDS", limits.sends, now)
    if counted is None:
        raise TooManyRequestsError(seconds_until(_hour_of(now) + HOUR, now))
    return counted


@rereading
def give_back(ports: Ports, spent: Put) -> None:
    """Take back what `spend` counted: the message was not sent."""
    row = ports.rows.read(spent.row.key)
    if row is not None and row.fields["count"]:
        ports.rows.commit([Put(replace(row, fields={"count": row.fields["count"] - 1}))])


def count_failure(ports: Ports, limits: Limits = LIMITS) -> Put | None:
    """Return the change that counts one wrong code more, or None when the hour's budget of them is used up."""
    return _one_more(ports, "FAILURES", limits.failures, ports.clock.now())


def count_for_device(ports: Ports, device: str, sending_id: str, wait_s: int, limits: Limits = LIMITS) -> Put:
    """Return the change that notes that this device was given a code of this sending.

    Raises:
        TooManyRequestsError: it has one of this sending, and must wait `wait_s` for the next; or it has had too many
            within an hour.
    """
    now = ports.clock.now()
    key = _device_key(device)
    row = ports.rows.read(key) or Row(key, {"since": now.isoformat(), "sendings": []})
    if now - datetime.fromisoformat(row.fields["since"]) >= HOUR:
        row = replace(row, fields={"since": now.isoformat(), "sendings": []})
    given = row.fields["sendings"]
    if sending_id in given:
        raise TooManyRequestsError(wait_s)
    if len(given) >= limits.codes_per_device:
        raise TooManyRequestsError(seconds_until(datetime.fromisoformat(row.fields["since"]) + HOUR, now))
    noted = row.fields | {"sendings": [*given, sending_id]}
    return Put(replace(row, fields=noted, expires_at=now + 2 * HOUR))


@rereading
def forget_for_device(ports: Ports, device: str, sending_id: str) -> None:
    """Take back what `count_for_device` noted."""
    row = ports.rows.read(_device_key(device))
    if row is not None and sending_id in row.fields["sendings"]:
        left = [given for given in row.fields["sendings"] if given != sending_id]
        ports.rows.commit([Put(replace(row, fields=row.fields | {"sendings": left}))])


def device_tag(device: str) -> str:
    """Return under what a device is kept: what the client calls it is its secret."""
    return hashlib.sha256(device.encode()).hexdigest()


def address_of_today(ports: Ports, address: str) -> str:
    """Return what an address is called in today's log, 16 hex digits: it can be counted, not followed or found out."""
    return ports.vault.tag("address", f"{ports.clock.now():%Y-%m-%d}:{address}")[:16]


def seconds_until(then: datetime, now: datetime) -> int:
    """Return the whole seconds until `then`, 0 once it has come."""
    return max(0, math.ceil((then - now).total_seconds()))


def _device_key(device: str) -> Key:
    return Key(f"DEVICE#{device_tag(device)}")


def _one_more(ports: Ports, what: str, most: int, now: datetime) -> Put | None:
    hour = _hour_of(now)
    for byte in ports.clock.random_bytes(SHARDS_TRIED):
        shard = byte % SHARDS
        key = Key(f"{what}#{hour:%Y-%m-%dT%H}#{shard:02x}")
        row = ports.rows.read(key) or Row(key, {"count": 0}, expires_at=hour + 2 * HOUR)
        # The first shards carry what is left over by the division, so that all together are exactly `most`.
        if row.fields["count"] < most // SHARDS + (shard < most % SHARDS):
            return Put(replace(row, fields={"count": row.fields["count"] + 1}))
    return None


def _hour_of(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)
