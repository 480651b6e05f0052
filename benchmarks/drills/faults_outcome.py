"""The five people of the whole journey in one world, and what came of them: all that two runs are compared by."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from benchmarks.drills.faults_checks import broken, table_of, unfinished
from benchmarks.drills.faults_client import Person
from benchmarks.drills.faults_world import AwsWorld
from tests.journey.walking import citizen

PEOPLE = ("siti", "budi", "tani", "dewi", "eko")
NUMBERS = {"siti": 1, "budi": 2, "tani": 1, "dewi": 3, "eko": 4}
ROUNDS_MIN = (1, 1, 1, *[8] * 10)  # minutes between two looks at whether all is quiet
Json = dict[str, Any]  # what is compared between two runs


@dataclass(slots=True)
class Drill:
    """The world, and the people in it."""

    world: AwsWorld
    people: dict[str, Person] = field(
        default_factory=lambda: {
            name: Person(citizen(NUMBERS[name]), f"+62812345678{number:02d}")
            for number, name in enumerate(PEOPLE)
        }
    )

    def settle(self) -> None:
        """Let AWS deliver and the clock go on until nothing is left to do, or nothing helps."""
        quiet_count = 0
        for minutes in ROUNDS_MIN:
            self.world.deliver()
            self.world.clock.advance(minutes=minutes)
            self.world.tick()
            quiet_count += not self.world.waiting() and not _left(self.world)
            if (
                quiet_count > 1
            ):  # erasures are on no list of what must be done by now; a round may have failed
                return


def shape_of(drill: Drill) -> Json:
    """Return what came of everybody, in a form that two runs can be compared by: no ids, no times."""
    table = table_of(drill.world.rows())
    names = {person.name: who for who, person in drill.people.items() if person.name}
    shape: Json = {
        names.get(name, "?"): _shape_of_one(one, len(table.evidence_of(name)))
        for name, one in table.applications.items()
    }
    shape["niks"] = sorted(names.get(name, "?") for name in table.niks)
    shape["seats"] = dict(table.seats)
    shape["entries"] = sum(bool(each) for entries in table.entries.values() for each in entries.values())
    shape["told"] = sorted(_notices(drill.world))
    return shape


def faults_in(drill: Drill) -> list[str]:
    """Return what is wrong now that all should be quiet."""
    table = table_of(drill.world.rows())
    return [*broken(table), *_left(drill.world), *drill.world.log.surprises, *_twice_told(drill.world)]


def _left(world: AwsWorld) -> list[str]:
    return [fault for fault in unfinished(table_of(world.rows())) if "erasures" not in fault]


def _shape_of_one(one: Json, evidence_count: int) -> Json:
    checks = {layer: check["outcome"] for layer, check in one["checks"].items()}
    photos = {slot: photo["status"] for slot, photo in one["photos"].items()}
    kept = {name: one[name] for name in ("state", "submission", "reasons", "wave_id", "restricted_at")}
    return {**kept, "checks": checks, "photos": photos, "evidence": evidence_count}


def _notices(world: AwsWorld) -> set[tuple[str, str]]:
    """Return who was told what, codes left out."""
    return {(phone, text) for phone, text in world.texts() if "Kode Anda" not in text}


def _twice_told(world: AwsWorld) -> list[str]:
    counts = Counter(world.texts())
    return [
        f"told {count} times: {text[:30]}" for (_, text), count in counts.items() if count > world.most_told
    ]
