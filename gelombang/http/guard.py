"""Keeps this process from asking one register too much: a rate, few retries, and none while it does not answer.

    admit ─▶ breaker open? ─▶ rate: a token now, within WAIT_S, or not at all ─▶ asked ─▶ note: answered, or not

Nothing is shared between processes: each has its share of the agreed rate, and finds out by itself that a register
is down, with one question every OPEN_S (docs/decisions/0029). Whoever is not admitted stays pending and asks again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from gelombang.domain.errors import DependencyError

FAILURES_MOST = 8  # in a row; at 20 % errors and few retries that comes once in ten million questions
OPEN_S = 30.0  # then one question finds out whether the register is back
WAIT_S = 2.0  # the longest that a question waits for its turn
RETRY_SHARE = 0.1  # of questions may be asked a second time at once: 1.1 requests a question at most
RETRIES_SAVED = 5.0  # so that a good hour earns no storm


class Guard:
    """What is known of one register in this process; safe under threads."""

    def __init__(
        self,
        source: str,
        per_s: float,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._source, self._per_s, self._burst = source, per_s, max(1.0, per_s)
        self._monotonic, self._sleep = monotonic, sleep
        self._lock = threading.Lock()
        self._tokens, self._filled_at = self._burst, monotonic()
        self._failures, self._open_until = 0, 0.0
        self._retries = 1.0

    def admit(self) -> None:
        """Let one question pass when it is its turn.

        Raises:
            DependencyError: the register has not answered for a while, or its turn is too far off.
        """
        with self._lock:
            now = self._monotonic()
            if self._failures >= FAILURES_MOST:
                if now < self._open_until:
                    raise DependencyError(self._source, "has not answered for a while")
                self._open_until = now + OPEN_S  # this one finds out, the others wait for what it finds
            wait_s = self._take(now)
        if wait_s:
            self._sleep(wait_s)

    def may_retry(self) -> bool:
        """Say whether the question that was admitted may be asked twice."""
        with self._lock:
            self._retries = min(RETRIES_SAVED, self._retries + RETRY_SHARE)
            return self._retries >= 1 and self._failures < FAILURES_MOST

    def note(self, *, is_answered: bool, retries: int) -> None:
        """Note what became of a question, and how many times it was asked again."""
        with self._lock:
            self._retries -= retries
            self._tokens -= retries
            self._failures = 0 if is_answered else self._failures + 1
            if self._failures == FAILURES_MOST:
                self._open_until = self._monotonic() + OPEN_S

    def _take(self, now: float) -> float:
        filled = self._tokens + (now - self._filled_at) * self._per_s
        self._tokens, self._filled_at = min(self._burst, filled), now
        wait_s = max(0.0, (1 - self._tokens) / self._per_s)
        if wait_s > WAIT_S:
            raise DependencyError(self._source, "the agreed rate is used up")
        self._tokens -= 1
        return wait_s
