"""The draw of docs/draw-spec.md in plain Python: for tests, and the yardstick of `make bench-draw`.

Written from the specification alone, for reading and not for speed. Nothing of `gelombang` is used, so where the two
agree, two writers understood the text alike. An *entry* is a tuple (entry_id, region, priority, restored), a row of
households (entry_id, household, recipients_before), a *result* (entry_id, ticket, rank, outcome, reserve, rule).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter

SPEC = "gelombang-draw-3"
ENTRY, HOUSEHOLD = (
    ("entry_id", "region", "priority", "restored"),
    ("entry_id", "household", "recipients_before"),
)
RESULT = ("entry_id", "ticket", "rank", "outcome", "reserve", "rule")


def canonical(value):
    """Return RFC 8785's bytes of a value without fractions or `null`."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(content):
    return hashlib.sha256(content).digest()


# ---- leaves and roots ----


def leaf(names, row):
    """Return the leaf of an entry (`ENTRY`) or a result (`RESULT`)."""
    return canonical(dict(zip(names, row, strict=True)))


def leaf_hash(content):
    return sha256(b"\0" + content)


def root(hashes):
    """Return the Merkle Tree Hash over leaf hashes (RFC 6962, section 2.1)."""
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256(b"")
    k = _split(len(hashes))
    return sha256(b"\1" + root(hashes[:k]) + root(hashes[k:]))


def path(index, hashes):
    """Return the audit path of a leaf, from the leaf upwards (RFC 6962, section 2.1.1)."""
    if len(hashes) < 2:
        return []
    k = _split(len(hashes))
    if index < k:
        return [*path(index, hashes[:k]), root(hashes[k:])]
    return [*path(index - k, hashes[k:]), root(hashes[:k])]


def _split(n):
    return 1 << (n - 1).bit_length() - 1  # the largest power of two below n


# ---- the draw ----


def seed_of(commitment, secrets, randomness=b""):
    """Return the 32 bytes that give every ticket; `commitment` as the bytes of its file."""
    return sha256(SPEC.encode() + b"\0" + sha256(commitment) + b"".join(secrets) + randomness)


def ticket_of(seed, entry):
    return hmac.digest(seed, leaf_hash(leaf(ENTRY, entry)), "sha256").hex()


