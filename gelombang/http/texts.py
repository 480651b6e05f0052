"""Text messages through a plain HTTP gateway: one POST of JSON each.

    POST <url>   Authorization: Bearer <secret>   {"to": "+62…", "message": "…"}   →   any 2xx: taken

The number travels in the body only, never in a URL. Nothing of the answer is ever in an error.
"""

from __future__ import annotations

import json

import urllib3

from gelombang.domain.errors import DependencyError

TIMEOUT_S = 3.0  # somebody waits for this, and there may be another provider to ask
SERVICE = "text-gateway"
NEVER_SENT = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)


class HttpTexts:
    """`gelombang.journey.ports.TextMessages` at `url`; asked once, because twice could send twice."""

    def __init__(self, url: str, secret: str, timeout_s: float = TIMEOUT_S) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(total=timeout_s), retries=False)

    def close(self) -> None:
        """Close the kept connections."""
        self._pool.clear()

    def send(self, phone: str, text: str) -> None:
        """Send `text` to `phone` (E.164).

        Raises:
            DependencyError: not reached in time, or not taken.
        """
        body = json.dumps({"to": phone, "message": text}).encode()
        try:
            answer = self._pool.request("POST", self._url, body=body, headers=self._headers, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            # `from None`: urllib3's error carries the address, which may name an account.
            may_be_done = not isinstance(error, NEVER_SENT)
            raise DependencyError(SERVICE, type(error).__name__, may_be_done=may_be_done) from None
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - RFC 9110, 15.3: the successful ones
            may_be_done = answer.status >= 500  # noqa: PLR2004 - RFC 9110, 15.6: it failed, perhaps after the effect
            raise DependencyError(SERVICE, str(answer.status), may_be_done=may_be_done)
