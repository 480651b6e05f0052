"""Mated and non-mated similarities, thresholds at a wanted FMR, and the error rates at a threshold.

Rates are named as in ISO/IEC 19795-1: FMR and FNMR of single comparisons, FPIR and FNIR of a search. Every rate
comes with a 95 % interval from resampling people, not pairs: pairs of one person stand and fall together, so
resampling pairs would make the intervals far too narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.people import Measured

RESAMPLINGS = 1000
RESAMPLED_THRESHOLDS = (
    5  # every how many resamplings a threshold is found again: it costs a pass over all pairs
)
SEED = 29_794  # of the resampling: the same run gives the same intervals
LOW, HIGH = 2.5, 97.5  # percentiles


@dataclass(frozen=True, slots=True)
class Rate:
    """A share 0..1 with its 95 % interval."""

    share: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.share:.2%} ({self.low:.2%} to {self.high:.2%})"


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Cosine similarities of pairs of photographs: of one person, and of two.

    `mated_people` (M,) and `non_mated_people` (N, 2) number the people of each pair, 0..`people_count` - 1.
    """

    mated: NDArray[np.float32]
    mated_people: NDArray[np.intp]
    non_mated: NDArray[np.float32]
    non_mated_people: NDArray[np.intp]
    people_count: int

    def threshold_at(self, fmr: float) -> float:
        """Return the lowest threshold, rounded up to 4 decimals, at which at most `fmr` of non-mated pairs match."""
        allowed = int(fmr * len(self.non_mated))
        highest = float(np.partition(self.non_mated, -allowed - 1)[-allowed - 1])
        return round(float(np.ceil((highest + 1e-6) * 1e4)) / 1e4, 4)

    def threshold_interval(self, fmr: float) -> tuple[float, float]:
        """Return between which thresholds `threshold_at` falls in 95 % of resamplings of the people."""
        order = np.argsort(-self.non_mated)
        ordered, people = self.non_mated[order], self.non_mated_people[order]
        found = []
        for weights in _weights(self.people_count)[::RESAMPLED_THRESHOLDS]:
            passed = np.cumsum(weights[people[:, 0]] * weights[people[:, 1]])
            place = np.searchsorted(passed, fmr * passed[-1], "right")
            found.append(float(ordered[min(place, len(ordered) - 1)]))  # one person drawn alone gives no pair
        low, high = np.percentile(found, (LOW, HIGH))
        return float(low), float(high)

    def fmr(self, threshold: float) -> float:
        """Return the share of non-mated pairs at or above the threshold."""
        return float((self.non_mated >= threshold).mean())

    def fnmr(self, threshold: float) -> float:
        """Return the share of mated pairs below the threshold."""
        return float((self.mated < threshold).mean())

    def fmr_interval(self, threshold: float) -> Rate:
        """Return the FMR at the threshold with its interval."""
        weights = _weights(self.people_count)
        pairs = np.zeros((self.people_count, self.people_count))
        np.add.at(pairs, tuple(self.non_mated_people.T), 1)
        first, second = self.non_mated_people[self.non_mated >= threshold].T
        matches = (weights[:, first] * weights[:, second]).sum(axis=1)
        totals = ((weights @ pairs) * weights).sum(axis=1)
        return _rate(self.fmr(threshold), matches / np.maximum(totals, 1))

    def fnmr_interval(self, threshold: float) -> Rate:
        """Return the FNMR at the threshold with its interval."""
        weights = _weights(self.people_count)
        pairs = np.bincount(self.mated_people, minlength=self.people_count)
        missed = self.mated_people[self.mated < threshold]
        misses = np.bincount(missed, minlength=self.people_count)
        return _rate(self.fnmr(threshold), (weights @ misses) / np.maximum(weights @ pairs, 1))

    def auc(self) -> float:
        """Return how often a mated pair is more similar than a non-mated one, ties counted half."""
        ordered = np.sort(self.non_mated)
        below = np.searchsorted(ordered, self.mated, "left") + np.searchsorted(ordered, self.mated, "right")
        return float(below.mean() / 2 / len(ordered))

    def best_threshold(self) -> float:
        """Return the threshold, 4 decimals, at which most pairs are judged right, mated and non-mated alike."""
        candidates = np.unique(np.ceil(np.quantile(self.mated, np.linspace(0, 0.2, 201)) * 1e4) / 1e4)
        return round(float(max(candidates, key=self.right_share)), 4)

    def right_share(self, threshold: float) -> float:
        """Return the share of pairs judged right at the threshold, mated and non-mated weighing the same."""
        return 1 - (self.fmr(threshold) + self.fnmr(threshold)) / 2

    def det(self, points: int = 150) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the DET curve as FMR and FNMR, each (points,), from the strictest threshold to the loosest."""
        rates = np.geomspace(1 / len(self.non_mated), 0.5, points)
        thresholds = np.quantile(self.non_mated, 1 - rates)
        ordered = np.sort(self.mated)
        return rates, np.searchsorted(ordered, thresholds, "left") / len(ordered)


def across(probes: Measured, references: Measured) -> Comparisons:
    """Compare every probe with every reference, leaving out pairs made from the same photograph.

    Both sides come from the same photographs, and a photograph against its own drawn portrait would flatter the
    figure: of each person only other photographs are mated.
    """
    names, numbers = np.unique(np.concatenate([probes.people, references.people]), return_inverse=True)
    of_probes, of_references = numbers[: len(probes.people)], numbers[len(probes.people) :]
    same_person = of_probes[:, None] == of_references[None, :]
    same_photo = probes.photo_numbers[:, None] == references.photo_numbers[None, :]
    similarities = probes.embeddings @ references.embeddings.T
    mated, others = np.nonzero(same_person & ~same_photo), np.nonzero(~same_person)
    return Comparisons(
        similarities[mated],
        of_probes[mated[0]],
        similarities[others],
        np.stack([of_probes[others[0]], of_references[others[1]]], axis=1),
        len(names),
    )


def within(faces: Measured) -> Comparisons:
    """Compare every photograph of a set with every later one."""
    names, numbers = np.unique(faces.people, return_inverse=True)
    first, second = np.triu_indices(len(faces.people), 1)
    similarities = (faces.embeddings @ faces.embeddings.T)[first, second]
    same = numbers[first] == numbers[second]
    return Comparisons(
        similarities[same],
        numbers[first[same]],
        similarities[~same],
        np.stack([numbers[first[~same]], numbers[second[~same]]], axis=1),
        len(names),
    )


def search_rates(faces: Measured, threshold: float) -> tuple[Rate, Rate, int]:
    """Return FPIR, FNIR and the size of the gallery: one photograph a person, searched with all others.

    A probe whose person is enrolled is missed when its mate is below the threshold; for FPIR the probe's own
    person is taken out of the gallery, and anybody else at or above the threshold is a false lead.
    """
    names, first, numbers = np.unique(faces.people, return_index=True, return_inverse=True)
    probes = np.setdiff1d(np.arange(len(numbers)), first)
    similarities = faces.embeddings[probes] @ faces.embeddings[first].T
    own, weights = numbers[probes], _weights(len(names))
    missed = similarities[np.arange(len(probes)), own] < threshold
    similarities[np.arange(len(probes)), own] = -np.inf
    led = (similarities >= threshold).any(axis=1)
    totals = np.maximum(weights[:, own].sum(axis=1), 1)
    fpir, fnir = (
        _rate(float(hit.mean()), weights[:, own[hit]].sum(axis=1) / totals) for hit in (led, missed)
    )
    return fpir, fnir, len(names)


def _weights(people_count: int) -> NDArray[np.float64]:
    """Return how often each person is drawn in each resampling, (RESAMPLINGS, people)."""
    chance = np.random.default_rng(SEED)
    shares = np.full(people_count, 1 / people_count)
    return chance.multinomial(people_count, shares, RESAMPLINGS).astype(np.float64)


def _rate(share: float, resampled: NDArray[np.float64]) -> Rate:
    low, high = np.percentile(resampled, (LOW, HIGH))
    return Rate(share, float(low), float(high))
