"""What must hold of the whole table, whatever failed: nobody lost, nobody doubled, every sum the same on both sides.

`broken` may be asked at any moment at which no commit is half done, so at any moment; `unfinished` when all is quiet.
Both look at rows alone, so they serve the memory ports, the AWS adapters and the drill that kills processes alike.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from gelombang.domain.application import WORKING_STATES, State
from gelombang.domain.audit import AuditEntry, chain_fault
from gelombang.domain.checks import Layer
from gelombang.domain.messages import QueueName, message_from_json
from gelombang.domain.sources import can_be_listed
from gelombang.journey.ports import Row

HOLDING = frozenset(
    {State.VERIFIED, State.JOINED, State.SELECTED, State.RESERVE, State.NOT_DRAWN, State.SEAT_RETURNED}
)
# A new version of a list must find whom these have judged.
LISTED = frozenset(layer for layer in Layer if can_be_listed(layer))
WORKLISTS = (
    "outbox",
    "notices",
    "stuck",
    "erasures",
    "wave-steps",
    "challenges",
)  # of the machine's own work
_AUDIT = TypeAdapter(AuditEntry)
Fields = dict[str, Any]  # a row's JSON object


@dataclass(slots=True)
class Table:
    """The rows by what they are."""

    applications: dict[str, Fields] = field(default_factory=dict)
    audits: defaultdict[str, list[AuditEntry]] = field(default_factory=lambda: defaultdict(list))
    niks: list[str] = field(default_factory=list)  # whose they are
    named: list[str] = field(default_factory=list)  # who was handed in with the NIK of another
    entries: defaultdict[str, dict[str, Fields]] = field(default_factory=lambda: defaultdict(dict))  # by wave
    seats: Counter[str] = field(default_factory=Counter)  # by wave, as households count them
    evidence: list[str] = field(default_factory=list)  # of whom
    outbox: list[Fields] = field(default_factory=list)
    waiting: Counter[str] = field(default_factory=Counter)  # rows by worklist

    def evidence_of(self, application_id: str) -> list[str]:
        """Return an application's evidence rows."""
        return [name for name in self.evidence if name == application_id]


def table_of(rows: Iterable[Row]) -> Table:
    """Return the rows by what they are."""
    table = Table()
    for row in rows:
        kind, _, rest = row.key.partition.partition("#")
        if row.due:
            table.waiting[row.due.worklist] += 1
        match kind:
            case "APPLICATION" if row.key.sort == "-":
                table.applications[rest] = row.fields
            case "APPLICATION" if row.key.sort.startswith("AUDIT#"):
                table.audits[rest].append(_AUDIT.validate_python(row.fields))
            case "NIK":
                table.niks.append(row.fields["application_id"])
                table.named += row.fields.get("others", ())
            case "WAVE" if row.key.sort != "-":
                table.entries[rest.rpartition("#")[0]][row.key.sort] = row.fields
            case "HOUSEHOLD":
                table.seats.update(row.fields["seats"])
            case "FACECHECK" if "application_id" in row.fields:
                table.evidence.append(row.fields["application_id"])
            case "OUTBOX":
                table.outbox.append(row.fields)
    return table


def broken(table: Table) -> list[str]:
    """Return what is lost, doubled or not summed up; nothing when all is well. Faults name applications by id."""
    return [*_chains(table), *_niks(table), *_entries(table), *_seats(table), *_outbox(table)]


def unfinished(table: Table) -> list[str]:
    """Return what the machine has not done though it had time: rows on its worklists, applications in its hands."""
    left = [f"{count} on the worklist {name}" for name, count in table.waiting.items() if name in WORKLISTS]
    working = [name for name, one in table.applications.items() if one["state"] in WORKING_STATES]
    return left + [f"{name} is still in the machine's hands" for name in working]


def _chains(table: Table) -> Iterator[str]:
    """Every change of an application is one entry of its audit, and none is missing."""
    for name, one in table.applications.items():
        entries = sorted(table.audits[name], key=lambda entry: entry.sequence)
        if fault := chain_fault(entries, one["audit_length"], one["audit_head"]):
            yield f"{name}: its audit is {fault}"
    yield from (
        f"{name}: an audit without an application" for name in table.audits.keys() - table.applications
    )


def _niks(table: Table) -> Iterator[str]:
    held = Counter(table.niks)
    for name, one in table.applications.items():
        if one["state"] in HOLDING and held[name] != 1:
            yield f"{name}: verified, and holds {held[name]} NIKs"
    yield from (f"{name}: {count} NIKs" for name, count in held.items() if count > 1)
    yield from (f"{name}: a NIK of nobody" for name in held.keys() - table.applications)
    found = held + Counter(table.named)
    for name, one in table.applications.items():
        if one["form"] and not LISTED.isdisjoint(one["checks"]) and found[name] != 1:
            yield f"{name}: looked up in lists, and named with {found[name]} NIKs"
        if not one["form"] and name in table.named:
            yield f"{name}: has given up the NIK that it is named with"


def _entries(table: Table) -> Iterator[str]:
    """An application in a wave has one entry there; an entry has an application, which may have gone on since."""
    for name, one in table.applications.items():
        wave = one["wave_id"]
        own = [entry for entry, each in table.entries[wave].items() if each.get("application_id") == name]
        if wave and own != [one["entry_id"]]:
            yield f"{name}: in {wave} with {len(own)} entries"
    for wave, entries in table.entries.items():
        owners = Counter(each["application_id"] for each in entries.values() if each)
        yield from (f"{name}: {count} entries in {wave}" for name, count in owners.items() if count > 1)
        yield from (f"{name}: an entry of nobody" for name in owners.keys() - table.applications)


def _seats(table: Table) -> Iterator[str]:
    """Seats are counted three times: as results, as households' seats, and as people who have one."""
    for wave, entries in table.entries.items():
        given = [each for each in entries.values() if (each.get("result") or {}).get("outcome") == "SELECTED"]
        if table.seats[wave] != len(given):
            yield f"{wave}: {len(given)} seats in results, {table.seats[wave]} in households"
        for each in given:
            one = table.applications[each["application_id"]]
            if one["state"] not in (State.SELECTED, State.ERASED):
                yield f"{each['application_id']}: drawn, and is {one['state']}"
        people = sum(
            one["state"] == State.SELECTED and one["wave_id"] == wave for one in table.applications.values()
        )
        if people > len(given):
            yield f"{wave}: {len(given)} seats in results, {people} people with one"


def _outbox(table: Table) -> Iterator[str]:
    for each in table.outbox:
        try:
            message_from_json(QueueName(each["queue"]), each["body"])
        except ValueError:
            yield "a message in the outbox that nobody can read"
