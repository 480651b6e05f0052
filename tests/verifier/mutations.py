"""Seeded mutations of the draw's vectors: files damaged as they lie, and forgeries that all later files fit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from gelombang.domain.draw_bundle import BUNDLE
from tests.domain.draw_reference import (
    RESULT,
    SPEC,
    bundle,
    canonical,
    commitment_of,
    counts_of,
    csv,
    hold,
    manifest,
    sha256,
)

VECTORS = Path(__file__).parents[1] / "vectors/draw"
LISTED = json.loads((VECTORS / "vectors.json").read_text())
OF_RULES = {
    "spec",
    "wave_id",
    "root",
    "entry_count",
    "counts",
    "beacon_source",
}  # what follows from other files
OF_FILES = {"rules_sha256", "entries_sha256", "households_sha256"}


@dataclass(frozen=True)
class Mutation:
    """A bundle that must be refused, naming `place`: a file, and its line if one can be known."""

    kind: str
    files: dict
    commitment: str
    place: str
    line: int = 0

    def is_named_by(self, difference):
        if self.line:
            return (difference["file"], difference["line"]) == (self.place, self.line)
        hashed = self.place.removesuffix(".csv").removesuffix(".json") + "_sha256"
        members = {f"files.{self.place}", hashed}
        return difference["file"] == self.place or difference["member"] in members


def vector(name):
    return {file: (VECTORS / name / file).read_bytes() for file in BUNDLE}


def mutations(chance, count, without=("empty",)):
    """Yield `count` mutations of all kinds, of the accepted vectors that are not named in `without`."""
    accepted = [each for each in LISTED if each["verdict"] == "accepted" and each["name"] not in without]
    kinds = [*DAMAGES, *FORGERIES]
    made = 0
    while made < count:
        listed, kind = chance.choice(accepted), kinds[made % len(kinds)]
        change = (DAMAGES | FORGERIES)[kind]
        files = vector(listed["name"])
        if kind in DAMAGES:
            mutation = _damage(chance, kind, change, files, listed["commitment"])
        else:
            mutation = _forge(chance, kind, change, files, listed["commitment"])
        if mutation and mutation.files != files:
            made += 1
            yield mutation


# ---- damage ----


def _damage(chance, kind, change, files, commitment):
    file = chance.choice(BUNDLE)
    return Mutation(kind, files | {file: change(chance, files[file])}, commitment, file)


def flip(chance, content):
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]


def delete(chance, content):
    at, many = chance.randrange(len(content)), chance.choice((1, 1, 2, 40))
    return content[:at] + content[at + many :]


def delete_line(chance, content):
    lines = content.splitlines(keepends=True)
    lines.pop(chance.randrange(len(lines)))
    return b"".join(lines)


def reorder(chance, content):
    lines = content.splitlines(keepends=True)
    i, j = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[i], lines[j] = lines[j], lines[i]
    return b"".join(lines)


def duplicate(chance, content):
    lines = content.splitlines(keepends=True)
    i = chance.randrange(len(lines))
    return b"".join([*lines[: i + 1], *lines[i:]])


def truncate(chance, content):
    return content[: chance.randrange(len(content))]


def append(chance, content):
    return content + chance.choice((b"\n", b" ", b"\0", b"\r\n", b"0", content[-45:]))


def swap_values(chance, content):
    """Two values change places, in a column of a table or among an object's members."""
    if content.startswith(b"{"):
        value = json.loads(content)
        one, other = chance.sample(sorted(value), 2)
        value[one], value[other] = value[other], value[one]
        return canonical(value)
    rows = [line.split(b",") for line in content.splitlines()]
    if len(rows) < 3:
        return content
    (i, j), column = chance.sample(range(1, len(rows)), 2), chance.randrange(len(rows[0]))
    rows[i][column], rows[j][column] = rows[j][column], rows[i][column]
    return b"".join(b",".join(row) + b"\n" for row in rows)


def change_case(chance, content):
    """The same in other letters: hex in capitals, or a number with a zero before it."""
    return content.upper() if chance.random() < 0.5 else content.replace(b",1,", b",01,", 1)


DAMAGES = {
    each.__name__: each
    for each in (
        *(flip, delete, delete_line, reorder, duplicate, truncate, append, swap_values),
        change_case,
    )
}


# ---- forgeries ----


def _forge(chance, kind, change, files, published):
    parts = Parts(files)
    place, line = change(chance, parts)
    return place and Mutation(kind, parts.files, parts.published or published, place, line)


class Parts:
    """A bundle taken apart, to be changed and made to fit again."""

    def __init__(self, files):
        self.files, self.published = files, None
        self.rules, self.commitment, self.draw = (
            json.loads(files[name]) for name in ("rules.json", "commitment.json", "draw.json")
        )
        self.entries = [
            (entry_id, region, priority == "1", restored == "1")
            for entry_id, region, priority, restored in _rows(files["entries.csv"])
        ]
        self.households = [
            (entry_id, household, int(before))
            for entry_id, household, before in _rows(files["households.csv"])
        ]

    def draw_again(self, **commitment):
        """Make every file fit what is changed, as whoever holds the draw could: the commitment gets another hash."""
        follows = OF_RULES | OF_FILES
        promised = {name: value for name, value in self.commitment.items() if name not in follows}
        made = commitment_of(self.rules, self.entries, self.households, promised) | commitment
        told = {name: self.draw[name] for name in ("secrets", "beacon_signature")}
        self.files = bundle(self.rules, self.entries, self.households, made, told)

    def publish_commitment(self):
        """Let the commitment that is there now be the one that was published: the forger had planned ahead."""
        self.published = sha256(self.files["commitment.json"]).hex()

    def results(self):
        return hold(self.rules, self.entries, self.households, bytes.fromhex(self.draw["seed"]))

    def publish(self, results):
        """Publish other results, with a manifest that fits them."""
        files = self.files | {"results.csv": csv(RESULT, results)}
        del files["manifest.json"]
        wave = {"spec": SPEC, "wave_id": self.rules["wave_id"]}
        self.files = files | {"manifest.json": manifest(wave, files, results)}


