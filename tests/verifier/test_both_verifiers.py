"""`gelombang verify-draw` and verify-draw.js, written apart, on the same vectors, forms and mutations: one verdict."""

from __future__ import annotations

import random

import pytest

from gelombang.drawing.verify import verify_bundle
from tests.verifier.mutations import LISTED, Mutation, Parts, mutations, vector
from tests.verifier.test_forms import CASES, ROWS, fitted

MUTATIONS, OF_BEACONS = 900, 100  # a beacon's signature takes longer to check than all the rest


@pytest.mark.parametrize("listed", LISTED, ids=lambda listed: listed["name"])
def test_a_vector_gets_the_verdict_it_is_listed_with(listed, tmp_path):
    said = judged_by_python(Mutation("none", vector(listed["name"]), listed["commitment"], ""), tmp_path)

    assert bool(said) == (listed["verdict"] == "refused"), said
    assert all(any(place in sentence for sentence in said) for place in listed.get("places", ()))


def test_every_mutation_is_refused_with_a_sentence_that_names_the_place(tmp_path):
    chance, silent = random.Random(6), []  # noqa: S311 - the same in every run
    made = [
        *mutations(chance, MUTATIONS, without=("empty", "beacon", "redraw")),
        *mutations(chance, OF_BEACONS),
    ]
    for each in made:
        said = " ".join(judged_by_python(each, tmp_path))
        stem = each.place.rpartition(".")[0]
        if each.place not in said and f"{stem}_sha256" not in said:
            silent.append((each.kind, each.place, said))

    assert silent == []


def test_every_file_that_was_wrong_from_the_start_is_named(tmp_path):
    cases = [(of, file, edit) for of, file, _, _, edit in CASES]
    cases += [("households", file, edit) for file, _, _, edit in ROWS]
    silent = []
    for of, file, edit in cases:
        said = judged_by_python(fitted(Parts(vector(of)), file, edit), tmp_path)
        if not any(file in sentence for sentence in said):
            silent.append((of, file, said))

    assert silent == []


def judged_by_python(made, folder):
    for name, content in made.files.items():
        (folder / name).write_bytes(content)
    return verify_bundle(folder, made.commitment)
