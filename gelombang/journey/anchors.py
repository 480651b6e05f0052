"""Makes the daily anchor of all audit chains, by itself, exactly one a day, going on where a crash stopped it.

    every audit entry ─▶ HEADS#<day>#<shard>     beside it in its commit (`applications.save`); expires
    day over, an hour ─▶ for each shard of 256   its rows ─▶ leaves/<day>/<shard>.jsonl, once
                      ─▶ anchors/<day>.json      signed, once: whoever is faster wins, everybody adopts that one
                      ─▶ ANCHORS                 the day is done; it and the keys are published

What a day costs: one query a shard, a page of it for each 1 MB (about 5,000 entries), one object for each shard that
has any. Nothing reads the table. A round ends after some seconds; the next one goes on with the shard after the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta

from gelombang.domain.anchor import (
    FIRST,
    SPEC,
    Leaf,
    Shard,
    anchor,
    anchor_file,
    file_hash,
    leaves_file,
    leaves_from,
    shard_of_file,
)
from gelombang.domain.decision import canonical
from gelombang.domain.eligibility import jakarta_day
from gelombang.domain.errors import ConflictError, NotFoundError
from gelombang.domain.wave import JAKARTA
from gelombang.journey import decisions
from gelombang.journey.applications import HEADS, SHARDS, shard_of
from gelombang.journey.ports import Key, Ports, Put, Row

STATE = Key("ANCHORS")
AFTER = timedelta(hours=1)  # longer than anything takes that was begun before midnight
ROUND = timedelta(seconds=30)  # a function has sixty seconds
KEYS_FILE = "audit/keys.json"
JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Anchored:
    """How far the anchors are: which days have one, and what the next one follows."""

    first_day: date
    next_day: date  # the first day that has none yet
    number: int  # of anchors there are
    previous_sha256: str  # of the last one's file
    shards: tuple[Shard, ...] = ()  # of `next_day`, so far
    next_shard: int = 0


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file that anybody may fetch, with its SHA-256."""

    name: str
    url: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Anchors:
    """What pins every audit chain: the list of signing keys and the last daily anchor; none before the first night."""

    files: tuple[PublishedFile, ...]


def anchor_due(ports: Ports, programme: str) -> int:
    """Make the anchors that are due; return how many were finished. The first call begins with the present day.

    Raises:
        DependencyError: a store or the signer could not be reached; nothing that was begun is lost.
    """
    began, made_count = ports.clock.now(), 0
    with suppress(ConflictError):  # another process is at it
        row = ports.rows.read(STATE) or _begun(ports, jakarta_day(began))
        while _is_over(_state(row).next_day, ports.clock.now()):
            row = _with_shards(ports, row, began + ROUND)
            if _state(row).next_shard < SHARDS:
                return made_count
            row = _finished(ports, programme, row)
            made_count += 1
    return made_count


def anchored(ports: Ports) -> Anchored | None:
    """Return how far the anchors are; None before the first round."""
    row = ports.rows.read(STATE)
    return _state(row) if row else None


def published_anchors(ports: Ports) -> Anchors:
    """Return the list of keys, once something was signed for the public, and the last anchor, which pins all before it.

    Raises:
        DependencyError: a store could not be reached.
    """
    state, hashes = anchored(ports), {}
    with suppress(NotFoundError):  # nothing was anchored or drawn yet
        hashes[KEYS_FILE] = file_hash(ports.documents.read(KEYS_FILE))
    if state and state.number:
        hashes[anchor_key(state.next_day - timedelta(days=1))] = state.previous_sha256
    files = (PublishedFile(name, ports.documents.url(name), sha256) for name, sha256 in hashes.items())
    return Anchors(tuple(files))


def publish_keys(ports: Ports, programme: str) -> None:
    """Publish the list of all keys that ever signed; before what they signed is public.

    Raises:
        DependencyError: a store could not be reached.
    """
    ports.documents.write(KEYS_FILE, canonical(decisions.published_keys(ports, programme)), JSON_TYPE)


