"""What the programme's people do in the demo: reviewers answer, an operator takes a wave through its steps.

The demo plays the reviewers from the scenario's truth; nothing else in the system knows that truth. They are told no
names: they know people by the pictures they are shown.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx

from gelombang.domain.wave import WaveState, WaveStep, is_due
from local.applicant import wait_for
from local.client import TIMEOUT_S, TLS, ApiProblemError, Caller

if TYPE_CHECKING:
    from local.client import Json

REVIEW_EVERY_S = 1.0
STEP_S = 120.0
GONE = ("move-not-allowed", "not-found")  # decided, withdrawn or given to somebody else meanwhile


@dataclass(slots=True)
class ReviewDesk:
    """Several reviewers who are given cases, look at the pictures and answer, in a thread of their own.

    `whose` says of a card's picture whose it is, `answer_of` what the reviewer of that number (from 0) says of them.
    """

    reviewers: Sequence[Caller]
    whose: Callable[[bytes], str | None]
    answer_of: Callable[[str, int], str]
    beside: dict[str, frozenset[str]] = field(default_factory=dict)  # who was seen beside whom
    answers: Counter[str] = field(default_factory=Counter)  # how many each got
    views: Counter[str] = field(default_factory=Counter)  # how often each was shown
    _first: int = 0
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

    def answer_what_waits(self) -> int:
        """Let every reviewer take what they are given, once; return how many answers were given."""
        order = [(self._first + turn) % len(self.reviewers) for turn in range(len(self.reviewers))]
        self._first = (self._first + 1) % len(self.reviewers)  # so that all of them come to be first
        return sum(self._answer_next(number) for number in order)

    def _answer_next(self, number: int) -> int:
        reviewer = self.reviewers[number]
        given = reviewer.post("/v1/reviews/next")["review"]
        if given is None:
            return 0
        path = f"/v1/reviews/{given['review_id']}"
        people = reviewer.get(path)["people"]
        names = {person["label"]: self._name_of(person) for person in people}
        self.views.update(name for name in names.values() if name is not None)
        answered = 0
        for label in given["labels"]:
            name = names.get(label)
            if name is not None:
                others = frozenset(each for each in names.values() if each not in (name, None))
                self.beside[name] = self.beside.get(name, frozenset()) | others
                answered += self._answer(number, path, label, name)
        return answered

    def _name_of(self, person: Json) -> str | None:
        return self.whose(fetched(person["ktp_url"])) if person["ktp_url"] else None

    def _answer(self, number: int, path: str, label: str, name: str) -> bool:
        said = {
            "label": label,
            "decision": self.answer_of(name, number),
            "note": "Answered by the demo's script.",
        }
        try:
            self.reviewers[number].post(f"{path}/decision", said)
        except ApiProblemError as problem:
            if problem.slug in GONE:
                return False
            raise
        self.answers[name] += 1
        return True

    def _work(self) -> None:
        while not self._closing.wait(REVIEW_EVERY_S):
            # Left open, a case is given again a second later; what never goes well is told by the walk's deadline.
            with suppress(ApiProblemError, httpx.HTTPError):
                self.answer_what_waits()


def fetched(url: str) -> bytes:
    """Return a file that the API gave an address of: a picture that a reviewer is shown, or a published one.

    Raises:
        httpx.HTTPError: it could not be fetched.
    """
    return httpx.get(url, timeout=TIMEOUT_S, verify=TLS).raise_for_status().content


class NoBundleError(Exception):
    """A wave has no files to download before its commitment."""

    def __init__(self, wave_id: str) -> None:
        super().__init__(f"Wave {wave_id} has no bundle yet: close, freeze and commit it first.")


def take_step(
    operator: Caller,
    wave_id: str,
    step: WaveStep,
    deadline_s: float = STEP_S,
    watch: Callable[[Json], None] = lambda _page: None,
) -> Json:
    """Ask for one step of a wave and wait until it is done; return the wave. `watch` is shown every page on the way.

    Raises:
        ApiProblemError: the wave is not where this step begins, or the caller may not take it.
        TookTooLongError: nothing was seen of it for `deadline_s` seconds; it goes on, and can be asked for again.
    """
    page = operator.post(f"/v1/waves/{wave_id}/{step}")
    seen: list[Json] = [page]

    def has_moved() -> bool:
        seen.append(operator.get(f"/v1/waves/{wave_id}"))
        watch(seen[-1])
        return _is_behind(seen[-1], step) or seen[-1]["progress"] != page["progress"]

    while not _is_behind(page, step):
        wait_for(f"step {step} of wave {wave_id}", has_moved, deadline_s)
        page = seen[-1]
    return page


def _is_behind(page: Json, step: WaveStep) -> bool:
    return not is_due(step, WaveState(page["state"]))


def download_bundle(anybody: Caller, wave_id: str, folder: Path) -> Path:
    """Save the files of a wave's draw that are published under `folder` and return where they lie.

    Raises:
        ApiProblemError: there is no such wave.
        NoBundleError: it has not been committed yet.
        httpx.HTTPError: a file could not be fetched.
    """
    target, urls = folder / wave_id, _bundle_urls(anybody, wave_id)
    target.mkdir(parents=True, exist_ok=True)
    for name, url in urls.items():
        (target / Path(name).name).write_bytes(fetched(url))
    return target


def read_bundle_file(anybody: Caller, wave_id: str, name: str) -> bytes:
    """Return one published file of a committed wave's draw; raises as `download_bundle` does."""
    return fetched(_bundle_urls(anybody, wave_id)[name])


def _bundle_urls(anybody: Caller, wave_id: str) -> dict[str, str]:
    files = anybody.get(f"/v1/waves/{wave_id}/bundle")["files"]
    if not files:
        raise NoBundleError(wave_id)
    return {listed["name"]: listed["url"] for listed in files}


def seats_of(wave: Mapping[str, object]) -> int:
    """Return how many seats a wave offers in all its regions."""
    quota = wave["quota"]
    return sum(quota.values()) if isinstance(quota, dict) else 0
