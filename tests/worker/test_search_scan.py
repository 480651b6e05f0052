"""Scanning: exact whatever the engine, the shards and the parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worker.search_faces import parts_of, photographs, strangers, unit
from workers.gpu_face.search.engine import Float32Engine, Int8Engine, choose_engine, is_exact
from workers.gpu_face.search.quantise import (
    BLOCK,
    MOST_DIMENSIONS,
    ROUNDING,
    ZERO_CODE,
    quantise_faces,
    quantise_probes,
    unit_vectors,
)
from workers.gpu_face.search.scan import Pairs, above, nearest

EXACT = 4e-5  # what 16-bit numbers may move a cosine by; the issue allows 0.005


@pytest.fixture(scope="module")
def engine():
    return choose_engine().engine


def answers(found: Pairs) -> list[tuple]:
    return sorted(
        zip(*(column.tolist() for column in (found.probes, found.rows, found.similarities)), strict=True)
    )


@pytest.mark.parametrize("size", [16, 128, 256, 512])
def test_the_nearest_are_those_of_a_float32_product(engine, size) -> None:
    gallery, count = strangers(1, 5000, size), 5
    probes = np.concatenate([photographs(gallery[:300], 2), strangers(3, 100, size)])

    found = nearest(probes, parts_of(gallery, 700, 1212, 1213), count, engine)

    cosines = probes @ gallery.T
    wanted = -np.sort(-cosines, axis=1)[:, :count]
    for probe in range(len(probes)):
        own = found.similarities[found.probes == probe]
        assert np.allclose(own[:count], wanted[probe], rtol=0, atol=EXACT)
        assert len(own) == count or own[count] > own[count - 1] - 1e-5


@pytest.mark.parametrize("threads", [1, 3])
def test_one_two_and_seven_shards_give_identical_answers(engine, threads) -> None:
    gallery = strangers(1, 9000)
    probes = photographs(gallery[:40], 2)

    found = [
        answers(nearest(probes, parts_of(gallery), 5, engine, threads=threads, shards=n)) for n in (1, 2, 7)
    ]

    assert found[0] == found[1] == found[2]


def test_one_probe_is_answered_as_in_a_batch(engine) -> None:
    gallery = strangers(1, 40_000, 64)
    probes = photographs(gallery[:600], 2)
    parts = parts_of(gallery, 33_000)

    batch = nearest(probes, parts, 5, engine)

    for probe in (0, 7, 599):
        alone = nearest(probes[probe : probe + 1], parts, 5, engine)
        assert alone.similarities.tolist() == batch.similarities[batch.probes == probe].tolist()
        assert alone.rows.tolist() == batch.rows[batch.probes == probe].tolist()


@pytest.mark.parametrize("share", [0.001, 0.3, 0.9999])
def test_who_counts_no_more_is_never_found_and_hides_nobody(engine, share) -> None:
    gallery, count = strangers(1, 20_000, 32), 5  # for 512 probes more than one stretch
    probes = photographs(gallery[:600], 2)
    parts = parts_of(gallery, 300, 17_000)
    dead = np.random.default_rng(3).random(len(gallery)) < share
    for part, own in zip(parts, np.split(dead, [300, 17_000]), strict=True):
        part.alive[:] = ~own

    found = nearest(probes, parts, count, engine, threads=2)

    assert not dead[np.array([0, 300, 17_000])[found.parts] + found.rows].any()
    wanted = -np.sort(-(probes @ gallery[~dead].T), axis=1)[:, :count]
    firsts = np.searchsorted(found.probes, np.arange(len(probes)))
    best = found.similarities[firsts[:, None] + np.arange(wanted.shape[1])]
    assert np.allclose(best, wanted, rtol=0, atol=EXACT)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 9999),
    count=st.integers(1, 1600),
    wanted=st.integers(1, 9),
    probe_count=st.integers(1, 4),
    oddity=st.tuples(st.sampled_from([0.0, 1.0, 30.0]), st.sampled_from([1, 2, 7])),
)
def test_no_mate_is_ever_missed_whatever_the_vectors_are_like(
    seed, count, wanted, probe_count, oddity
) -> None:
    peak, shards = oddity
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(count + probe_count, 24)) * np.exp(random.normal(size=24))
    vectors[random.integers(len(vectors)), 3] += peak  # a component that makes its block's codes coarse
    vectors = unit(vectors)
    gallery, probes = vectors[:count], vectors[count:]
    dead = random.random(count) < 0.2
    parts = parts_of(gallery)
    parts[0].alive[:] = ~dead

    found = nearest(probes, parts, wanted, Int8Engine(), shards=shards)

    cosines = (probes @ gallery.T)[:, ~dead]
    for probe in range(probe_count):
        own = found.similarities[found.probes == probe]
        best = -np.sort(-cosines[probe])[:wanted]
        assert np.allclose(own[: len(best)], best, rtol=0, atol=EXACT)
        assert not dead[found.rows[found.probes == probe]].any()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 9999), spread=st.floats(0, 3), size=st.sampled_from([4, 32, 512]))
def test_a_product_of_codes_is_never_further_from_the_cosine_than_the_bound(seed, spread, size) -> None:
    random = np.random.default_rng(seed)
    vectors = unit(random.normal(size=(560, size)) * np.exp(spread * random.normal(size=size)))
    probes, blocks = quantise_probes(vectors[:48]), quantise_faces(vectors[48:])

    products = (probes.codes.astype(np.int64) - ZERO_CODE) @ blocks.codes[0].astype(np.int64)

    bound = probes.errors + probes.lengths * blocks.errors[0] + ROUNDING
    exact = probes.vectors.astype(np.float64) @ unit_vectors(blocks.exact, blocks.units).T.astype(np.float64)
    differences = np.abs(products * (probes.scales[:, None] * blocks.scales[0]) - exact)
    assert (differences <= bound[:, None]).all()


def test_both_engines_find_the_same() -> None:
    gallery = strangers(1, 3000)
    probes = photographs(gallery[:20], 2)
    parts = parts_of(gallery)

    found = [
        answers(nearest(probes[:n], parts, 3, engine))
        for n in (1, 20)
        for engine in (Int8Engine(), Float32Engine())
    ]

    assert found[0] == found[1]
    assert found[2] == found[3]


def test_an_engine_that_saturates_is_not_exact() -> None:
    class Saturating(Float32Engine):
        def for_probes(self, codes):
            multiply = super().for_probes(codes)

            def saturated(blocks, sums, place):
                multiply(blocks, sums, place)
                place.products.clip(-32768, 32767, out=place.products)

            return saturated

    assert is_exact(Float32Engine())
    assert not is_exact(Saturating())


def test_the_choice_of_an_engine_names_what_was_measured() -> None:
    choice = choose_engine()

    assert choice.rates
    assert max(choice.rates, key=choice.rates.get) == type(choice.engine).__name__
    assert "GOP/s" in str(choice)


def test_every_pair_above_a_threshold_is_found_and_none_below(engine) -> None:
    gallery = strangers(1, 2 * BLOCK + 5, 32)
    probes = photographs(gallery[:30], 2)
    parts = parts_of(gallery, 600)
    cosines = probes @ gallery.T
    threshold = float(np.sort(cosines.ravel())[-400:-398].mean())

    found = above(quantise_probes(probes), parts, threshold, engine)

    rows = found.rows + np.array([0, 600])[found.parts]
    wanted = {(int(probe), int(row)) for probe, row in zip(*np.nonzero(cosines >= threshold), strict=True)}
    assert set(zip(found.probes.tolist(), rows.tolist(), strict=True)) == wanted


def test_nobody_enrolled_is_nobody_found(engine) -> None:
    assert len(nearest(strangers(1, 3), [], 5, engine)) == 0


def test_all_who_tie_with_the_last_are_found(engine) -> None:
    probe = strangers(1, 1)
    gallery = np.repeat(probe, 9, axis=0)

    found = nearest(probe, parts_of(gallery), 5, engine)

    assert sorted(found.rows.tolist()) == list(range(9))


def test_more_dimensions_than_products_stay_exact_in_are_refused() -> None:
    with pytest.raises(ValueError, match="dimensions"):
        quantise_faces(strangers(1, 2, MOST_DIMENSIONS + 1))
