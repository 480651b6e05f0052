"""Write the test vectors of the draw again: `python -m tests.vectors.draw.make_vectors`.

Each folder holds the seven files of a bundle and, for some of its people, what each of them holds
(`receipts/ENTRY_ID.json`, `results/ENTRY_ID.json`). `vectors.json` says of each folder which commitment was published
and what a verifier must answer: `accepted`, or `refused` with a sentence about each of `places`. All of it is made by
tests/domain/draw_reference.py; names, numbers and secrets are invented, but for the beacon's round, which is drand's.
"""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

from tests.domain.draw_reference import (
    RESULT,
    SPEC,
    bundle,
    canonical,
    commitment_of,
    csv,
    hold,
    manifest,
    receipt,
    result_document,
    sha256,
)

HERE = Path(__file__).parent
RECEIPT_COUNT = 2  # of each bundle; all would be as good and only larger
ROUND_1000 = {  # of drand-quicknet
    "beacon_round": 1000,
    "beacon_signature": "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125"
    "e342b73a8dd2bacbe47e4b6b63ed5e39",
}


def main():
    """Write every vector and the list of them."""
    for folder in HERE.iterdir():
        if folder.is_dir() and folder.name != "__pycache__":
            shutil.rmtree(folder)
    listed = [*accepted_vectors(), *refused_vectors()]
    (HERE / "vectors.json").write_text(json.dumps(listed, indent=1) + "\n")


def accepted_vectors():
    """Write the draws that were held as promised; yield their lines of vectors.json."""
    for name, build in WAVES.items():
        made = build(random.Random(name))  # noqa: S311 - vectors are the same in every run
        write(name, made)
        yield {"name": name, "commitment": made["commitment"], "verdict": "accepted"}


def refused_vectors():
    """Write forgeries whose later files were all made to fit; yield their lines of vectors.json."""
    for name, (of, forge, places) in FORGERIES.items():
        made = WAVES[of](random.Random(of))  # noqa: S311
        forge(made)
        write(name, made)
        yield {"name": name, "commitment": made["commitment"], "verdict": "refused", "places": places}


def write(name, made):
    folder = HERE / name
    ids, documents = [entry[0] for entry in made["entries"]], {}
    for each in made["receipts"]:
        entry_id = each["entry"]["entry_id"]
        result = result_document(made["files"], made["entries"], made["results"], ids.index(entry_id))
        documents[f"receipts/{entry_id}.json"] = canonical(each)
        documents[f"results/{entry_id}.json"] = canonical(result)
    for path, content in (made["files"] | documents).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)


# ---- waves ----


def make(chance, regions, *, priority=0.0, restored=0.0, households=(), parties=("dinas",), **changes):
    """Return a wave that was drawn: `regions` maps region → entries, `households` lists (members, seats before)."""
    beacon = changes.pop("beacon", {"beacon_round": 0, "beacon_signature": ""})
    again = changes.pop("again", {"draw": 1, "replaces": "", "reason": "", "approvers": []})
    rules = rules_of(beacon_source="drand-quicknet" if beacon["beacon_round"] else "", **changes)
    receipts = [
        receipt(
            rules["wave_id"],
            f"aplikasi-{number:04d}",
            chance.randbytes(16),
            (region, chance.random() < priority, chance.random() < restored),
            f"2023-08-2{chance.randrange(1, 4)}T0{chance.randrange(10)}:00:00.000+07:00",
        )
        for number, region in enumerate([code for code, count in regions.items() for _ in range(count)])
    ]
    entries = sorted(tuple(each["entry"].values()) for each in receipts)
    rows = household_rows(chance, entries, households)
    secrets = [{"party": party, "secret": chance.randbytes(32).hex()} for party in parties]
    promised = again | {
        "eligibility_sha256": sha256(b"eligibility").hex(),
        "priority_list_sha256": sha256(b"priority list").hex() if priority else "",
        "code_sha256": sha256(b"release").hex(),
        "secrets": [
            {"party": each["party"], "sha256": sha256(bytes.fromhex(each["secret"])).hex()}
            for each in secrets
        ],
        "beacon_round": beacon["beacon_round"],
    }
    made = drawn(
        rules=rules, entries=entries, households=rows, promised=promised, secrets=secrets, beacon=beacon
    )
    return made | {"receipts": receipts[:RECEIPT_COUNT]}


def drawn(*, rules, entries, households, promised, secrets, beacon):
    told = {"secrets": secrets, "beacon_signature": beacon["beacon_signature"]}
    files = bundle(rules, entries, households, commitment_of(rules, entries, households, promised), told)
    results = hold(rules, entries, households, bytes.fromhex(json.loads(files["draw.json"])["seed"]))
    return {
        "rules": rules,
        "entries": entries,
        "households": households,
        "promised": promised,
        "secrets": secrets,
        "beacon": beacon,
        "files": files,
        "results": results,
        "commitment": sha256(files["commitment.json"]).hex(),
    }