def anchor_days(ports: Ports) -> Iterator[date]:
    """Give every day that has an anchor, in order."""
    if state := anchored(ports):
        yield from (state.first_day + timedelta(days=number) for number in range(state.number))


def leaf_on(ports: Ports, application_id: str, day: date) -> Leaf | None:
    """Return an application's leaf of a day, or None where its chain did not grow then or the day has no anchor yet."""
    found = (leaf for leaf in leaves_from(leaves_on(ports, day, shard_of(application_id))))
    return next((leaf for leaf in found if leaf.application_id == application_id), None)


def leaves_on(ports: Ports, day: date, shard: int) -> bytes:
    """Return a shard's file of leaves of a day, empty where there is none."""
    try:
        return ports.archive.read(leaves_key(day, shard))
    except NotFoundError:
        return b""


def anchor_key(day: date) -> str:
    """Return where a day's anchor lies, in the archive and among the published files."""
    return f"audit/anchors/{day.isoformat()}.json"


def leaves_key(day: date, shard: int) -> str:
    """Return where a shard's leaves of a day lie in the archive."""
    return f"audit/leaves/{day.isoformat()}/{shard:02x}.jsonl"


def _is_over(day: date, now: datetime) -> bool:
    end = datetime.combine(day + timedelta(days=1), time(), JAKARTA)
    return now >= end + AFTER


def _begun(ports: Ports, today: date) -> Row:
    return _saved(ports, Row(STATE, {}), Anchored(today, today, 0, FIRST))


def _with_shards(ports: Ports, row: Row, until: datetime) -> Row:
    """Write the leaves of the shards that are left, as far as time allows; each that has any is on record at once."""
    state = _state(row)
    for shard in range(state.next_shard, SHARDS):
        if ports.clock.now() >= until:
            break
        leaves = _leaves_of(ports, state.next_day, shard)
        state = replace(state, next_shard=shard + 1)
        if leaves:
            content = ports.archive.keep_once(leaves_key(state.next_day, shard), leaves_file(leaves))
            state = replace(state, shards=(*state.shards, shard_of_file(shard, content)))
            row = _saved(ports, row, state)
    return row if state == _state(row) else _saved(ports, row, state)


def _leaves_of(ports: Ports, day: date, shard: int) -> list[Leaf]:
    """Return the last head of each application in a shard of a day; rows come in the order of their entries."""
    last: dict[str, Leaf] = {}
    for row in ports.rows.read_partition(heads_partition(day, shard)):
        name, _, number = row.key.sort.rpartition("#")
        last[name] = Leaf(name, int(number), row.fields["head"])
    return list(last.values())


def heads_partition(day: date, shard: int) -> str:
    """Return the partition of the entries of a day in a shard."""
    return f"{HEADS}{day.isoformat()}#{shard:02x}"


def _finished(ports: Ports, programme: str, row: Row) -> Row:
    """Sign the day's anchor, keep and publish it; if one lies there already, that one is the day's."""
    state = _state(row)
    day = state.next_day
    content = anchor(programme, day, state.number + 1, state.previous_sha256, state.shards)
    signed = decisions.sign(ports, SPEC, canonical(content))
    kept = ports.archive.keep_once(anchor_key(day), anchor_file(content, *signed))
    ports.documents.write(anchor_key(day), kept, JSON_TYPE)
    publish_keys(ports, programme)
    done = Anchored(state.first_day, day + timedelta(days=1), state.number + 1, file_hash(kept))
    return _saved(ports, row, done)


def _saved(ports: Ports, row: Row, state: Anchored) -> Row:
    fields = asdict(state) | {
        "first_day": state.first_day.isoformat(),
        "next_day": state.next_day.isoformat(),
        "shards": [asdict(shard) for shard in state.shards],
    }
    ports.rows.commit([Put(replace(row, fields=fields))])
    return replace(row, fields=fields, version=row.version + 1)


def _state(row: Row) -> Anchored:
    days = {name: date.fromisoformat(row.fields[name]) for name in ("first_day", "next_day")}
    shards = tuple(Shard(**each) for each in row.fields["shards"])
    return Anchored(**{**row.fields, **days, "shards": shards})
