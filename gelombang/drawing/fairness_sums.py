"""What the audit of a draw adds up: scores by category, beside what chance alone would give within each stratum.

    scores (N,) + categories (N,) + strata (N,) ─▶ observed, expected and covariance of the sums ─▶ chi-square

In a fair draw the scores of a stratum (the places in a region's order, or who has a seat) are dealt out among its
entries like cards: every permutation is as likely as every other. Mean and covariance of the sums follow from that
exactly, whatever the quotas are and however categories cling to strata; only their distribution is approximated, by
chi-square. For scores 0 and 1 this is the generalised test of Cochran, Mantel and Haenszel, for ranks the stratified
one of Kruskal and Wallis.
Source: Strasser and Weber, On the asymptotic theory of permutation statistics, 1999 (means and covariances).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FLOATS = NDArray[np.float64]
CODES = NDArray[np.int64]
LEAST_ENTRIES = (
    20  # of a category that is told; smaller ones are merged, so that nobody stands out as one of few
)
REST = "rest"  # the label of what was merged
LEAST_EIGENVALUE = 1e-9  # of the largest: below are directions in which the sums cannot vary


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums of scores by category; of several draws they may be added up.

    `entries`, `observed` and `expected` are (K,), `covariance` (K, K), for the K `labels`.
    """

    labels: tuple[str, ...]
    entries: FLOATS
    observed: FLOATS
    expected: FLOATS
    covariance: FLOATS

    def __add__(self, other: Self) -> Sums:
        return Sums(
            self.labels,
            self.entries + other.entries,
            self.observed + other.observed,
            self.expected + other.expected,
            self.covariance + other.covariance,
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """A statistic of the audit, its p-value, and the effect in the unit of the measure."""

    statistic: float
    p: float
    effect: float
    stands_out: str = ""  # the label of the category that chance explains worst


def sums_by_category(scores: FLOATS, codes: CODES, labels: tuple[str, ...], strata: CODES) -> Sums:
    """Return the sums of `scores` (N,) by `codes` (N,), 0..len(labels)-1, permuted within `strata` (N,), 0.. ."""
    k = len(labels)
    stratum_count = int(strata.max(initial=0)) + 1
    sizes = np.bincount(strata, minlength=stratum_count).astype(np.float64)
    mean, variance = _moments(scores, strata, sizes)
    cells = (
        np.bincount(strata * k + codes, minlength=stratum_count * k).reshape(stratum_count, k).astype(float)
    )
    shares = cells / np.maximum(sizes, 1)[:, None]
    covariance = np.diag(variance @ cells) - (cells * variance[:, None]).T @ shares
    observed = np.bincount(codes, scores, minlength=k).astype(
        np.float64
    )  # whole numbers where nothing is scored
    return Sums(labels, cells.sum(axis=0), observed, mean @ cells, covariance)


def merge_small(sums: Sums, least_variance: float) -> Sums | None:
    """Return the sums with small categories put together, or None when fewer than two are left.

    Small is what has fewer than `LEAST_ENTRIES` entries, or whose sum varies by less than `least_variance`; neither
    depends on whom the draw favoured, so that the choice biases nothing.
    """
    there = np.flatnonzero(sums.entries)
    entries, covariance = sums.entries[there], sums.covariance[np.ix_(there, there)]
    small = (entries < LEAST_ENTRIES) | (np.diag(covariance) < least_variance)
    while small.any() and (
        entries[small].sum() < LEAST_ENTRIES or small @ covariance @ small < least_variance
    ):
        if small.all():
            return None
        small[np.argmin(np.where(small, np.inf, entries))] = True
    kept = there[~small]
    if len(kept) + small.any() < 2:  # noqa: PLR2004 - nothing to compare with
        return None
    rest = np.isin(np.arange(len(sums.labels)), there[small]).astype(np.float64)
    into = np.vstack([np.eye(len(sums.labels))[kept], *([rest] if small.any() else [])])
    return Sums(
        (*(sums.labels[i] for i in kept), *([REST] if small.any() else [])),
        into @ sums.entries,
        into @ sums.observed,
        into @ sums.expected,
        into @ sums.covariance @ into.T,
    )


def chi_square(sums: Sums) -> Judged | None:
    """Return the quadratic form of observed less expected, with the shift of the mean in the worst category.

    None where the sums cannot vary, as when everybody or nobody has a seat.
    """
    values, vectors = np.linalg.eigh(sums.covariance)
    free = values > LEAST_EIGENVALUE * max(values[-1], 1e-300)
    if values[-1] <= 0 or not free.any():
        return None
    away = sums.observed - sums.expected
    statistic = float(((vectors.T @ away)[free] ** 2 / values[free]).sum())
    deviation = np.sqrt(np.maximum(np.diag(sums.covariance), values[-1] * LEAST_EIGENVALUE))
    worst = int(np.argmax(np.abs(away) / deviation))
    shift = float(away[worst] / sums.entries[worst])
    return Judged(statistic, float(stats.chi2.sf(statistic, int(free.sum()))), shift, sums.labels[worst])


def trend(scores: FLOATS, values: NDArray[np.generic], strata: CODES) -> Judged | None:
    """Return Spearman's correlation of `scores` with the ranks of `values`, both (N,), within the strata, as z.

    None where neither can vary within a stratum.
    """
    ranks = stats.rankdata(values) / max(len(values), 1)
    sizes = np.bincount(strata).astype(np.float64)
    mean, variance = _moments(scores, strata, sizes)
    rank_mean, rank_variance = _moments(ranks, strata, sizes)
    product = float((scores - mean[strata]) @ (ranks - rank_mean[strata]))
    degrees = np.maximum(sizes - 1, 0)
    deviation = np.sqrt((variance * rank_variance * degrees).sum())
    if deviation <= 0:
        return None
    scale = np.sqrt((variance * degrees).sum() * (rank_variance * degrees).sum())
    z = product / float(deviation)
    return Judged(z, float(2 * stats.norm.sf(abs(z))), product / float(scale))


def together(scores: FLOATS, groups: CODES, order: NDArray[np.integer]) -> Judged | None:
    """Return whether scores of one group, all (N,), go together: Spearman's correlation of its first two in `order`.

    A group below 0 is none. Only two of each group are compared, so that the pairs are independent of each other.
    None with fewer than `LEAST_ENTRIES` pairs.
    """
    members = np.flatnonzero(groups >= 0)
    members = members[np.lexsort((order[members], groups[members]))]
    starts = np.flatnonzero(np.diff(groups[members], prepend=-1))
    sizes = np.diff(starts, append=len(members))
    first = starts[sizes > 1]
    if len(first) < LEAST_ENTRIES:
        return None
    done = stats.spearmanr(scores[members[first]], scores[members[first + 1]])
    return Judged(float(done.statistic), float(done.pvalue), float(done.statistic))


def _moments(scores: FLOATS, strata: CODES, sizes: FLOATS) -> tuple[FLOATS, FLOATS]:
    """Return mean and variance (with N-1) of the scores of each stratum; 0 for the variance of one score."""
    mean = np.bincount(strata, scores, minlength=len(sizes)) / np.maximum(sizes, 1)
    square = np.bincount(strata, (scores - mean[strata]) ** 2, minlength=len(sizes))
    return mean, square / np.maximum(sizes - 1, 1)