def rules_of(**changes):
    return {
        "spec": SPEC,
        "wave_id": "contoh-1",
        "name": "Gelombang contoh ✓",
        "opens_at": "2023-08-21T00:00:00+07:00",
        "closes_at": "2023-08-23T20:00:00+07:00",  # three hours before drand's round 1000
        "rule_set": "prakerja-2023",
        "quota": {"3171": 4, "3578": 3, "9171": 2},
        "unused_seats": "stay",
        "priority_seats": 0,
        "reserve_percent": 20,
        "max_recipients_per_household": 2,
    } | changes


def household_rows(chance, entries, households):
    """Return the rows of households.csv: each household takes so many entries, anywhere, and has had so many seats."""
    free = chance.sample(entries, len(entries))
    rows = []
    for members, before in households:
        pseudonym = chance.randbytes(16).hex()
        rows += [(free.pop()[0], pseudonym, before) for _ in range(members)]
    return sorted(rows)


BUSY = {"3171": 9, "3578": 6, "9171": 1, "6471": 2}  # 9171 cannot fill its two seats; 6471 has none
AGAIN = {
    "draw": 2,
    "replaces": sha256(b"the first commitment").hex(),
    "reason": "Rahasia pihak kedua tidak pernah dibuka.",
    "approvers": ["ayu", "budi"],
}
WAVES = {
    "none": lambda chance: make(chance, BUSY),
    "beacon": lambda chance: make(
        chance, BUSY, beacon=ROUND_1000, parties=("dinas", "ombudsman", "universitas")
    ),
    "restored": lambda chance: make(chance, BUSY, restored=0.3, priority=0.3, priority_seats=2),
    "priority": lambda chance: make(chance, BUSY, priority=0.5, priority_seats=3, reserve_percent=100),
    "households": lambda chance: make(
        chance, BUSY, households=((4, 0), (3, 1), (1, 2), (2, 3)), priority=0.2, priority_seats=1
    ),
    "pass_on": lambda chance: make(
        chance,
        BUSY,
        quota={"3171": 4, "3578": 3, "9171": 5, "6471": 0},
        unused_seats="pass_on",
        households=((3, 1),),
        max_recipients_per_household=1,
    ),
    "redraw": lambda chance: make(
        chance, BUSY, again=AGAIN, beacon=ROUND_1000, parties=("dinas", "ombudsman")
    ),
    "empty": lambda chance: make(chance, {}),
    "alone": lambda chance: make(chance, {"9171": 1}),
}


# ---- forgeries ----


def forge_result(made):
    """Somebody who was not drawn takes the seat of somebody who was, and the manifest is made to fit."""
    results = made["results"]
    lost = next(i for i, row in enumerate(results) if row[3] == "NOT_DRAWN")
    won = next(i for i, row in enumerate(results) if row[3] == "SELECTED")
    results[lost], results[won] = (
        results[lost][:3] + results[won][3:],
        results[won][:3] + results[lost][3:],
    )
    files = made["files"] | {"results.csv": csv(RESULT, results)}
    del files["manifest.json"]
    wave = {"spec": SPEC, "wave_id": made["rules"]["wave_id"]}
    made["files"] = files | {"manifest.json": manifest(wave, files, results)}


def forge_entry(made):
    """An entry is moved to another region after the commitment was published; everything else is made to fit."""
    published = made["commitment"]
    entry_id, _, *listed = made["entries"][0]
    draw_again(made, entries=[(entry_id, "9171", *listed), *made["entries"][1:]])
    made["commitment"] = published


def forge_household(made):
    """From the start, the household of somebody is published whom the limit cannot touch."""
    known = {row[0] for row in made["households"]}
    free = next(entry[0] for entry in made["entries"] if entry[0] not in known)
    draw_again(made, households=sorted([*made["households"], (free, "0" * 32, 0)]))


def forge_secret(made):
    """Another secret than the promised one is told, and everything after it is made to fit."""
    draw_again(made, secrets=[made["secrets"][0] | {"secret": "ab" * 32}, *made["secrets"][1:]])


def draw_again(made, **changes):
    parts = {name: made[name] for name in ("rules", "entries", "households", "promised", "secrets", "beacon")}
    made |= drawn(**parts | changes)


FORGERIES = {
    "forged-result": ("households", forge_result, ["results.csv"]),
    "forged-entry": ("beacon", forge_entry, ["commitment.json"]),
    "forged-household": ("households", forge_household, ["households.csv"]),
    "forged-secret": ("redraw", forge_secret, ["draw.json"]),
}

if __name__ == "__main__":
    main()
