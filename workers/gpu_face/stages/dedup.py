"""Dedup: who of everyone enrolled looks like each probe (1:N); leads for reviewers, never a verdict.

(N, D) probes and a store of faces → N tuples of candidates; the cost is the store's: `FaceStore.nearest`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gelombang.domain.face_evidence import Candidate
from workers.gpu_face.search.engine import Engine
from workers.gpu_face.search.memory import FaceStore
from workers.gpu_face.search.scan import Alike

CANDIDATE_COUNT = 5  # what a reviewer can look at; a cluster of more shows from each of its members

DIGITS = 6  # of a similarity; the order of a matrix's rows already moves the seventh


def search_gallery(
    probes: NDArray[np.float32],
    applicants: Sequence[str],
    store: FaceStore,
    engine: Engine,
    *,
    threads: int = 1,
    shards: int = 0,
) -> list[tuple[Candidate, ...]]:
    """Return for each probe its most similar references, best first, but not the applicant's own.

    Args:
        probes: (N, D) float32, unit length.
        applicants: whose each probe is.
        store: everybody enrolled under the same model release.
        engine: multiplies, where the store is this machine's.
        threads: how many of this machine's to use.
        shards: see `search.scan.nearest`; never changes the answer.
    """
    # One more than wanted: the applicant's own face may be among them.
    found = store.nearest(probes, CANDIDATE_COUNT + 1, engine, threads, shards)
    return [_best(some, applicant) for some, applicant in zip(found, applicants, strict=True)]


def _best(alike: Sequence[Alike], applicant: str) -> tuple[Candidate, ...]:
    # Equal similarities come in the order of names, so that two workers tell the same story.
    others = sorted((-round(similarity, DIGITS), name) for similarity, name in alike if name != applicant)
    return tuple(Candidate(name, -negated) for negated, name in others[:CANDIDATE_COUNT])