def _rows(content):
    return [line.split(",") for line in content.decode().splitlines()[1:]]


def ghost(chance, parts):
    parts.entries = sorted([*parts.entries, (chance.randbytes(16).hex(), "3171", False, False)])
    parts.draw_again()
    return "commitment.json", 0


def left_out(chance, parts):
    gone = parts.entries.pop(chance.randrange(len(parts.entries)))
    parts.households = [row for row in parts.households if row[0] != gone[0]]
    parts.draw_again()
    return "commitment.json", 0


def other_entry(chance, parts):
    i = chance.randrange(len(parts.entries))
    entry_id, region, priority, restored = parts.entries[i]
    parts.entries[i] = chance.choice(
        (
            (entry_id, "3578" if region == "3171" else "3171", priority, restored),
            (entry_id, region, not priority, restored),
            (entry_id, region, priority, not restored),
        )
    )
    parts.draw_again()
    return "commitment.json", 0


def other_quota(chance, parts):
    region = chance.choice(sorted(parts.rules["quota"]))
    parts.rules["quota"] = parts.rules["quota"] | {region: parts.rules["quota"][region] + 1}
    parts.draw_again()
    return "commitment.json", 0


def other_rules(chance, parts):
    name, value = chance.choice(
        (
            *(("priority_seats", 9), ("reserve_percent", 33), ("max_recipients_per_household", 3)),
            ("closes_at", "2023-08-23T21:00:00+07:00"),
        )
    )
    parts.rules[name] = value
    parts.draw_again()
    return "commitment.json", 0


def other_promise(chance, parts):
    """The release, the list or what they were checked by is another than was promised."""
    name = chance.choice(("code_sha256", "eligibility_sha256", "priority_list_sha256"))
    parts.draw_again(**{name: chance.randbytes(32).hex()})
    return "commitment.json", 0


def other_count(chance, parts):
    """The counts tell of one entry too many, from the published commitment on."""
    counts = counts_of(parts.rules, parts.entries)
    region = chance.choice(sorted(counts))
    counts[region]["general"] += 1
    parts.draw_again(counts=counts)
    parts.publish_commitment()
    return "commitment.json", 0


def other_secret(chance, parts):
    i = chance.randrange(len(parts.draw["secrets"]))
    parts.draw["secrets"][i]["secret"] = chance.randbytes(32).hex()
    promised = parts.commitment
    parts.draw_again()
    assert json.loads(parts.files["commitment.json"]) == promised
    return "draw.json", 0


def other_seed(chance, parts):
    """A seed out of the air, to which results and manifest fit."""
    parts.draw["seed"] = chance.randbytes(32).hex()
    parts.files = parts.files | {"draw.json": canonical(parts.draw)}
    parts.publish(parts.results())
    return "draw.json", 0


def other_result(chance, parts):
    results = parts.results()
    i = chance.randrange(len(results))
    row = dict(zip(RESULT, results[i], strict=True))
    name = chance.choice(RESULT[1:])
    row[name] = {
        "ticket": chance.randbytes(32).hex(),
        "rank": row["rank"] + 1,
        "outcome": "SELECTED" if row["outcome"] != "SELECTED" else "NOT_DRAWN",
        "reserve": row["reserve"] + 1,
        "rule": "REGION_SEAT" if row["rule"] != "REGION_SEAT" else "PRIORITY_SEAT",
    }[name]
    results[i] = tuple(row.values())
    parts.publish(results)
    return "results.csv", i + 2


def swapped_results(chance, parts):
    """Two people change places, ticket and all."""
    results = parts.results()
    if len(results) < 2:
        return None, 0
    i, j = chance.sample(range(len(results)), 2)
    results[i], results[j] = results[i][:1] + results[j][1:], results[j][:1] + results[i][1:]
    parts.publish(results)
    return "results.csv", i + 2


def lost_result(chance, parts):
    results = parts.results()
    results.pop(chance.randrange(len(results)))
    parts.publish(results)
    return "results.csv", 0


def by_ticket(chance, parts):  # noqa: ARG001 - as every forgery
    """The results in the order of their tickets: nothing else is wrong with them."""
    results = sorted(parts.results(), key=lambda row: row[1])
    if results == parts.results():
        return None, 0
    parts.publish(results)
    return "results.csv", 0


def other_household(chance, parts):
    """A family is broken in two, or somebody is put into it."""
    if not parts.households:
        return None, 0
    i = chance.randrange(len(parts.households))
    entry_id, _, before = parts.households[i]
    parts.households[i] = (entry_id, chance.randbytes(16).hex(), before + 9)
    parts.draw_again()
    return "commitment.json", 0


def stranger_in_a_household(chance, parts):
    """From the published commitment on everything fits; but the household is of nobody who joined."""
    stranger = (chance.randbytes(16).hex(), chance.randbytes(16).hex(), 9)
    parts.households = sorted([*parts.households, stranger])
    parts.draw_again()
    parts.publish_commitment()
    return "households.csv", parts.households.index(stranger) + 2


FORGERIES = {
    each.__name__: each
    for each in (
        *(ghost, left_out, other_entry, other_quota, other_rules, other_promise, other_count, other_secret),
        *(other_seed, other_result, swapped_results, lost_result, by_ticket, other_household),
        stranger_in_a_household,
    )
}
