"""Sets the limits of the photo faults from what was measured, for `quality_report --write`.

A limit lies half way between ordinary and spoiled photographs where they are apart, and where they are not, where
it refuses two in a hundred ordinary ones: an applicant asked for another photograph without need may give up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy.fault_trials import Ordinary, Trial
from benchmarks.accuracy.faults import Look

ORDINARY_SHARE, SPOILED_SHARE = 0.02, 0.03  # of photographs that may lie on the wrong side
DIGITS = 3
# Left as they are set by hand: half way between light and dark photographs begin people with dark skin, between open
# and closed eyes narrow ones, and what print a worn card shows through a reflection drawn cards cannot say.
BY_HAND = ("TOO_DARK", "EYES_CLOSED", "NOT_A_KTP")


def set_limits(stored: dict[str, Any], trials: Sequence[Trial], ordinary: Ordinary, command: str) -> None:
    """Change every limit of `stored` that a trial speaks of, and say in it by which test."""
    for name, looks in (("faults", ordinary.looks), ("ktp_faults", ordinary.card_looks)):
        for fault, limit in stored[name].items():
            spoiled = [look for trial in trials if trial.fault == fault for look in trial.looks]
            # A card's portrait is printed: its light and sharpness have limits of their own, set by hand.
            if not spoiled or name == "ktp_faults" or fault in BY_HAND:
                continue
            (bound,) = {"below", "above", "outside"} & set(limit)
            good, bad = (_values(each, limit["measure"], bound) for each in (looks, spoiled))
            limit[bound] = round(_between(good, bad, -1 if bound == "below" else 1), DIGITS)
            limit["set_by"] = (
                f"benchmarks.accuracy.{command}, {datetime.now(UTC).date()}: {len(good)} ordinary and {len(bad)} "
                "spoiled photographs of the half that is not reported"
            )


def _values(looks: Sequence[Look], measure: str, bound: str) -> NDArray[np.float64]:
    taken = np.array([look.evidence.measures[measure] for look in looks if measure in look.evidence.measures])
    return np.abs(taken) if bound == "outside" else taken


def _between(good: NDArray[np.float64], bad: NDArray[np.float64], sign: int) -> float:
    """Return the limit for a measure that is worse the higher (`sign` 1) or the lower (-1) it is."""
    last_good = float(np.quantile(sign * good, 1 - ORDINARY_SHARE))
    first_bad = float(np.quantile(sign * bad, SPOILED_SHARE))
    return sign * max((last_good + first_bad) / 2, last_good)
