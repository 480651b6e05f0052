"""Checks an auditor's openings of a draw's entries: does each belong to one application that was in the wave by right?

Written from docs/audit-spec.md, "Openings", and docs/draw-spec.md; standard library and `cryptography` as the rest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import nsmallest
from itertools import chain as joined
from pathlib import Path
from typing import Any

from .anchors import tree_root
from .decisions import bundle_name, read_chain
from .reading import FaultError, Object, canonical, hash_of, must, one, read, shaped, time_in

SPEC, DRAW_SPEC = "gelombang-openings-1", "gelombang-draw-3"
ENTRY_DOMAIN, SAMPLE = b"gelombang-entry-3\x00", b"gelombang-sample-1\x00"
HEADER = b"entry_id,region,priority,restored\n"
ROW = re.compile(rb"([0-9a-f]{32}),([0-9]{4}),([01]),([01])")


@dataclass(frozen=True)
class Entry:
    """A row of entries.csv."""

    entry_id: str
    region: str
    priority: bool
    restored: bool


@dataclass(frozen=True)
class Draw:
    """What a bundle says of its entries; `entries` by id."""

    wave_id: str
    root: str
    opens_at: datetime
    closes_at: datetime
    counts: dict[str, int]  # region → entries, by the commitment
    entries: dict[str, Entry]


@dataclass(frozen=True)
class Joined:
    """An application's own record of its place in a wave, as it stood at the freeze."""

    entry_id: str
    region: str
    at: datetime


def verify_openings(
    bundle: str | Path,
    openings: str | Path,
    folder: str | Path,
    commitment_sha256: str | None = None,
    page: str | Path | None = None,
) -> list[str]:
    """Return what is wrong with the openings of a draw, one sentence each; an empty list accepts them.

    `folder` is an auditor's folder, which `verify_audit` has accepted; `commitment_sha256` the commitment's hash as it
    was published, `page` the wave's page (JSON) as it was when its entries were frozen.
    """
    root = Path(folder)
    try:
        draw = read_draw(Path(bundle), commitment_sha256)
        head, opened = _read_openings(Path(openings), draw)
        frozen_at = time_in(head["frozen_at"], "openings")
        found = list(_unlike_the_page(page, draw, frozen_at)) if page else []
        asked = _asked(head["asked"], draw)
        known = {each["entry_id"]: each for each in opened}
        applications = Counter(str(each["application_id"]) for each in opened)
        for entry_id in asked:
            found += _ghost(root, draw, draw.entries[entry_id], known.get(entry_id), frozen_at)
        for name, count in sorted(applications.items()):
            if count > 1:
                both = ", ".join(each for each in asked if known.get(each, {}).get("application_id") == name)
                found.append(f"application {name} opens {count} entries, and may have one: {both}")
        if not (root / "proofs").is_dir():
            found += _uncounted(root, draw, frozen_at)
    except FaultError as fault:
        return [str(fault)]
    return found


def read_draw(bundle: Path, commitment_sha256: str | None) -> Draw:
    """Return what a bundle's commitment and entries say, once they fit each other and the published hash."""
    where = "commitment.json"
    content = read(bundle, where)
    if commitment_sha256 is not None:
        must(
            hash_of(content) == commitment_sha256.strip().lower(), where, "is not the one that was published"
        )
    with shaped(where):
        promised = json.loads(content)
        must(promised["spec"] == DRAW_SPEC, where, f"is no {DRAW_SPEC}")
        rules, entries = read(bundle, "rules.json"), read(bundle, "entries.csv")
        must(hash_of(rules) == promised["rules_sha256"], "rules.json", "is not the file of the commitment")
        must(
            hash_of(entries) == promised["entries_sha256"], "entries.csv", "is not the file of the commitment"
        )
        rows = {each.entry_id: each for each in _rows(entries)}
        leaves = (_leaf(each) for each in rows.values())
        must(tree_root(leaves) == promised["root"], "entries.csv", "its root is not that of the commitment")
        counts = {region: sum(kinds.values()) for region, kinds in promised["counts"].items()}
        inside = Counter(each.region for each in rows.values())
        differing = _differing(counts, inside)
        must(not differing, where, f"counts other entries than entries.csv has in {', '.join(differing)}")
        planned = json.loads(rules)
        opens_at, closes_at = (time_in(planned[name], "rules.json") for name in ("opens_at", "closes_at"))
        return Draw(promised["wave_id"], promised["root"], opens_at, closes_at, counts, rows)


def chosen_by(seed: str, count: int, entry_ids: Iterable[str]) -> list[str]:
    """Return the sample that a seed chooses: the ids with the lowest hashes."""
    start = SAMPLE + seed.encode() + b"\x00"
    return nsmallest(count, entry_ids, key=lambda each: hashlib.sha256(start + each.encode()).digest())


