"""Changes evidence of decisions in every way we know, and lets the verifier find each: does it name the place?

python -m benchmarks.drills.tampering --count 1000 --seed 1

Some people are decided about over three days in memory, with anchors, keys and signatures as deployed; their evidence
is written as an auditor gets it, of everybody and of each. Then one thing at a time is changed: a byte is flipped; a
file, line or member is taken away; lines, files or entries change places; entries are put in that say an earlier time;
chains, files and the row of anchors are cut short; bundles are signed again with another key and everything after them
is made to fit. The verifier has what was published: the list of keys and the hash of the last anchor. A change is found
if a sentence names its file, or, of a file that is gone, its name.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.goals import finish, goal
from gelombang.audit_verifier import verify_audit
from gelombang.domain.audit import FIRST_HASH
from gelombang.domain.decision import SPEC, canonical
from gelombang.domain.signature import message_to_sign
from gelombang.memory.signer import MemorySigner
from tests.journey.audited import Audited, audited

Json = dict[str, Any]  # of docs/audit-spec.md
OTHER_KEY = MemorySigner(99)
WANTED = 1000  # changes


@dataclass(frozen=True, slots=True)
class Target:
    """A folder of evidence, with what was published beside it."""

    folder: Path
    keys: Path
    anchor_sha256: str

    def files(self, pattern: str) -> list[Path]:
        """Return its files of a kind, in order."""
        return sorted(path for path in self.folder.glob(pattern) if path.is_file())

    def faults(self) -> list[str]:
        """Return what the verifier finds."""
        return verify_audit(self.folder, self.keys, self.anchor_sha256)


@dataclass(frozen=True, slots=True)
class Change:
    """One change: its kind, and the places of which a sentence must name one."""

    kind: str
    places: tuple[str, ...]


Mutation = Callable[[Target, Random], Change]


def main() -> int:
    """Tamper as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        targets = written(audited(), Path(folder))
        untouched = [fault for target in targets for fault in target.faults()]
        began = time.perf_counter()
        missed = tamper(targets, given.count, given.seed)
        took_s = time.perf_counter() - began
    for change, faults in missed:
        print(f"{change.kind} of {' or '.join(change.places)}: {'; '.join(faults) or 'accepted'}")
    refused = given.count - sum(not faults for _, faults in missed)
    named = given.count - len(missed)
    print(f"{given.count} changes in {took_s:.1f} s, {len(MUTATIONS)} kinds")
    finish(
        "tampering",
        [
            goal("untouched_faults", str(len(untouched)), "0", not untouched),
            goal(
                "tampered_refused",
                f"{refused} of {given.count}",
                f"all, at least {WANTED}",
                refused == given.count >= WANTED,
            ),
            goal("places_named", f"{named} of {given.count}", "all", named == given.count),
        ],
    )
    return 0 if not missed and not untouched else 1


def written(world: Audited, folder: Path) -> list[Target]:
    """Write the evidence of everybody, and of some, each as an auditor gets it."""
    everything = world.write(folder / "all")
    last = max((everything / "anchors").iterdir())
    keys = folder / "published-keys.json"
    keys.write_bytes((everything / "keys.json").read_bytes())
    sha256 = hashlib.sha256(last.read_bytes()).hexdigest()
    some = [world.write(folder / kind.replace(" ", "-"), name) for kind, name in world.names.items()]
    # As often as all others together: most files are here.
    return [Target(each, keys, sha256) for each in [*some, *[everything] * len(some)]]


def tamper(targets: list[Target], count: int, seed: int) -> list[tuple[Change, list[str]]]:
    """Make `count` changes, each undone again; return those that were not found, or not where they are."""
    random = Random(seed)  # noqa: S311 - it chooses what is tried
    missed, made = list[tuple[Change, list[str]]](), Counter[str]()
    kinds = list(MUTATIONS)
    while made.total() < count:
        target, mutate = random.choice(targets), kinds[made.total() % len(kinds)]
        with undone(target.folder):
            try:
                change = mutate(target, random)
            except IndexError:  # this folder has nothing of the kind
                continue
            faults = target.faults()
        made[change.kind] += 1
        if not any(place in fault for place in change.places for fault in faults):
            missed.append((change, faults))
    return missed


@contextmanager
def undone(folder: Path) -> Iterator[None]:
    """Put the folder back as it was at the end."""
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    try:
        yield
    finally:
        shutil.rmtree(folder)
        for path, content in kept.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


