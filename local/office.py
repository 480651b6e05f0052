"""What the programme's people do in the demo: reviewers decide, an operator takes a wave through its steps.

The demo plays the reviewers from the scenario's truth; nothing else in the system knows that truth.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx

from gelombang.domain.wave import STEPS, WaveStep
from local.applicant import wait_for
from local.client import TIMEOUT_S, TLS, ApiProblemError, Caller

if TYPE_CHECKING:
    from local.client import Json

REVIEW_EVERY_S = 1.0
STEP_S = 120.0
DECIDED_ALREADY = "move-not-allowed"


@dataclass(slots=True)
class ReviewDesk:
    """Decides every open case by the truth, in a thread of its own, until it is closed."""

    reviewer: Caller
    truth: Callable[[str], bool | None]  # application id → is it genuine; None: not one of the demo's
    named: dict[str, frozenset[str]] = field(default_factory=dict)  # application → the others its case named
    _closing: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._work, name="review-desk", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        if self._thread:
            self._thread.join()

    def decide_open_cases(self) -> int:
        """Look at and decide every open case once; return how many were decided."""
        decided = 0
        for head in self.reviewer.get("/v1/reviews")["cases"]:
            is_genuine = self.truth(head["application_id"])
            if is_genuine is None:
                continue
            case = self.reviewer.get(f"/v1/reviews/{head['case_id']}")
            others = frozenset(case["head"]["other_application_ids"])
            self.named[head["application_id"]] = self.named.get(head["application_id"], frozenset()) | others
            decided += self._decide(head["case_id"], is_genuine=is_genuine)
        return decided

    def _decide(self, case_id: str, *, is_genuine: bool) -> bool:
        decision = {"decision": "accept" if is_genuine else "refuse", "note": "Decided by the demo's script."}
        try:
            self.reviewer.post(f"/v1/reviews/{case_id}/decision", decision)
        except ApiProblemError as problem:
            if problem.slug == DECIDED_ALREADY:  # the list of open cases may lag behind a decision
                return False
            raise
        return True

    def _work(self) -> None:
        while not self._closing.wait(REVIEW_EVERY_S):
            # Left open, a case is seen again a second later; what never goes well is told by the walk's deadline.
            with suppress(ApiProblemError, httpx.HTTPError):
                self.decide_open_cases()


class NoBundleError(Exception):
    """A wave has no files to download before its commitment."""

    def __init__(self, wave_id: str) -> None:
        super().__init__(f"Wave {wave_id} has no bundle yet: close, freeze and commit it first.")


def take_step(operator: Caller, wave_id: str, step: WaveStep, deadline_s: float = STEP_S) -> Json:
    """Ask for one step of a wave and wait until it is done; return the wave.

    Raises:
        ApiProblemError: the wave is not where this step begins, or the caller may not take it.
        TookTooLongError: the step was not done within `deadline_s` seconds.
    """
    operator.post(f"/v1/waves/{wave_id}/{step}")
    target = STEPS[step][1]
    seen: list[Json] = []

    def is_done() -> bool:
        seen[:] = [operator.get(f"/v1/waves/{wave_id}")]
        return bool(seen[0]["state"] == target)

    wait_for(f"step {step} of wave {wave_id}", is_done, deadline_s)
    return seen[0]


def download_bundle(anybody: Caller, wave_id: str, folder: Path) -> Path:
    """Save the draw bundle of a published wave under `folder` and return where it lies.

    Raises:
        ApiProblemError: there is no such wave.
        NoBundleError: it has not been committed yet.
        httpx.HTTPError: a file could not be fetched.
    """
    target = folder / wave_id
    files = anybody.get(f"/v1/waves/{wave_id}/bundle")["files"]
    if not files:
        raise NoBundleError(wave_id)
    target.mkdir(parents=True, exist_ok=True)
    for listed in files:
        answer = httpx.get(listed["url"], timeout=TIMEOUT_S, verify=TLS)
        answer.raise_for_status()
        (target / Path(listed["name"]).name).write_bytes(answer.content)
    return target


def seats_of(wave: Mapping[str, object]) -> int:
    """Return how many seats a wave offers in all its regions."""
    quota = wave["quota"]
    return sum(quota.values()) if isinstance(quota, dict) else 0
