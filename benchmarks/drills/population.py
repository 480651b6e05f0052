"""People in every state for the report of retention: each walked there by the journey itself, in a world in memory.

The galleries are the worker's own code on the same rows; the faces in them are random vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from gelombang.domain.application import PhotoStatus, Slot, State
from gelombang.domain.errors import NotFoundError
from gelombang.domain.review import ReviewDecision
from gelombang.domain.wave import definition_from_json
from gelombang.journey import restriction, resumable, selection
from gelombang.journey.evidence import evidence_key, face_checks_of
from gelombang.journey.registration import seal_context
from gelombang.memory.registers import SOURCES, Citizen
from tests.journey.reviewers import decide
from tests.journey.walking import JPEG, RELEASE, SPOILED, Walk, begin, citizen
from tests.journey.waves import run_step
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.search.engine import Int8Engine

STEPS = ("freeze", "commit", "draw", "publish")
DIMENSIONS = 16


@dataclass
class Population:
    """The world, who was brought where, and what was sealed of everybody then, as an old backup has it."""

    walk: Walk
    gallery: Gallery
    groups: dict[str, list[str]] = field(default_factory=dict)  # state, or "restricted"
    people: dict[str, Citizen] = field(default_factory=dict)  # by application
    backup: dict[str, dict[str, str]] = field(default_factory=dict)  # by application: field to sealed text
    phones: dict[str, str] = field(default_factory=dict)  # by application: the tag of its phone
    refused: dict[str, list[str]] = field(default_factory=dict)  # by application: keys of refused photographs
    uploads: dict[str, list[str]] = field(default_factory=dict)  # by application: its uploads in chunks


def populate(each: int) -> Population:
    """Return a world with `each` people wherever the journey can leave somebody, and as many restricted."""
    walk = begin(*(citizen(number) for number in range(1, 11 * each + 1)))
    world = Population(walk, Gallery(walk.ports.rows, RELEASE, vault=walk.ports.vault, engine=Int8Engine()))
    _open_wave(walk, "gelombang-1", each, timedelta(days=2))
    _bring(world, State.DRAFT, each, _draft)
    _bring(world, State.NEEDS_PHOTO, each, _needs_photo)
    _bring(world, State.IN_REVIEW, each, _doubted)
    _bring(world, State.NOT_ELIGIBLE, each, _refused)
    _bring(world, "restricted", each, _refused)
    _bring(world, State.VERIFIED, each, Walk.submit)
    _bring(world, "drawn", 3 * each, Walk.submit)
    for name in world.groups["drawn"]:
        selection.join(walk.ports, name, "gelombang-1")
    selection.ask_step(walk.ports, "gelombang-1", "close", "operator")
    for step in STEPS:
        run_step(walk.ports, "gelombang-1", step)
    for name in world.groups.pop("drawn"):
        world.groups.setdefault(walk.application(name).state, []).append(name)
    _open_wave(walk, "gelombang-2", each, timedelta(days=8000))
    _bring(world, State.JOINED, each, Walk.submit)
    for name in world.groups[State.JOINED]:
        selection.join(walk.ports, name, "gelombang-2")
    for name in world.groups["restricted"]:
        restriction.restrict(walk.ports, name)
    walk.registers.fail(next(iter(SOURCES.values())))
    _bring(world, State.CHECKING, each, Walk.submit)
    world.gallery.refresh(walk.world.clock.now())
    return world


def left_of(world: Population, application_id: str) -> dict[str, bool]:
    """Return by kind whether any of it is still there, looked for where it lies and not where it is noted."""
    ports, application = world.walk.ports, world.walk.application(application_id)
    stored = [*world.walk.world.photos.kept, *world.walk.world.photos.quarantine]
    enrolled = ports.rows.read_partition(f"GALLERY#{RELEASE}")
    return {
        "refused_photographs": any(key in stored for key in world.refused[application_id]),
        "photographs": any(key.startswith(f"{application_id}/") for key in stored)
        or any(ports.rows.read_partition(f"UPLOAD#{each}") for each in world.uploads[application_id]),
        "face": any(
            row.key.sort.endswith(f"#{application_id}") and "vector" in row.fields for row in enrolled
        )
        or application_id in _found_by(world, application_id)
        or any(ports.rows.read(evidence_key(each)) for each in face_checks_of(application)),
        "notes": any(
            answer["note"]
            for number in range(1, application.submission + 1)
            for row in ports.rows.read_partition(f"REVIEW#case-{application_id}-{number}")
            for answer in row.fields["answers"]
        ),
        "contact": bool(application.sealed_phone or application.sealed_email)
        or bool(ports.rows.read_partition(f"PHONE#{world.phones[application_id]}")),
        "person": bool(application.form or application.draft) or opens(world, application_id),
    }


def opens(world: Population, application_id: str) -> bool:
    """Say whether anything sealed of somebody, in whatever copy of the table, can still be opened."""
    for name, sealed in world.backup[application_id].items():
        try:
            world.walk.ports.vault.open(sealed, seal_context(application_id, name))
        except NotFoundError:
            continue
        return True
    return False


def face_of(application_id: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Return somebody's face: a vector of their own, (DIMENSIONS,) float32, unit length."""
    vector = np.random.default_rng(list(application_id.encode())).normal(size=DIMENSIONS)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _found_by(world: Population, application_id: str) -> list[str]:
    (candidates,) = world.gallery.search(face_of(application_id)[None], ["a stranger"])
    return [candidate.application_id for candidate in candidates]


