"""A vault that keeps what was sealed and hands out meaningless tokens for it: no cipher is needed."""

from __future__ import annotations

import hashlib
import hmac
import json

from gelombang.domain.errors import NotFoundError


class MemoryVault:
    """Seals by keeping; tags with a key of its own."""

    def __init__(self, key: bytes = b"memory vault, tests only") -> None:
        self._key = key
        self._kept: dict[str, tuple[str, str]] = {}
        self._forgotten: set[str] = set()

    def seal(self, plain: str, context: dict[str, str]) -> str:
        """Return a token that opens only here and under the same context."""
        self._must_be_known(context)
        token = f"sealed-{len(self._kept)}"
        self._kept[token] = (plain, json.dumps(context, sort_keys=True))
        return token

    def open(self, sealed: str, context: dict[str, str]) -> str:
        """Return what was sealed."""
        self._must_be_known(context)
        plain, kept_context = self._kept.get(sealed, ("", ""))
        if kept_context != json.dumps(context, sort_keys=True):
            raise ValueError("not sealed here, or under another context")
        return plain

    def tag(self, purpose: str, plain: str) -> str:
        """Return the keyed HMAC-SHA-256, hex."""
        return hmac.new(self._key, f"{purpose}\x1f{plain}".encode(), hashlib.sha256).hexdigest()

    def forget(self, application_id: str) -> None:
        """Forget the application's key."""
        self._forgotten.add(application_id)

    def _must_be_known(self, context: dict[str, str]) -> None:
        if context.get("application_id") in self._forgotten:
            raise NotFoundError
