"""A vault that keeps what was sealed and hands out meaningless tokens for it: no cipher is needed."""

from __future__ import annotations

import hashlib
import hmac
import json
from copy import copy
from itertools import count

from gelombang.domain.errors import NotFoundError
from gelombang.domain.tags import TagKeys
from gelombang.journey.tags import ChainedTags

FIRST_KEY = "memory vault, tests only"


class MemoryVault(ChainedTags):
    """Seals by keeping; tags with keys that are their own names."""

    def __init__(self) -> None:
        super().__init__(TagKeys((FIRST_KEY,)), _mac)
        self._kept: dict[str, tuple[str, str]] = {}
        self._numbers = count()  # threads, each by itself, get another
        self._forgotten: set[str] = set()

    def with_tag_keys(self, tag_keys: TagKeys) -> MemoryVault:
        """Return this vault as a process with these keys has it; both share what is sealed."""
        other = copy(self)
        ChainedTags.__init__(other, tag_keys, _mac)
        return other

    def seal(self, plain: str, context: dict[str, str]) -> str:
        """Return a token that opens only here and under the same context."""
        self._must_be_known(context)
        token = f"sealed-{next(self._numbers)}"
        self._kept[token] = (plain, json.dumps(context, sort_keys=True))
        return token

    def open(self, sealed: str, context: dict[str, str]) -> str:
        """Return what was sealed."""
        self._must_be_known(context)
        plain, kept_context = self._kept.get(sealed, ("", ""))
        if kept_context != json.dumps(context, sort_keys=True):
            raise ValueError("not sealed here, or under another context")
        return plain

    def forget(self, application_id: str) -> None:
        """Forget the application's key."""
        self._forgotten.add(application_id)

    def _must_be_known(self, context: dict[str, str]) -> None:
        if context.get("application_id") in self._forgotten:
            raise NotFoundError


def _mac(key: str, message: bytes) -> str:
    return hmac.new(key.encode(), message, hashlib.sha256).hexdigest()