def _bring(world: Population, group: str, count: int, come: Callable[[Walk, Citizen, str], str]) -> None:
    """Bring some people to where they belong, five hours after those before, and enrol whoever was measured."""
    walk = world.walk
    world.groups[group] = []
    for number in range(len(world.people) + 1, len(world.people) + count + 1):
        name = come(walk, citizen(number), f"+62812{number:08d}")
        world.people[name] = citizen(number)
        world.groups[group].append(name)
    walk.deliver()
    for name in world.groups[group]:
        application = walk.application(name)
        world.phones[name] = application.phone_tag
        world.backup[name] = dict(application.form.sealed if application.form else application.draft)
        photos = application.photos.values()
        world.refused[name] = [photo.key for photo in photos if photo.status is PhotoStatus.REFUSED]
        named = walk.ports.rows.read_partition(f"APPLICATION#{name}", "UPLOAD#")
        world.uploads[name] = [row.key.sort.removeprefix("UPLOAD#") for row in named]
        if any(walk.ports.rows.read(evidence_key(each)) for each in face_checks_of(application)):
            world.gallery.enrol(name, face_of(name), walk.world.clock.now())
    walk.world.clock.advance(hours=5)


def _draft(walk: Walk, person: Citizen, phone: str) -> str:
    name = walk.sign_in(phone)
    walk.fill(name, person)
    walk.send_photo(name, Slot.KTP)
    upload = resumable.begin_upload(walk.ports, name, Slot.SELFIE, 8192, "image/jpeg")
    resumable.append_chunk(walk.ports, name, upload.upload_id, 0, JPEG.ljust(4096))
    return name


def _needs_photo(walk: Walk, person: Citizen, phone: str) -> str:
    name = walk.submit(person, phone)
    walk.selfies[name] = SPOILED
    return name


def _doubted(walk: Walk, person: Citizen, phone: str) -> str:
    name = walk.submit(person, phone)
    walk.similarity[name] = 0.1
    return name


def _refused(walk: Walk, person: Citizen, phone: str) -> str:
    name = _doubted(walk, person, phone)
    walk.deliver()
    decide(walk.ports, name, ReviewDecision.REFUSE, f"{person.name} is not on the card")
    return name


def _open_wave(walk: Walk, wave_id: str, seats: int, lasting: timedelta) -> None:
    now = walk.world.clock.now()
    wave = {
        "wave_id": wave_id,
        "name": wave_id,
        "opens_at": now.isoformat(),
        "closes_at": (now + lasting).isoformat(),
        "quota": {"3171": seats},
        "rule_set": "2023",
        "reserve_percent": 100,
    }
    selection.open_wave(walk.ports, definition_from_json(wave), "operator")
