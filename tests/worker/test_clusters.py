"""Clusters: one face under several applications, and no chains of strangers."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.search_faces import photographs, strangers
from workers.gpu_face.search.clusters import Cluster, find_clusters
from workers.gpu_face.search.engine import Int8Engine
from workers.gpu_face.search.memory import MemoryStore
from workers.gpu_face.search.wave import Likenesses, WaveProbes, join_wave

STRONG = 0.4


def pairs_of(*pairs: tuple[str, str, float]) -> Likenesses:
    ordered = [(min(a, b), max(a, b), alike) for a, b, alike in pairs]
    firsts, seconds, similarities = zip(*ordered, strict=True) if ordered else ((), (), ())
    return Likenesses(np.array(firsts, "S8"), np.array(seconds, "S8"), np.array(similarities, np.float32))


def members(clusters: list[Cluster]) -> list[set[str]]:
    return [set(cluster.applications) for cluster in clusters]


def test_a_face_under_three_applications_is_one_cluster() -> None:
    (cluster,) = find_clusters(pairs_of(("a", "b", 0.8), ("b", "c", 0.7), ("a", "c", 0.6)), STRONG)

    assert cluster.applications == ("b", "a", "c")
    assert cluster.density == 1.0
    assert cluster.similarity == 0.7


def test_a_pair_below_strong_is_no_cluster() -> None:
    assert find_clusters(pairs_of(("a", "b", 0.39)), STRONG) == []
    assert find_clusters(pairs_of(), STRONG) == []


def test_a_chain_of_weak_links_is_cut() -> None:
    names = "abcdefghij"
    chain = pairs_of(*((a, b, 0.45) for a, b in itertools.pairwise(names)))

    assert max(map(len, members(find_clusters(chain, STRONG)))) <= 3


def test_two_faces_joined_by_one_weak_link_stay_two_clusters() -> None:
    one = [(a, b, 0.7) for a in "abcd" for b in "abcd" if a < b]
    other = [(a, b, 0.8) for a in "wxyz" for b in "wxyz" if a < b]

    found = find_clusters(pairs_of(*one, *other, ("a", "w", 0.45)), STRONG)

    assert members(found) == [set("wxyz"), set("abcd")]


def test_a_member_missed_by_one_pair_stays_in_its_cluster() -> None:
    pairs = [(a, b, 0.7) for a in "abcde" for b in "abcde" if a < b and (a, b) != ("d", "e")]

    (cluster,) = find_clusters(pairs_of(*pairs), STRONG)

    assert set(cluster.applications) == set("abcde")
    assert cluster.density == 0.9


def test_the_largest_come_first_and_then_the_most_alike() -> None:
    three = [("p", "q", 0.5), ("q", "r", 0.5), ("p", "r", 0.5)]

    found = find_clusters(pairs_of(("a", "b", 0.6), ("x", "y", 0.9), *three), STRONG)

    assert members(found) == [set("pqr"), set("xy"), set("ab")]


@given(st.dictionaries(st.tuples(st.integers(0, 12), st.integers(0, 12)), st.floats(0, 1, width=32)))
def test_nobody_is_in_two_clusters_and_all_are_alike_to_half_and_to_the_medoid(pairs) -> None:
    links = {(min(p), max(p)): alike for p, alike in pairs.items() if p[0] != p[1]}
    found = find_clusters(
        pairs_of(*((f"{a:02}", f"{b:02}", alike) for (a, b), alike in links.items())), STRONG
    )

    strong = {
        frozenset((f"{a:02}", f"{b:02}")) for (a, b), alike in links.items() if alike >= np.float32(STRONG)
    }
    everyone = [name for cluster in found for name in cluster.applications]
    assert len(everyone) == len(set(everyone))
    for cluster in found:
        medoid, *others = cluster.applications
        assert all(frozenset((medoid, other)) in strong for other in others)
        for name in cluster.applications:
            linked = sum(frozenset((name, other)) in strong for other in cluster.applications)
            assert linked >= (len(cluster.applications) - 1) / 2


def test_planted_clusters_are_found_and_no_others(tmp_path) -> None:
    people = strangers(1, 6000, 256)
    planted = people[:60]
    doubles = np.concatenate([photographs(planted, seed, 0.75) for seed in (2, 3, 4)])
    vectors = np.concatenate([people, doubles])
    names = [f"{i % 60:04}-{i}" if i >= 6000 else f"{i:04}-{i}" for i in range(len(vectors))]
    # mates of 0.75 to one first photograph are about 0.56 alike to each other; strangers seldom above 0.3
    pairs = join_wave(WaveProbes(names, vectors), MemoryStore(), STRONG, tmp_path, Int8Engine(), threads=2)

    found = find_clusters(pairs, STRONG)

    people_of = [{name.partition("-")[0] for name in cluster.applications} for cluster in found]
    whole = [cluster for cluster in found if len(cluster.applications) == 4]
    assert all(len(each) == 1 for each in people_of)
    assert len(whole) >= 0.99 * 60