# --- one change each ----------------------------------------------------------------------------------------


def flip(target: Target, random: Random) -> Change:
    """Change one bit of one byte of any file."""
    path = random.choice(target.files("**/*"))
    content = bytearray(path.read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    path.write_bytes(content)
    return Change("flip", (_name(target, path),))


def flip_in_a_bundle(target: Target, random: Random) -> Change:
    """Change a member of a bundle, well formed."""
    path = random.choice(target.files("bundles/*/*"))
    signed = json.loads(path.read_bytes())
    member = random.choice(sorted(signed["bundle"]))
    signed["bundle"][member] = random.choice(
        [x for x in ("", "2023", 1, [], ["TOO_OLD"]) if x != signed["bundle"][member]]
    )
    path.write_bytes(canonical(signed))
    return Change("bundle member", (_name(target, path),))


def change_an_entry(target: Target, random: Random) -> Change:
    """Change an audit entry, and make the whole chain after it fit; its anchor or a bundle no longer does."""
    path = random.choice(_anchored_chains(target))
    entries = entries_of(path)
    place = random.randrange(len(entries))
    entries[place]["facts"] = {**entries[place]["facts"], "by": "nobody"}
    write_fitting(path, entries)
    return Change("entry, chain made to fit", _of_chain(target, path))


def put_an_entry_in(target: Target, random: Random) -> Change:
    """Put an entry at a chain's end, well formed, that says an earlier time, also one before all anchors."""
    path = random.choice(_anchored_chains(target))
    entries = entries_of(path)
    ago = timedelta(days=random.choice([0, 1, 30]))
    at = datetime.fromisoformat(random.choice(entries)["at"]) - ago
    entries.append({"at": at.isoformat(), "event": "wave_joined", "facts": {"wave_id": "gelombang-1"}})
    write_fitting(path, entries)
    return Change("entry put in", (f"{_name(target, path)} line {len(entries)}",))


def delete_a_file(target: Target, random: Random) -> Change:
    """Take one file away."""
    path = random.choice(target.files("**/*"))
    path.unlink()
    name = _name(target, path)
    day = path.stem if name.startswith("anchors/") else name
    return Change(
        "file deleted", (name, day, *(["proofs/"] if name.startswith("anchors/") else []), "the last is not")
    )


def delete_an_entry(target: Target, random: Random) -> Change:
    """Take one audit entry away; half of the time the rest is made to fit."""
    path = random.choice(_anchored_chains(target))
    entries = entries_of(path)
    del entries[random.randrange(len(entries))]
    random.choice([_write, write_fitting])(path, entries)
    return Change("entry deleted", _of_chain(target, path))


def delete_a_line(target: Target, random: Random) -> Change:
    """Take one line out of the leaves or proofs."""
    path = random.choice(target.files("leaves/*/*") + target.files("proofs/*"))
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[random.randrange(len(lines))]
    path.write_bytes(b"".join(lines))
    return Change("line deleted", (_name(target, path),))


def reorder_entries(target: Target, random: Random) -> Change:
    """Let two audit entries change places; half of the time the chain is made to fit."""
    path = random.choice(_anchored_chains(target))
    entries = entries_of(path)
    i, j = sorted(random.sample(range(len(entries)), 2))
    entries[i], entries[j] = entries[j], entries[i]
    random.choice([_write, write_fitting])(path, entries)
    return Change("entries reordered", _of_chain(target, path))


def swap_files(target: Target, random: Random) -> Change:
    """Let two files of a kind change places."""
    kind = random.choice(["bundles/*/*", "anchors/*", "chains/*", "leaves/*/*", "proofs/*"])
    found = target.files(kind)
    random.shuffle(found)
    one, other = found[0], found[1]
    first, second = one.read_bytes(), other.read_bytes()
    if first == second:
        raise IndexError
    one.write_bytes(second)
    other.write_bytes(first)
    return Change("files swapped", tuple(place for path in (one, other) for place in _of_chain(target, path)))


def truncate_a_chain(target: Target, random: Random) -> Change:
    """Cut the newest entries off an anchored chain, with their bundles."""
    path = random.choice(_anchored_chains(target))
    entries = entries_of(path)
    left = random.randrange(len(entries))
    _write(path, entries[:left])
    for bundle in target.files(f"bundles/{path.stem}/*"):
        if int(bundle.stem) > left:
            bundle.unlink()
    return Change("chain truncated", _of_chain(target, path))


def truncate_a_file(target: Target, random: Random) -> Change:
    """Cut a file short anywhere."""
    path = random.choice(target.files("**/*"))
    content = path.read_bytes()
    path.write_bytes(content[: random.randrange(len(content))])
    return Change("file truncated", _of_chain(target, path))


def forget_the_last_days(target: Target, random: Random) -> Change:
    """Leave out the newest anchors, and what hangs on them."""
    days = target.files("anchors/*")
    for path in days[random.randrange(len(days)) :]:
        path.unlink()
        shutil.rmtree(target.folder / "leaves" / path.stem, ignore_errors=True)
    for path in target.files("proofs/*"):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[: len(target.files("anchors/*"))]))
    return Change("anchors truncated", ("anchors: the last is not the one that was published",))


