"""Dedup: who of everyone enrolled looks like each probe (1:N); leads for reviewers, never a verdict.

(N, D) probes and an (M, D) gallery → N tuples of candidates: one matrix product for the whole batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gelombang.domain.face_evidence import Candidate

CANDIDATE_COUNT = 5  # what a reviewer can look at; a cluster of more shows from each of its members

DIGITS = 6  # of a similarity; the order of a matrix's rows already moves the seventh
TIE = 10.0**-DIGITS


def search_gallery(
    probes: NDArray[np.float32],
    own_rows: Sequence[int | None],
    gallery: NDArray[np.float32],
    enrolled: Sequence[str],
) -> list[tuple[Candidate, ...]]:
    """Return for each probe its most similar references, best first, but not the applicant's own.

    Args:
        probes: (N, D) float32, unit length.
        own_rows: where in the gallery each probe's own applicant is enrolled; None where nowhere.
        gallery: (M, D) float32, unit length, of the same model release.
        enrolled: the application of each row of the gallery, each once.
    """
    if not len(gallery):
        return [()] * len(probes)
    similarities = np.clip(probes @ gallery.T, -1.0, 1.0)
    for probe, own_row in enumerate(own_rows):
        if own_row is not None:
            similarities[probe, own_row] = -np.inf
    return [_best(row, enrolled) for row in similarities]


def _best(similarities: NDArray[np.float32], enrolled: Sequence[str]) -> tuple[Candidate, ...]:
    count = min(CANDIDATE_COUNT, len(similarities))
    least = np.partition(similarities, -count)[-count]
    # Equal similarities come in the order of names, so that two workers tell the same story.
    rows = np.flatnonzero((similarities >= least - TIE) & np.isfinite(similarities))
    alike = sorted((-round(float(similarities[row]), DIGITS), enrolled[int(row)]) for row in rows)
    return tuple(Candidate(application_id, -negated) for negated, application_id in alike[:count])
