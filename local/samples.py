"""Photographs and an identity for trying the API by hand, as the README's walk does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.cards import photograph_card, render_card
from local.faces import bundled_subjects, good_selfie, spoiled_selfie
from local.fitness import fit_subjects
from local.service import demo_population, wave_definition

if TYPE_CHECKING:
    from pathlib import Path

KIND = "ordinary"


def write_samples(folder: Path, number: int, faces: Path | None) -> tuple[dict[str, str], list[Path]]:
    """Write ktp.jpg, selfie.jpg and selfie-spoiled.jpg of one face, and return a citizen they fit.

    The citizen is in the simulator's population, so the registers know them: nik, kk, name, birth_date, region.

    Raises:
        FileNotFoundError: the folder of faces has no people with two photographs each.
    """
    subjects = fit_subjects(faces, number + 1) if faces else bundled_subjects(number + 1)
    subject = subjects[number]
    regions = wave_definition("")["quota"]
    # The demo takes its people from the beginning of the population; by hand they come from the end.
    citizen = [each for each in demo_population().everybody(KIND) if each.region in regions][-1 - number]
    files = {
        "ktp.jpg": photograph_card(render_card(citizen, subject.portrait), seed=number),
        "selfie.jpg": good_selfie(subject),
        "selfie-spoiled.jpg": spoiled_selfie(subject),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    person = {
        "nik": citizen.nik,
        "kk": citizen.kk,
        "name": citizen.name,
        "birth_date": citizen.birth_date.isoformat(),
        "region": citizen.region,
    }
    return person, [folder / name for name in files]