def told_asked(openings: str | Path) -> str:
    """Return in words what the file says was asked for: whoever asked compares it with what they asked."""
    head = json.loads(Path(openings).read_bytes().split(b"\n", 1)[0])
    asked = head["asked"]
    if asked["entries"]:
        what = f"{len(asked['entries'])} entries by name"
    else:
        what = f"{asked['count']} entries by the seed {asked['seed']!r}" if asked["count"] else "all entries"
    return f"{what}, asked for by {head['asked_by']} on {head['asked_at']}"


def _rows(content: bytes) -> Iterator[Entry]:
    must(content.startswith(HEADER) and content.endswith(b"\n"), "entries.csv", "is not in its one form")
    before = b""
    for number, line in enumerate(content[len(HEADER) :].split(b"\n")[:-1], start=2):
        found = ROW.fullmatch(line)
        if found is None or found[1] <= before:
            raise FaultError(f"entries.csv line {number}", "is no row of an entry, or out of order")
        before = found[1]
        yield Entry(before.decode(), found[2].decode(), found[3] == b"1", found[4] == b"1")


def _leaf(entry: Entry) -> bytes:
    """Return an entry's leaf as canonical JSON, written out: there may be ten million."""
    priority, restored = ("true" if flag else "false" for flag in (entry.priority, entry.restored))
    return (
        f'{{"entry_id":"{entry.entry_id}","priority":{priority},"region":"{entry.region}","restored":{restored}}}'
    ).encode()


def _read_openings(path: Path, draw: Draw) -> tuple[Object, list[Object]]:
    where, content = "openings", path.read_bytes()
    must(content.endswith(b"\n"), where, "the last line has no line feed")
    first, *rest = content.split(b"\n")[:-1]
    head = one(first, f"{where} line 1", "head of openings")
    must(head["spec"] == SPEC, where, f"is no {SPEC}")
    must(head["wave_id"] == draw.wave_id, where, f"is of wave {head['wave_id']}, not of {draw.wave_id}")
    must(head["root"] == draw.root, where, "is of other entries than those of the commitment")
    opened = [one(line, f"{where} line {number}", "opening") for number, line in enumerate(rest, start=2)]
    for number, each in enumerate(opened, start=2):
        here = f"{where} line {number}"
        must(all(isinstance(value, str) for value in each.values()), here, "is not of texts")
        must(each["entry_id"] in draw.entries, here, f"entry {each['entry_id']} is not under the root")
    must(len({each["entry_id"] for each in opened}) == len(opened), where, "opens an entry twice")
    return head, opened


def _asked(asked: Any, draw: Draw) -> list[str]:  # noqa: ANN401 - JSON
    with shaped("openings line 1"):
        if asked["entries"]:
            unknown = [each for each in asked["entries"] if each not in draw.entries]
            must(not unknown, "openings line 1", f"asks for {unknown[:1]}, which is not under the root")
            return sorted(asked["entries"])
        if asked["count"]:
            return sorted(chosen_by(asked["seed"], asked["count"], draw.entries))
    return list(draw.entries)


def _ghost(
    root: Path, draw: Draw, entry: Entry, opening: Object | None, frozen_at: datetime
) -> Iterator[str]:
    """Give the sentence that names an entry as a ghost, if it is one."""
    said = _why_ghost(root, draw, entry, opening, frozen_at)
    if said:
        yield f"entry {entry.entry_id} of region {entry.region} is a ghost: {said}"


def _why_ghost(  # noqa: PLR0911 - one line of the specification each
    root: Path, draw: Draw, entry: Entry, opening: Object | None, frozen_at: datetime
) -> str:
    if opening is None:
        return "it was asked for, and there is no opening of it"
    name, salt = opening["application_id"], opening["salt"]
    if not re.fullmatch("[0-9a-f]{32}", salt) or _entry_id(draw.wave_id, salt, name) != entry.entry_id:
        return f"its opening, application {name}, does not give its id"
    if not re.fullmatch("[A-Za-z0-9_-]+", name) or not (root / "chains" / f"{name}.jsonl").is_file():
        return f"there is no audit chain of its application {name}"
    chain = [e for e in read_chain(root, name) if time_in(e["at"], f"chains/{name}.jsonl") <= frozen_at]
    eligible = _eligible(root, name, chain)
    if not eligible:
        return f"no signed decision before the freeze makes its application {name} eligible"
    own = _standing(root, name, chain, draw.wave_id)
    if own is None:
        return f"by its audit chain, application {name} was not in this wave when it was frozen"
    if own.entry_id != entry.entry_id:
        return f"application {name} joined with entry {own.entry_id}"
    if own.region != entry.region:
        return f"application {name} joined with region {own.region or 'unknown'}"
    if own.at < draw.opens_at:
        return f"application {name} joined at {own.at.isoformat()}, before the wave opened"
    is_late = own.at >= draw.closes_at and not entry.restored
    if is_late and not _was_kept_out(root, name, chain, draw):
        return f"application {name} joined at {own.at.isoformat()}, after the close"
    return ""


