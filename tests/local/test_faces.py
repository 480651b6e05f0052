"""The demo's faces: who they are, that they differ, and that a spoiled selfie is spoiled."""

from __future__ import annotations

import io

import pytest
from PIL import Image, ImageChops, ImageStat

from local.faces import (
    SELFIE_PX,
    another_selfie,
    bundled_subjects,
    folder_subjects,
    good_selfie,
    spoiled_selfie,
)


def opened(photograph: bytes) -> Image.Image:
    return Image.open(io.BytesIO(photograph))


def test_the_installed_packages_hold_eight_people_in_the_same_order_every_time():
    first, second = bundled_subjects(8), bundled_subjects(8)

    assert len({subject.label for subject in first}) == 8
    assert [good_selfie(subject) for subject in first] == [good_selfie(subject) for subject in second]
    assert len({good_selfie(subject) for subject in first}) == 8


def test_selfie_portrait_and_the_second_selfie_are_three_different_pictures():
    subject = bundled_subjects(1)[0]

    assert ImageChops.difference(subject.selfie, subject.portrait).getbbox() is not None
    assert good_selfie(subject) != another_selfie(subject)


def test_a_spoiled_selfie_is_darker_than_the_good_one():
    subject = bundled_subjects(1)[0]

    good, spoiled = opened(good_selfie(subject)), opened(spoiled_selfie(subject))

    assert good.size == spoiled.size == SELFIE_PX
    assert ImageStat.Stat(spoiled.convert("L")).mean[0] < ImageStat.Stat(good.convert("L")).mean[0] / 2


def test_a_folder_gives_people_with_two_photographs_each_and_leaves_the_others_out(tmp_path):
    for name, count in (("anna", 2), ("budi", 1), ("citra", 3)):
        (tmp_path / name).mkdir()
        for number in range(count):
            Image.new("RGB", (250, 250), (80 * number, 90, 20 * len(name))).save(
                tmp_path / name / f"{number}.jpg"
            )

    subjects = list(folder_subjects(tmp_path))

    assert [subject.label for subject in subjects] == ["folder-1"] * 2 + ["folder-2"] * 3
    assert all(ImageChops.difference(subject.selfie, subject.portrait).getbbox() for subject in subjects)


def test_a_folder_without_people_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        next(folder_subjects(tmp_path))
