"""Sends a text message through the first provider that takes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from gelombang.domain.errors import DependencyError
from gelombang.journey.ports import TextMessages

AVOIDED_S = (
    30.0  # a provider that failed is asked last for so long: people need not wait for its timeout each time
)


class TextsInTurn:
    """`gelombang.journey.ports.TextMessages` over several providers, in their order.

    A provider that did not answer may have sent the message all the same; then it comes twice, with the same code.
    """

    def __init__(
        self, providers: Sequence[TextMessages], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._providers = list(providers)
        self._monotonic_s = monotonic_s
        self._avoided_until = [0.0] * len(self._providers)

    def send(self, phone: str, text: str) -> None:
        """Send `text` to `phone` (E.164).

        Raises:
            DependencyError: no provider took it.
        """
        now = self._monotonic_s()
        turns, may_be_done = range(len(self._providers)), False
        for turn in sorted(turns, key=lambda turn: self._avoided_until[turn] > now):
            try:
                self._providers[turn].send(phone, text)
            except DependencyError as error:
                may_be_done |= error.may_be_done
                self._avoided_until[turn] = self._monotonic_s() + AVOIDED_S
            else:
                self._avoided_until[turn] = 0.0
                return
        raise DependencyError("texts", "no provider took the message", may_be_done=may_be_done)
