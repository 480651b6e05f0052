"""Thresholds and rates are found from similarities as they are said to be, and every pack has its operating point."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.accuracy import crop_trials
from benchmarks.accuracy.comparisons import Comparisons, across, search_rates, within
from benchmarks.accuracy.operating_points import first_point, live_threshold, set_thresholds, write_point
from benchmarks.accuracy.people import Measured, as_ktp, halves
from gelombang.domain.face_evidence import MEASURES
from gelombang.domain.reasons import Reason
from gelombang.journey.programme import read_programme
from workers.gpu_face.faces import Subject
from workers.gpu_face.packs.manifest import pack_names, read_manifest

POINTS = Path(__file__).resolve().parents[2] / "programmes" / "prakerja" / "operating_points"


def comparisons(mated, non_mated):
    """Return pairs of which each mated one is a person of its own, and each non-mated one two more."""
    of_mated, others = np.arange(len(mated)), len(mated) + np.arange(2 * len(non_mated)).reshape(-1, 2)
    people = len(mated) + 2 * len(non_mated)
    return Comparisons(np.array(mated, np.float32), of_mated, np.array(non_mated, np.float32), others, people)


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=300), st.sampled_from([0.0, 0.01, 0.1, 0.5]))
def test_a_threshold_never_lets_more_strangers_pass_than_asked_for(similarities, fmr):
    found = comparisons([1.0], similarities)

    assert found.fmr(found.threshold_at(fmr)) <= fmr


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=50))
def test_a_threshold_has_four_decimals_however_it_is_printed(similarities):
    threshold = comparisons([1.0], similarities).threshold_at(0.1)

    assert len(repr(threshold).partition(".")[2]) <= 4


def test_a_threshold_is_no_higher_than_it_must_be():
    found = comparisons([0.3, 0.9], np.linspace(0, 0.99, 100))

    threshold = found.threshold_at(0.1)

    assert threshold == pytest.approx(0.8901, abs=2e-4)
    assert found.fmr(threshold) == pytest.approx(0.1)
    assert found.fnmr(threshold) == 0.5


def measured(people, vectors):
    embeddings = np.array(vectors, np.float32)
    return Measured(np.array(people), np.arange(len(people)), [], [], embeddings, len(people))


def random_people(count, photos):
    """Return `count` people with so many alike photographs each, on the unit circle's 16 dimensions."""
    chance = np.random.default_rng(7)
    vectors = np.repeat(chance.normal(size=(count, 16)), photos, axis=0)
    vectors += 0.9 * chance.normal(size=vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return measured(np.repeat([f"p{i:03}" for i in range(count)], photos), vectors)


def test_a_photograph_is_never_compared_with_its_own_portrait():
    one = measured(["ani", "ani", "budi"], [(1, 0), (0.8, 0.6), (0, 1)])

    found = across(one, one)

    assert sorted(found.mated) == pytest.approx([0.8, 0.8])
    assert sorted(found.non_mated) == pytest.approx([0, 0, 0.6, 0.6])
    assert found.mated_people.tolist() == [0, 0]
    assert all(first != second for first, second in found.non_mated_people)


def test_within_a_set_every_pair_counts_once():
    found = within(measured(["ani", "ani", "budi"], [(1, 0), (0.8, 0.6), (0, 1)]))

    assert sorted(found.mated) == pytest.approx([0.8])
    assert sorted(found.non_mated) == pytest.approx([0, 0.6])


def test_intervals_hold_the_rate_and_narrow_with_more_people():
    few, many = (within(random_people(count, 3)) for count in (20, 120))
    threshold = many.threshold_at(0.05)

    rates = [(found.fmr_interval(threshold), found.fnmr_interval(threshold)) for found in (few, many)]

    for of_few, of_many in zip(*rates, strict=True):
        for rate in (of_few, of_many):
            assert rate.low <= rate.share <= rate.high
        assert of_many.high - of_many.low < of_few.high - of_few.low


def test_the_interval_of_a_threshold_holds_the_threshold():
    found = within(random_people(60, 2))

    low, high = found.threshold_interval(0.01)

    assert low < found.threshold_at(0.01) < high


def test_auc_is_the_share_of_pairs_in_the_right_order():
    assert comparisons([0.9, 0.8], [0.1, 0.2]).auc() == 1
    assert comparisons([0.5], [0.5, 0.4, 0.6, 0.6]).auc() == pytest.approx((0.5 + 1) / 4)


def test_a_det_curve_trades_one_rate_for_the_other():
    fmr, fnmr = within(random_people(40, 3)).det()

    assert np.all(np.diff(fmr) > 0)
    assert np.all(np.diff(fnmr) <= 0)


def test_a_search_counts_missed_mates_and_false_leads():
    faces = measured(["ani", "ani", "budi", "budi", "citra"], [(1, 0), (1, 0), (0, 1), (0.8, 0.6), (-1, 0)])

    fpir, fnir, enrolled = search_rates(faces, 0.7)

    assert enrolled == 3
    assert fpir.share == 0.5  # Budi's second photograph looks like Ani's
    assert fnir.share == 0.5  # and not enough like his own


def test_nobody_is_on_both_sides_of_the_split():
    photos = [(person, Path(f"{person}{n}.jpg")) for person in ("a", "b", "c", "d", "e") for n in range(3)]

    first, second = halves(photos)

    assert {person for person, _ in first} == {"a", "c", "e"}
    assert sorted(first + second) == sorted(photos)


def test_one_living_person_in_ten_may_fall_below_the_liveness_threshold():
    scores = [i / 100 for i in range(100)]

    assert sum(score < live_threshold(scores) for score in scores) == 10
    assert live_threshold([]) is None


def test_setting_thresholds_gives_every_key_a_plain_number():
    found = within(random_people(40, 3))

    point = set_thresholds(found, found, [0.2, 0.9])

    assert json.loads(json.dumps(point)) == point
    assert point["match_min"] < point["duplicate_min"]
    assert 0 < point["tie_width"] < 0.5


def test_writing_a_point_leaves_the_limits_of_the_faults_alone(tmp_path):
    path = tmp_path / "one-1.json"
    path.write_text(json.dumps({"release": "one-1", "match_min": 0.5, "faults": {"BLURRED": {"below": 7.0}}}))

    write_point(path, {"match_min": 0.6, "set_by": "a test"})

    written = json.loads(path.read_text())
    assert written == {
        "release": "one-1",
        "match_min": 0.6,
        "faults": {"BLURRED": {"below": 7.0}},
        "set_by": "a test",
    }


def test_a_new_release_begins_with_another_ones_limits_of_the_faults_it_sees(tmp_path):
    path = tmp_path / "ours-1.json"
    first = first_point("ours-1", POINTS / "open-2.json", ("GLASSES", "HAT"))

    write_point(path, set_thresholds(*[within(random_people(40, 3))] * 2, []) | {"set_by": "a test"}, first)

    point, other = json.loads(path.read_text()), json.loads((POINTS / "open-2.json").read_text())
    assert point["release"] == "ours-1"
    assert point["faults"] == {fault: each for fault, each in other["faults"].items() if fault != "GLASSES"}
    assert point["ktp_faults"] == other["ktp_faults"]
    assert set(point) == set(other)


def test_a_release_without_a_point_begins_with_nothing_by_itself(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_point(tmp_path / "ours-1.json", {"match_min": 0.5})


def test_writing_a_point_refuses_keys_of_another_report(tmp_path):
    with pytest.raises(ValueError, match="faults"):
        write_point(tmp_path / "one-1.json", {"faults": {}})


def test_a_drawn_card_is_a_small_ktp_picture_that_every_run_draws_alike():
    portrait = np.full((250, 250, 3), 10, np.uint8)

    card, again = as_ktp(portrait), as_ktp(portrait.copy())

    assert card.subject is Subject.KTP
    assert card.pixels.shape == (431, 603, 3)
    assert np.array_equal(card.pixels, again.pixels)
    assert (card.pixels.max(axis=2) < 60).sum() > 3000  # the portrait's dark picture is on it


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

    for word in ("FMR", "FNMR", "FTA", "mated"):
        assert word in point["set_by"]


@pytest.fixture
def people(selfies, tmp_path):
    """A folder of eight people with two photographs each."""
    for person, picture in enumerate(selfies):
        folder = tmp_path / "people" / f"person-{person}"
        folder.mkdir(parents=True)
        for photo, gain in enumerate((1.0, 0.8)):
            cv2.imwrite(str(folder / f"{photo}.png"), cv2.convertScaleAbs(picture.pixels, alpha=gain))
    return tmp_path / "people"


def measure_accuracy(*arguments, **settings):
    """Run the report; its reports go beside the people."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.accuracy.accuracy_report", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=POINTS.parents[2],
        env=os.environ | settings,
    )


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
@pytest.mark.usefixtures("default_pack")
def test_measuring_a_folder_prints_rates_and_changes_no_operating_point_unasked(people, tmp_path):
    before = (POINTS / "default-3.json").read_bytes()

    result = measure_accuracy("--faces", people, "--reports", tmp_path / "reports")

    assert result.returncode == 0
    assert "4 people reported, 4 others set the thresholds" in result.stdout
    assert "goal KTP TAR at FMR 1e-2" in result.stdout
    assert (tmp_path / "reports" / "accuracy-default.svg").read_text().startswith("<?xml")
    goals = json.loads((tmp_path / "reports" / "accuracy-default.json").read_text())["goals"]
    assert all(f"goal {goal['name']} {goal['figure']}" in result.stdout for goal in goals)
    assert (POINTS / "default-3.json").read_bytes() == before


@pytest.mark.pack
@pytest.mark.xdist_group("pack")
@pytest.mark.usefixtures("default_pack")
def test_trying_crops_tells_each_way_of_showing_a_face(people, capsys, monkeypatch):
    monkeypatch.setattr(crop_trials, "WIDTHS", (0.9, 1.0))

    crop_trials.run(faces=people)

    rows = [line.split("│") for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert [(row[1].strip(), row[2].strip()) for row in rows] == [
        ("0.9", "no"),
        ("1.0", "no"),
        ("0.9", "yes"),
        ("1.0", "yes"),
    ]
    assert all(0.5 < float(row[3].strip("% ")) / 100 <= 1 for row in rows)


@pytest.mark.shared
def test_a_release_that_is_not_ours_gets_its_operating_point_where_asked_for(
    people, insightface_folder, tmp_path
):
    pack = {"GELOMBANG_PACK": "insightface", "GELOMBANG_PACK_FILES": str(insightface_folder())}
    reports = ("--reports", tmp_path / "reports", "--faces", people)
    release = read_manifest("insightface", pack).release
    ours = ("--write", "--points", tmp_path / "points")

    refused = measure_accuracy(*reports, *ours, **pack)
    measured = measure_accuracy(*reports, *ours, "--faults-from", "default-2", **pack)

    assert refused.returncode != 0
    assert "has no operating point yet" in " ".join(refused.stderr.replace("│", " ").split())
    assert measured.returncode == 0, measured.stderr
    points = tmp_path / "programme" / "operating_points"
    shutil.copytree(POINTS.parent, points.parent)
    shutil.copyfile(tmp_path / "points" / f"{release}.json", points / f"{release}.json")
    point = read_programme("prakerja", points.parent).operating_point(release)
    assert release in point.release
    assert not set(point.faults) & {"GLASSES", "MASK", "TURNED_AWAY", "EYES_CLOSED"}
    assert "BLURRED" in point.faults