def hold(rules, entries, households, seed):
    """Return what becomes of every entry, as tuples of `RESULT` in ascending order of `entry_id`."""
    tickets = {entry[0]: ticket_of(seed, entry) for entry in entries}
    in_order = sorted(entries, key=lambda entry: tickets[entry[0]])
    seats = _seat_everybody(rules, in_order, households)
    ranks, reserves, results = Counter(), Counter(), []
    for entry_id, region, _, _ in in_order:
        ranks[region] += 1
        quota, reserve = rules["quota"].get(region, 0), 0
        if entry_id in seats.given:
            outcome, rule = "SELECTED", seats.given[entry_id]
        elif quota == 0:
            outcome, rule = "REGION_FULL", "REGION_WITHOUT_SEATS"
        elif seats.is_full(entry_id):
            outcome, rule = "HOUSEHOLD_FULL", "HOUSEHOLD_LIMIT"
        elif reserves[region] < -(-quota * rules["reserve_percent"] // 100):  # rounded up
            outcome, rule = "RESERVE", "RESERVE_PLACE"
            reserves[region] += 1
            reserve = reserves[region]
        else:
            outcome, rule = "NOT_DRAWN", "AFTER_THE_LAST_PLACE"
        results.append((entry_id, tickets[entry_id], ranks[region], outcome, reserve, rule))
    return sorted(results)


def _seat_everybody(rules, in_order, households):
    """Walk passes 0 to 3; return who is seated, and by which rule."""
    seats = _Seats(in_order, households, rules["max_recipients_per_household"])
    quota, left = rules["quota"], Counter(rules["quota"])
    for entry_id, region, _, restored in seats.undecided():
        if restored and left[region] > 0:
            seats.give(entry_id, "RESTORED_SEAT")
            left[region] -= 1
    priority_left = rules["priority_seats"]
    for entry_id, region, priority, _ in seats.undecided():
        if priority and priority_left > 0 and left[region] > 0:
            seats.give(entry_id, "PRIORITY_SEAT")
            left[region] -= 1
            priority_left -= 1
    for entry_id, region, _, _ in seats.undecided():
        if left[region] > 0:
            seats.give(entry_id, "REGION_SEAT")
            left[region] -= 1
    spare = left.total() if rules["unused_seats"] == "pass_on" else 0
    for entry_id, region, _, _ in seats.undecided():
        if spare > 0 and quota.get(region, 0) > 0:
            seats.give(entry_id, "PASSED_ON_SEAT")
            spare -= 1
    return seats


class _Seats:
    """Who is seated by which rule (`given`), and which households are full."""

    def __init__(self, in_order, households, most):
        self._in_order, self._most, self.given = in_order, most, {}
        self._household = {entry_id: household for entry_id, household, _ in households}
        self._had = {household: before for _, household, before in households}

    def undecided(self):
        """Yield, in order, whoever has no seat and may have one when their turn comes."""
        return (each for each in self._in_order if each[0] not in self.given and not self.is_full(each[0]))

    def is_full(self, entry_id):
        household = self._household.get(entry_id)
        return household is not None and self._had[household] >= self._most

    def give(self, entry_id, rule):
        self.given[entry_id] = rule
        if household := self._household.get(entry_id):
            self._had[household] += 1


# ---- the files ----


def csv(names, rows):
    lines = [names, *([_cell(value) for value in row] for row in rows)]
    return "".join(",".join(line) + "\n" for line in lines).encode()


def counts_of(rules, entries):
    counts = {region: {"general": 0, "priority": 0, "restored": 0} for region in rules["quota"]}
    for _, region, priority, restored in entries:
        kind = "restored" if restored else "priority" if priority else "general"
        counts.setdefault(region, {"general": 0, "priority": 0, "restored": 0})[kind] += 1
    return counts


def commitment_of(rules, entries, households, promised):
    """Return the object of commitment.json; `promised` is what follows from no other file."""
    hashes = [leaf_hash(leaf(ENTRY, entry)) for entry in entries]
    return promised | {
        "spec": SPEC,
        "wave_id": rules["wave_id"],
        "root": root(hashes).hex(),
        "entry_count": len(entries),
        "counts": counts_of(rules, entries),
        "rules_sha256": sha256(canonical(rules)).hex(),
        "entries_sha256": sha256(csv(ENTRY, entries)).hex(),
        "households_sha256": sha256(csv(HOUSEHOLD, households)).hex(),
        "beacon_source": rules["beacon_source"],
    }


def bundle(rules, entries, households, commitment, told):
    """Return the seven files, name → bytes; `told` holds the `secrets` and the `beacon_signature` of draw.json."""
    promised = canonical(commitment)
    randomness = sha256(bytes.fromhex(told["beacon_signature"])) if rules["beacon_source"] else b""
    secrets = [bytes.fromhex(each["secret"]) for each in told["secrets"]]
    seed = seed_of(promised, secrets, randomness)
    wave = {"spec": SPEC, "wave_id": rules["wave_id"]}
    draw = wave | told | {"commitment_sha256": sha256(promised).hex(), "seed": seed.hex()}
    results = hold(rules, entries, households, seed)
    files = {
        "rules.json": canonical(rules),
        "entries.csv": csv(ENTRY, entries),
        "households.csv": csv(HOUSEHOLD, households),
        "commitment.json": promised,
        "draw.json": canonical(draw),
        "results.csv": csv(RESULT, results),
    }
    return files | {"manifest.json": manifest(wave, files, results)}


def manifest(wave, files, results):
    hashes = {name: sha256(content).hex() for name, content in files.items()}
    results_root = root([leaf_hash(leaf(RESULT, row)) for row in results]).hex()
    return canonical(wave | {"files": hashes, "results_root": results_root})


def _cell(value):
    return str(int(value)) if isinstance(value, bool) else str(value)


# ---- what one person holds ----


def receipt(wave_id, application_id, salt, entry, joined_at):
    """Return the object of a receipt; `entry` without its id, which follows from the rest; `salt` of 16 bytes."""
    told = b"gelombang-entry-3\0" + wave_id.encode() + b"\0" + salt + application_id.encode()
    entry_id = sha256(told).hex()[:32]
    return {
        "spec": SPEC,
        "wave_id": wave_id,
        "application_id": application_id,
        "salt": salt.hex(),
        "entry": dict(zip(ENTRY, (entry_id, *entry), strict=True)),
        "joined_at": joined_at,
    }


def result_document(files, entries, results, index):
    """Return the object of `results/ENTRY_ID.json` for the entry at `index` of the lists."""
    commitment, draw = json.loads(files["commitment.json"]), json.loads(files["draw.json"])
    entry_hashes = [leaf_hash(leaf(ENTRY, each)) for each in entries]
    result_hashes = [leaf_hash(leaf(RESULT, each)) for each in results]
    return {
        "spec": SPEC,
        "wave_id": commitment["wave_id"],
        "commitment_sha256": draw["commitment_sha256"],
        "entry_count": len(entries),
        "root": commitment["root"],
        "results_root": root(result_hashes).hex(),
        "index": index,
        "entry": dict(zip(ENTRY, entries[index], strict=True)),
        "entry_proof": [each.hex() for each in path(index, entry_hashes)],
        "result": dict(zip(RESULT, results[index], strict=True)),
        "result_proof": [each.hex() for each in path(index, result_hashes)],
        "seed": draw["seed"],
    }
