"""A gallery is filled for a new release from the photographs, goes on where it stopped, and never mixes releases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import cv2
import pytest

from gelombang.domain.application import Application, ApplicationId, Photo, PhotoStatus, Slot, State
from gelombang.domain.errors import DependencyError
from gelombang.journey import applications
from gelombang.journey.ports import Change, Delete
from gelombang.memory.ports import memory_world
from gelombang.memory.registers import MemoryRegisters
from gelombang.memory.rows import MemoryRows
from workers.gpu_face import reembed as command
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.packs.manifest import PackError, read_manifest
from workers.gpu_face.pipeline import FaceRequest, check_faces
from workers.gpu_face.reembed import Tally, enrolled_under, pack_of_release, reembed

pytestmark = [pytest.mark.pack, pytest.mark.xdist_group("pack")]

PEOPLE = ("ani", "budi", "citra")
OLD, NEW = "default-1", "default-2"


@pytest.fixture
def old_pack(default_pack):
    return replace(default_pack, release=OLD)


@pytest.fixture
def new_pack(default_pack):
    return replace(default_pack, release=NEW)


@pytest.fixture
def world(old_pack, selfies):
    """Three people with a selfie each, enrolled under the old release as its worker does it."""
    world = memory_world(MemoryRegisters([]))
    requests = [apply(world, name, jpeg(selfies[n])) for n, name in enumerate(PEOPLE)]
    check_faces(old_pack, Gallery(world.rows, OLD, vault=world.ports.vault), requests, world.clock.now())
    return world


def jpeg(picture) -> bytes:
    return cv2.imencode(".jpg", picture.pixels)[1].tobytes()


def apply(world, name: str, selfie: bytes) -> FaceRequest:
    """Put an application with its selfie where the command looks, and return its face request."""
    key, now = f"{name}/selfie/1", world.clock.now()
    photos = {Slot.KTP: Photo(), Slot.SELFIE: Photo(PhotoStatus.ACCEPTED, key)}
    applicant = Application(ApplicationId(name), "tag", "sealed", State.VERIFIED, now, now, photos=photos)
    applications.save(world.ports, applicant, "made_by_a_test")
    world.photos.keep(key, selfie)
    return FaceRequest(f"{name}-check", name, selfie, b"")


def test_everybody_enrolled_is_found_under_the_new_release(world, new_pack, selfies):
    advanced: list[int] = []

    tally = reembed(world.ports, new_pack, OLD, advanced.append)

    assert tally == Tally(enrolled=3)
    assert sum(advanced) == 3
    assert enrolled_under(world.rows, NEW) == list(PEOPLE)
    fresh = Gallery(world.rows, NEW, vault=world.ports.vault)
    probe = FaceRequest("x-check", "dewi", jpeg(selfies[1]), b"")
    (evidence,) = check_faces(new_pack, fresh, [probe], world.clock.now())
    assert evidence.model_release == NEW
    assert evidence.candidates[0].application_id == "budi"
    assert evidence.candidates[0].similarity == pytest.approx(1, abs=1e-3)


def test_done_again_it_changes_nothing(world, new_pack):
    reembed(world.ports, new_pack, OLD)
    before = world.rows.read_partition(f"GALLERY#{NEW}")

    assert reembed(world.ports, new_pack, OLD) == Tally(there_already=3)
    assert world.rows.read_partition(f"GALLERY#{NEW}") == before


def test_the_old_gallery_stays_as_it_is(world, new_pack):
    before = world.rows.read_partition(f"GALLERY#{OLD}")

    reembed(world.ports, new_pack, OLD)

    assert world.rows.read_partition(f"GALLERY#{OLD}") == before


@dataclass
class FailsAfter:
    """Rows that reach the table for so many commits and then no more."""

    rows: MemoryRows
    commits: int

    def __getattr__(self, name):
        return getattr(self.rows, name)

    def commit(self, changes: Sequence[Change]) -> None:
        if self.commits == 0:
            raise DependencyError("dynamodb")
        self.commits -= 1
        self.rows.commit(changes)


@pytest.mark.parametrize("commits", [0, 1, 2])
def test_stopped_anywhere_it_goes_on_with_who_is_missing(world, new_pack, commits):
    failing = replace(world.ports, rows=FailsAfter(world.rows, commits))
    with pytest.raises(DependencyError):
        reembed(failing, new_pack, OLD)

    tally = reembed(world.ports, new_pack, OLD)

    assert tally == Tally(enrolled=3 - commits, there_already=commits)
    assert sorted(enrolled_under(world.rows, NEW)) == list(PEOPLE)
    assert len(world.rows.read_partition(f"GALLERY#{NEW}")) == 3


def test_people_beyond_one_batch_are_all_enrolled(world, new_pack, monkeypatch):
    monkeypatch.setattr(command, "BATCH", 2)

    assert reembed(world.ports, new_pack, OLD).enrolled == 3


def test_who_is_erased_or_sends_a_new_selfie_is_left_to_the_next_face_check(world, new_pack):
    erased = world.rows.read(applications.application_key("ani"))
    world.rows.commit([Delete(erased.key, erased.version)])
    waiting = applications.load(world.ports, "budi")
    photo = Photo(PhotoStatus.AWAITED, "budi/selfie/2")
    applications.save(world.ports, replace(waiting, photos=waiting.photos | {Slot.SELFIE: photo}), "asked")

    tally = reembed(world.ports, new_pack, OLD)

    assert tally == Tally(enrolled=1, without_photograph=2)
    assert enrolled_under(world.rows, NEW) == ["citra"]


def test_who_was_erased_under_either_release_is_not_enrolled_again(world, new_pack):
    assert Gallery(world.rows, OLD, vault=world.ports.vault).erase("ani", world.clock.now())
    reembed(world.ports, new_pack, OLD)
    assert Gallery(world.rows, NEW, vault=world.ports.vault).erase("budi", world.clock.now())

    assert reembed(world.ports, new_pack, OLD).enrolled == 0
    assert enrolled_under(world.rows, NEW) == ["citra"]


def test_a_selfie_without_a_face_is_counted_and_not_enrolled(world, new_pack):
    world.photos.keep("ani/selfie/1", b"no picture at all")

    tally = reembed(world.ports, new_pack, OLD)

    assert tally == Tally(enrolled=2, without_face=1)


def test_what_a_worker_enrols_meanwhile_is_newer_and_stays(world, new_pack, selfies):
    reembed(world.ports, new_pack, OLD)

    newer = FaceRequest("ani-check-2", "ani", jpeg(selfies[5]), b"")
    check_faces(new_pack, Gallery(world.rows, NEW, vault=world.ports.vault), [newer], world.clock.now())

    stamps = [row.key.sort.split("#") for row in world.rows.read_partition(f"GALLERY#{NEW}")]
    ours = {name: datetime.fromisoformat(stamp) for stamp, name in stamps}
    assert ours["ani"] == world.clock.now().astimezone(UTC)
    assert ours["budi"] < ours["ani"]


def test_a_worker_never_sees_the_gallery_of_another_release(world, new_pack, selfies):
    gallery = Gallery(world.rows, NEW, vault=world.ports.vault)
    gallery.refresh(world.clock.now())
    twin = FaceRequest("x-check", "dewi", jpeg(selfies[0]), b"")

    (evidence,) = check_faces(new_pack, gallery, [twin], world.clock.now())

    assert evidence.candidates == ()
    assert enrolled_under(world.rows, NEW) == ["dewi"]
    assert enrolled_under(world.rows, OLD) == list(PEOPLE)


def test_a_gallery_is_not_filled_from_itself(world, old_pack):
    with pytest.raises(ValueError, match="there already"):
        reembed(world.ports, old_pack, OLD)


def test_a_release_that_no_pack_has_is_named():
    assert pack_of_release("open-3", "default") == "open"
    assert pack_of_release("default-3", "open") == "default"
    with pytest.raises(PackError, match="tidak-ada-9"):
        pack_of_release("tidak-ada-9", "default")


@pytest.mark.shared
def test_the_release_of_the_pack_that_workers_run_is_known_too(insightface_folder, monkeypatch):
    monkeypatch.setenv("GELOMBANG_PACK_FILES", str(insightface_folder()))

    assert pack_of_release(read_manifest("insightface").release, "insightface") == "insightface"
