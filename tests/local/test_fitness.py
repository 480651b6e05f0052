"""The demo's faces are those in which the pack in use finds no fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from gelombang.domain.verdict import FaceOutcome, judge_face
from gelombang.journey.programme import load_programme
from local.faces import bundled_subjects
from local.fitness import _card_of, _evidence, fit_bundled, good_selfie
from local.scenario import FACES_NEEDED
from workers.gpu_face.models import load_pack
from workers.gpu_face.packs.build import build_pack

pytestmark = [pytest.mark.pack, pytest.mark.xdist_group("pack")]


def test_the_default_pack_finds_no_fault_in_any_bundled_selfie(monkeypatch):
    monkeypatch.delenv("GELOMBANG_PACK", raising=False)
    build_pack("default")
    pack = load_pack("default")
    point = load_programme("prakerja").operating_point(pack.release)

    subjects = fit_bundled(FACES_NEEDED)

    assert len(subjects) == FACES_NEEDED
    outcomes = [
        judge_face(_evidence(pack, good_selfie(each), _card_of(each)), point).outcome for each in subjects
    ]
    assert FaceOutcome.RETAKE not in outcomes


@pytest.mark.shared
def test_with_a_pack_that_sees_more_only_people_without_a_fault_are_cast(monkeypatch, tmp_path):
    weights = Path(__file__).resolve().parents[3] / "shared" / "models" / "permissive"
    if not weights.is_dir():
        pytest.skip("no folder shared/models/permissive beside the checkout")
    monkeypatch.setenv("GELOMBANG_PACK", "open")
    monkeypatch.setenv("GELOMBANG_PACKS", str(tmp_path))
    build_pack("open", weights)

    cast = [subject.label for subject in fit_bundled(8)]

    labels = [subject.label for subject in bundled_subjects(8)]
    assert "bundled-8" not in cast  # looks aside
    assert set(cast) < set(labels)
    assert cast[2] == labels[2]  # the one that is found even when spoiled keeps its place
    assert len(set(cast)) == len(cast) >= 4
