"""Reads the headers by which a request says what it is and what must hold for it: Idempotency-Key and If-Match."""

from __future__ import annotations

import re

from gelombang.api.problems import IdempotencyKeyError

_UUID = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-4[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}"
IDEMPOTENCY_KEY = f'^(?:{_UUID}|"{_UUID}")$'
_RANDOM_UUID = re.compile(_UUID)
_STRONG_ETAG = re.compile(r'(?<!W/)"[\x21\x23-\x7e]*"')


def idempotency_key(header: str | None) -> str:
    """Return the key in an Idempotency-Key header's value, "" where there is no such header.

    For somebody who has not signed in it is all that says whose answer is whose: nothing but 122 random bits will do.

    Raises:
        IdempotencyKeyError: not a random UUID, in quotes (as the draft's structured field) or without.
    """
    if header is None:
        return ""
    plain = header.strip()
    if len(plain) > 1 and plain[0] == plain[-1] == '"':
        plain = plain[1:-1]
    if _RANDOM_UUID.fullmatch(plain) is None:
        raise IdempotencyKeyError
    return plain.lower()


def expected_etags(header: str) -> frozenset[str] | None:
    """Return the entity tags an If-Match header allows, None when it asks for nothing; weak ones never match.

    Source: RFC 9110, section 13.1.1.
    """
    if not header or header.strip() == "*":
        return None
    return frozenset(_STRONG_ETAG.findall(header))
