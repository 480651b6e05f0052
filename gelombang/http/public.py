"""Asks the service at its public address, as a phone reaches it: name, TLS, gateway, function.

    GET <address>/v1/<application>/health   →   200 within TIMEOUT_S: it answers

The health routes ask nothing of anyone, so this costs next to nothing, and what it finds is the way there.
"""

from __future__ import annotations

import urllib3

TIMEOUT_S = 2.0  # of each route; a phone on a good line would have given up on it
HEALTH = tuple(f"/v1/{application}/health" for application in ("register", "verify", "select"))


class PublicService:
    """The service at `url`, which ends in no slash."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._url = url
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(total=timeout_s), retries=False)

    def close(self) -> None:
        """Close the kept connections."""
        self._pool.clear()

    def unanswered(self) -> tuple[str, ...]:
        """Return the health routes that did not answer with 200 in time; each is asked once."""
        return tuple(route for route in HEALTH if not self._answers(route))

    def _answers(self, route: str) -> bool:
        try:
            answer = self._pool.request("GET", self._url + route, redirect=False)
        except urllib3.exceptions.HTTPError:
            return False
        return bool(answer.status == 200)  # noqa: PLR2004 - RFC 9110, 15.3.1