def _entry_id(wave_id: str, salt: str, name: str) -> str:
    said = ENTRY_DOMAIN + wave_id.encode() + b"\x00" + bytes.fromhex(salt) + name.encode()
    return hash_of(said)[:32]


def _eligible(root: Path, name: str, chain: list[Object]) -> bool:
    """Say whether the last signed decision of a chain, as far as it is given, makes its application eligible."""
    decided = [entry for entry in chain if "bundle_sha256" in entry["facts"]]
    return bool(decided) and _is_yes(root, name, decided[-1])


def _is_yes(root: Path, name: str, entry: Object) -> bool:
    where = bundle_name(name, entry["sequence"])
    with shaped(where):
        bundle = one(read(root, where), where, "signed bundle")["bundle"]
        must(hash_of(canonical(bundle)) == entry["facts"]["bundle_sha256"], where, "was changed")
        return bool(bundle["decision"] == "verified" or bundle.get("outcome") == "VERIFIED")


def _standing(root: Path, name: str, chain: list[Object], wave_id: str) -> Joined | None:
    """Return an application's place in a wave as its chain, given until the freeze, leaves it; None without one."""
    own: Joined | None = None
    is_held = False
    for entry in chain:
        where = f"chains/{name}.jsonl line {entry['sequence']}"
        event, facts = entry["event"], entry["facts"]
        with shaped(where):
            if event == "wave_joined":
                region = facts.get("region", "")
                is_here = facts["wave_id"] == wave_id
                own = Joined(facts["entry_id"], region, time_in(entry["at"], where)) if is_here else None
            elif event == "stripped" or facts.get("left_wave_id") == wave_id:
                own = None  # erased, or sent to reviewers once more: an entry that is not frozen goes
            elif "bundle_sha256" in facts and not _is_yes(root, name, entry):
                own = None  # refused
            elif event == "restricted":
                is_held = bool(facts["entry_held"])
            elif event == "restriction_lifted":
                is_held = False
    return None if is_held else own


def _was_kept_out(root: Path, name: str, chain: list[Object], draw: Draw) -> bool:
    """Say whether a chain tells of before the close why its application could join after it.

    It was refused, or asked about by reviewers, and that was taken back; or the question came to who had joined.
    """
    for entry in chain:
        where, facts = f"chains/{name}.jsonl line {entry['sequence']}", entry["facts"]
        with shaped(where):
            has_joined = entry["event"] == "wave_joined" and facts["wave_id"] == draw.wave_id
            is_refused = "bundle_sha256" in facts and not _is_yes(root, name, entry)
            if time_in(entry["at"], where) < draw.closes_at and (
                has_joined or is_refused or "left_wave_id" in facts
            ):
                return True
    return False


def _unlike_the_page(page: str | Path, draw: Draw, frozen_at: datetime) -> Iterator[str]:
    """Give a sentence for each region whose entries are others than the page said when they were frozen."""
    with shaped("page"):
        told = json.loads(Path(page).read_bytes())
        must(told["definition"]["wave_id"] == draw.wave_id, "page", "is that of another wave")
        frozen = [step["at"] for step in told["history"] if step["event"] == "freeze_done"]
        must(frozen, "page", "is of a time before the freeze")
        if time_in(frozen[0], "page") != frozen_at:
            yield f"openings: say {frozen_at.isoformat()} for the freeze, the page says {frozen[0]}"
        for region in _differing(draw.counts, told["joined"]):
            promised, there = draw.counts.get(region, 0), told["joined"].get(region, 0)
            yield f"region {region}: the commitment counts {promised} entries, the page at the freeze {there}"


def _uncounted(root: Path, draw: Draw, frozen_at: datetime) -> Iterator[str]:
    """Give a sentence for each region with another number of entries than audit chains that joined there."""
    counted: Counter[str] = Counter()
    for path in sorted((root / "chains").glob("*.jsonl")):
        name = path.stem
        chain = [e for e in read_chain(root, name) if time_in(e["at"], f"chains/{name}.jsonl") <= frozen_at]
        own = _standing(root, name, chain, draw.wave_id)
        counted.update([own.region] if own else [])
    for region in _differing(draw.counts, counted):
        promised, there = draw.counts.get(region, 0), counted[region]
        yield f"region {region}: the commitment counts {promised} entries, the audit chains {there} who joined"


def _differing(some: dict[str, int], others: dict[str, int]) -> list[str]:
    return sorted(
        region for region in {*joined(some, others)} if some.get(region, 0) != others.get(region, 0)
    )
