"""Clusters: one face under several applications, from the pairs of a wave; ranked leads for reviewers.

Connected components alone would chain strangers together: A looks like B, B like C, and so on. So within each
component a cluster is a medoid, the member most alike to the others, with those that are alike to it *and* to at
least half of the members; who is left over is looked at again for clusters of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from gelombang.domain.messages import FaceClusterFound
from gelombang.journey.review_cases import MOST_TOGETHER
from workers.gpu_face.search.wave import Likenesses

LEAST_SHARE = 0.5  # of the other members each must be alike to


@dataclass(frozen=True, slots=True)
class Cluster:
    """Applications with one face, the medoid first, then the alphabet.

    similarity: mean cosine of the pairs above the threshold. density: the share of all pairs that are, 0..1.
    """

    applications: tuple[str, ...]
    similarity: float
    density: float


def find_clusters(pairs: Likenesses, strong: float) -> list[Cluster]:
    """Return the clusters among pairs of at least `strong` (a cosine), the largest and most alike first."""
    kept = pairs.similarities >= strong
    names, ends = np.unique(np.concatenate([pairs.firsts[kept], pairs.seconds[kept]]), return_inverse=True)
    if not len(names):
        return []
    firsts, seconds = np.split(ends, 2)
    graph = coo_array((pairs.similarities[kept], (firsts, seconds)), (len(names), len(names))).tocsr()
    graph = csr_array(graph + graph.T)
    _, components = connected_components(graph, directed=False)
    order = np.argsort(components, kind="stable")
    starts = np.flatnonzero(np.diff(components[order], prepend=-1))
    found = [
        cluster
        for members in np.split(order, starts[1:])
        for cluster in _clusters_of(graph[members][:, members], names[members])
    ]
    return sorted(
        found, key=lambda cluster: (-len(cluster.applications), -cluster.similarity, cluster.applications)
    )


def messages_of(clusters: Sequence[Cluster]) -> list[FaceClusterFound]:
    """Return what has people decide about clusters: names, and nothing of how alike anybody is.

    A message is of as many as a person can compare; of a larger cluster each has the medoid and some of the others.
    """
    beside = MOST_TOGETHER - 1
    return [
        FaceClusterFound((medoid, *others[at : at + beside]))
        for medoid, *others in (cluster.applications for cluster in clusters)
        for at in range(0, len(others), beside)
    ]


def _clusters_of(alike: csr_array, names: NDArray[np.bytes_]) -> Iterator[Cluster]:
    """Yield the clusters of one component; `alike` is (N, N), empty where a pair is below the threshold."""
    left = np.arange(len(names))
    while len(left) > 1:
        among = alike[left][:, left]
        if not among.nnz:
            return
        medoid = int(among.sum(axis=1).argmax())
        members = np.concatenate([[medoid], among.indices[slice(*among.indptr[medoid : medoid + 2])]])
        near = among[members][:, members].toarray()
        kept = _members(near)
        yield _cluster(near[np.ix_(kept, kept)], names[left[members[kept]]])
        left = np.delete(left, members[kept])


def _members(alike: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the medoid (the first) and its members: who is alike to fewest leaves until all are to enough."""
    members = np.arange(len(alike))
    while True:
        linked = (alike[np.ix_(members, members)] > 0).sum(axis=1)
        weakest = int(linked[1:].argmin()) + 1  # the medoid stays: it is alike to all of them
        if linked[weakest] >= LEAST_SHARE * (len(members) - 1):
            return members
        members = np.delete(members, weakest)


def _cluster(alike: NDArray[np.float32], names: NDArray[np.bytes_]) -> Cluster:
    pairs = alike[np.triu_indices(len(names), 1)]
    linked = pairs[pairs > 0]
    medoid, *others = (bytes(name).decode() for name in names)
    return Cluster(
        (medoid, *sorted(others)), round(float(linked.mean()), 6), round(len(linked) / len(pairs), 6)
    )
