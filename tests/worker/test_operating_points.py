"""Thresholds are found from similarities as they are said to be, and every pack has its operating point."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.accuracy.comparisons import Comparisons, across, within
from benchmarks.accuracy.people import Measured, as_ktp
from gelombang.domain.face_evidence import MEASURES
from gelombang.domain.reasons import Reason
from workers.gpu_face.faces import Subject
from workers.gpu_face.packs.manifest import pack_names, read_manifest

POINTS = Path(__file__).resolve().parents[2] / "programmes" / "prakerja" / "operating_points"


def comparisons(mated, non_mated):
    return Comparisons(np.array(mated, np.float32), np.array(non_mated, np.float32))


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=300), st.sampled_from([0.0, 0.01, 0.1, 0.5]))
def test_a_threshold_never_lets_more_strangers_pass_than_asked_for(similarities, fmr):
    found = comparisons([1.0], similarities)

    assert found.fmr(found.threshold_at(fmr)) <= fmr


def test_a_threshold_is_no_higher_than_it_must_be():
    found = comparisons([0.3, 0.9], np.linspace(0, 0.99, 100))

    threshold = found.threshold_at(0.1)

    assert threshold == pytest.approx(0.8901, abs=2e-4)
    assert found.fmr(threshold) == pytest.approx(0.1)
    assert found.fnmr(threshold) == 0.5


def measured(people, vectors):
    embeddings = np.array(vectors, np.float32)
    return Measured(np.array(people), np.arange(len(people)), [], [], embeddings, len(people))


def test_a_photograph_is_never_compared_with_its_own_portrait():
    one = measured(["ani", "ani", "budi"], [(1, 0), (0.8, 0.6), (0, 1)])

    found = across(one, one)

    assert sorted(found.mated) == pytest.approx([0.8, 0.8])
    assert sorted(found.non_mated) == pytest.approx([0, 0, 0.6, 0.6])


def test_within_a_set_every_pair_counts_once():
    found = within(measured(["ani", "ani", "budi"], [(1, 0), (0.8, 0.6), (0, 1)]))

    assert sorted(found.mated) == pytest.approx([0.8])
    assert sorted(found.non_mated) == pytest.approx([0, 0.6])


def test_a_drawn_card_is_a_ktp_picture_with_the_portrait_in_place():
    portrait = np.full((250, 250, 3), 10, np.uint8)

    card = as_ktp(portrait)

    assert card.subject is Subject.KTP
    assert card.pixels[110, 370].mean() == pytest.approx(10, abs=3)
    assert card.pixels[110, 100].mean() > 150


@pytest.mark.parametrize("name", pack_names())
def test_every_pack_has_a_point_whose_limits_are_on_known_faults_and_measures(name):
    pack = read_manifest(name)

    point = json.loads((POINTS / f"{pack.release}.json").read_text("utf-8"))

    assert point["release"] == pack.release
    assert point["match_min"] < point["duplicate_min"]
    assert (point["live_min"] is None) == (not pack.liveness)
    for limits in (point["faults"], point["ktp_faults"]):
        assert set(limits) <= set(Reason)
        assert {limit["measure"] for limit in limits.values()} <= set(MEASURES)
        assert not set(limits) & set(pack.not_assessed)


@pytest.mark.parametrize("name", pack_names())
def test_a_point_says_how_it_was_found(name):
    point = json.loads((POINTS / f"{read_manifest(name).release}.json").read_text("utf-8"))

    for word in ("--pack", "FMR", "FNMR", "FTA", "mated"):
        assert word in point["set_by"]


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
@pytest.mark.usefixtures("default_pack")
def test_measuring_a_folder_prints_rates_and_changes_no_file_unasked(selfies, tmp_path):
    for person, picture in enumerate(selfies):
        (tmp_path / f"person-{person}").mkdir()
        for photo, gain in enumerate((1.0, 0.8)):
            pixels = cv2.convertScaleAbs(picture.pixels, alpha=gain)
            cv2.imwrite(str(tmp_path / f"person-{person}" / f"{photo}.png"), pixels)
    before = (POINTS / "default-1.json").read_bytes()

    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.accuracy.operating_points", "--faces", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=POINTS.parents[2],
    )

    assert "16 photographs of 8 people" in result.stdout
    assert "EYES_CLOSED" not in result.stdout
    assert (POINTS / "default-1.json").read_bytes() == before
