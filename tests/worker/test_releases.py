"""Model releases are swapped under way: whoever was measured before stays judged as then, and nobody is mixed up."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
from aws_lambda_powertools import Logger

from gelombang.domain.application import Slot, State
from gelombang.domain.checks import Layer
from gelombang.domain.errors import DependencyError
from gelombang.domain.messages import message_to_json
from gelombang.journey import explanation, reconciliation, registration
from gelombang.journey.programme import load_programme
from gelombang.journey.staff import Staff
from local.cards import photograph_card, render_card
from local.faces import another_selfie, bundled_subjects, good_selfie
from tests.journey.walking import Walk, begin, citizen
from workers.gpu_face.batching import BatchLimits
from workers.gpu_face.consumer import Worker, work_once
from workers.gpu_face.gallery import Gallery
from workers.gpu_face.models import Pack
from workers.gpu_face.pipeline import check_faces
from workers.gpu_face.poison import unmeasured_evidence
from workers.gpu_face.reembed import Tally, reembed
from workers.gpu_face.sources import MemorySource

pytestmark = [pytest.mark.pack, pytest.mark.xdist_group("pack")]
AUDITOR = Staff("agus", "auditor")
BEFORE = "before-1"


@pytest.fixture(scope="module")
def packs(default_pack):
    """A release before, which saw each face once, and the one now."""
    once = default_pack.embedder.spec.model_copy(update={"mirrored": False})
    embedder = replace(default_pack.embedder, spec=once)
    return replace(default_pack, release=BEFORE, embedder=embedder), default_pack


@dataclass
class Service(Walk):
    """A walk with real photographs, whose face requests a real worker answers: the one of the pack in use."""

    pack: Pack = field(kw_only=True)

    def apply(self, number: int, selfie: bytes, portrait) -> str:
        """Walk the n-th citizen, with this selfie and a card that bears this portrait, to the submission."""
        person = citizen(number)
        name = self.sign_in(f"+62812345678{number:02}")
        self.fill(name, person)
        self.send_photo(name, Slot.SELFIE, selfie)
        self.send_photo(name, Slot.KTP, photograph_card(render_card(person, portrait), seed=number))
        registration.submit(self.ports, name)
        return name

    def answer(self, asked) -> None:
        """Start a worker on the pack in use, as after a restart, and let it answer."""
        source = MemorySource([message_to_json(asked)])
        gallery = Gallery(self.ports.rows, self.pack.release, vault=self.ports.vault)
        worker = Worker(
            self.ports,
            source,
            partial(check_faces, self.pack, gallery),
            partial(unmeasured_evidence, self.pack.release, self.pack.runtime),
            BatchLimits(count=10, age_s=0, poll_s=0),
            60.0,
            _silent_logger(),
        )
        work_once(worker, source.receive(10, 0))
        assert len(source) == 0

    def face_story(self, name: str):
        return explanation.explain(self.ports, self.programme, AUDITOR, name).faces[-1]


def _silent_logger() -> Logger:
    logger = Logger(service="releases-test", stream=io.StringIO())
    logging.getLogger("releases-test").setLevel(logging.CRITICAL)
    return logger


@pytest.fixture
def service(packs):
    """A service on the release before, that knows both releases' operating points and three citizens."""
    walk, programme = begin(*(citizen(number) for number in (1, 2, 3))), load_programme("prakerja")
    before = replace(programme.operating_point(packs[1].release), release=BEFORE, match_min=0.9)
    points = programme.operating_points | {BEFORE: before}
    return Service(walk.world, walk.registers, replace(programme, operating_points=points), pack=packs[0])


def test_a_swapped_release_judges_by_its_own_point_and_knows_everybody_from_before(service, packs):
    before, now = packs
    ani, budi = bundled_subjects(2)
    first = service.apply(1, good_selfie(ani), ani.portrait)
    service.deliver()

    tally = reembed(service.ports, now, before.release)
    service.pack = now
    second = service.apply(2, good_selfie(budi), budi.portrait)
    again = service.apply(3, another_selfie(ani), ani.portrait)
    service.deliver()

    assert tally == Tally(enrolled=1)
    for name, pack in ((first, before), (second, now)):
        application, told = service.application(name), service.face_story(name)
        assert application.state is State.VERIFIED
        assert application.checks[Layer.FACE].list_version == pack.release
        assert (told.model_release, told.operating_point) == (pack.release, pack.release)
    assert service.face_story(first).match_min != service.face_story(second).match_min
    assert service.application(again).state is State.IN_REVIEW
    assert service.face_story(again).candidates == (first,)


def test_going_back_is_starting_the_old_worker_and_filling_its_gallery_with_who_came_since(service, packs):
    before, now = packs
    ani, _ = bundled_subjects(2)
    service.pack = now
    first = service.apply(1, good_selfie(ani), ani.portrait)
    service.deliver()

    service.pack = before
    tally = reembed(service.ports, before, now.release)
    again = service.apply(2, another_selfie(ani), ani.portrait)
    service.deliver()

    assert tally == Tally(enrolled=1)
    assert service.face_story(again).model_release == before.release
    assert service.face_story(again).candidates == (first,)


def test_evidence_of_a_release_without_an_operating_point_waits_until_it_has_one(service, packs):
    ani, _ = bundled_subjects(2)
    unknown = replace(packs[0], release="bought-1")
    service.pack = unknown
    name = service.apply(1, good_selfie(ani), ani.portrait)
    with pytest.raises(DependencyError, match="operating_points/bought-1"):
        service.deliver()
    assert service.application(name).state is State.CHECKING

    point = replace(service.programme.operating_point(packs[0].release), release="bought-1")
    points = service.programme.operating_points | {"bought-1": point}
    service.programme = replace(service.programme, operating_points=points)
    service.world.clock.advance(minutes=16)
    reconciliation.reconcile(service.ports)
    service.deliver()

    assert service.application(name).state is State.VERIFIED
    assert service.face_story(name).operating_point == "bought-1"