def sign_again(target: Target, random: Random) -> Change:
    """Change a decision and sign it with another key; chain and hashes are made to fit."""
    path = random.choice(target.files("bundles/*/*"))
    signed = json.loads(path.read_bytes())
    signed["bundle"]["reasons"] = []
    content = canonical(signed["bundle"])
    kept_id = random.choice([signed["key_id"], OTHER_KEY.public_key().key_id])
    signature = OTHER_KEY.sign(message_to_sign(SPEC, content)).hex()
    path.write_bytes(canonical({"bundle": signed["bundle"], "key_id": kept_id, "signature": signature}))
    chain = target.folder / "chains" / f"{path.parent.name}.jsonl"
    entries = entries_of(chain)
    entries[int(path.stem) - 1]["facts"]["bundle_sha256"] = hashlib.sha256(content).hexdigest()
    write_fitting(chain, entries)
    return Change("signed with another key", (_name(target, path), *_of_chain(target, chain)))


def bring_another_key(target: Target, random: Random) -> Change:
    """Sign a bundle or an anchor with another key, and put that key on the list."""
    path = random.choice(target.files("bundles/*/*") + target.files("anchors/*"))
    signed = json.loads(path.read_bytes())
    name = "bundle" if "bundle" in signed else "anchor"
    signature = OTHER_KEY.sign(message_to_sign(signed[name]["spec"], canonical(signed[name])))
    public = OTHER_KEY.public_key()
    path.write_bytes(canonical({**signed, "key_id": public.key_id, "signature": signature.hex()}))
    keys = json.loads((target.folder / "keys.json").read_bytes())
    keys["keys"].append({**keys["keys"][0], "key_id": public.key_id, "public_key": public.key.hex()})
    (target.folder / "keys.json").write_bytes(canonical(keys))
    return Change("another key on the list", ("keys.json",))


MUTATIONS: tuple[Mutation, ...] = (
    flip,
    flip_in_a_bundle,
    change_an_entry,
    put_an_entry_in,
    delete_a_file,
    delete_an_entry,
    delete_a_line,
    reorder_entries,
    swap_files,
    truncate_a_chain,
    truncate_a_file,
    forget_the_last_days,
    sign_again,
    bring_another_key,
)


def _name(target: Target, path: Path) -> str:
    return str(path.relative_to(target.folder))


def _of_chain(target: Target, path: Path) -> tuple[str, ...]:
    """Return the names by which a fault of a file may be told: a chain's bundles are as near as its lines."""
    name = _name(target, path)
    return (name, f"bundles/{path.stem}/") if name.startswith("chains/") else (name,)


def _anchored_chains(target: Target) -> list[Path]:
    """Return the chains that end before the last anchor: nothing pins what came after it."""
    days = [path.stem for path in target.files("anchors/*")]
    return [path for path in target.files("chains/*") if entries_of(path)[-1]["at"][:10] <= days[-1]]


def entries_of(path: Path) -> list[Json]:
    """Return a chain's entries."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def _write(path: Path, entries: list[Json]) -> None:
    path.write_bytes(b"".join(canonical(entry) + b"\n" for entry in entries))


def write_fitting(path: Path, entries: list[Json]) -> None:
    """Write a chain whose numbers and hashes fit, whatever is in it."""
    before = FIRST_HASH
    for number, entry in enumerate(entries, start=1):
        content = [number, entry["at"], entry["event"], entry["facts"], before]
        head = hashlib.sha256(canonical(content)).hexdigest()
        entry |= {"sequence": number, "previous_hash": before, "entry_hash": head}
        before = head
    _write(path, entries)


if __name__ == "__main__":
    sys.exit(main())
