"""A corpus of requests nobody sends by mistake: bodies, media types, headers and path values.

The bodies are shared with tests/functions/test_hostile_bodies.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

MOST_BYTES = 64 * 1024  # what the API takes
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "not json": b"hello",
    "half": b'{"phone": "08',
    "deep lists": b"[" * 30_000 + b"]" * 30_000,
    "deep objects": b'{"phone":' * 6_000 + b"1" + b"}" * 6_000,
    "deep in a field": b'{"phone":' + b"[" * 180 + b"]" * 180 + b"}",
    "huge integer": b'{"phone":' + b"9" * 5_000 + b"}",
    "long integer": b'{"phone":' + b"9" * 400 + b"}",
    "huge float": b'{"phone":1e999}',
    "not a number": b'{"phone":NaN}',
    "lone surrogate": b'{"phone":"\\ud800","action":"log_in"}',
    "lone surrogate as a key": b'{"\\udc00":1}',
    "surrogates as bytes": b'{"phone":"\xed\xa0\x80"}',
    "latin-1": '{"phone":"é"}'.encode("latin-1"),
    "utf-16": '{"phone":"1"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "a key twice": b'{"phone":"1","phone":"2","action":"log_in"}',
    "a key twice deep down": b'{"phone":[{"a":1,"a":2}]}',
    "escaped nul": b'{"phone":"\\u0000","action":"log_in"}',
    "raw nul": b'{"phone":"\x00","action":"log_in"}',
    "null": b"null",
    "list": b"[]",
    "string": b'"phone"',
    "number": b"12",
    "wrong types": b'{"phone":["08"],"action":{"a":1}}',
    "nulls": b'{"phone":null,"action":null}',
    "unknown keys": b'{"__proto__":1,"constructor":2,"":3}',
    "over the limit": b'{"phone":"' + b"1" * MOST_BYTES + b'"}',
    "many keys": b"{" + b",".join(b'"k%d":1' % n for n in range(5_000)) + b"}",
}
FIELDS = (
    *(
        "phone",
        "action",
        "device",
        "challenge_id",
        "code",
        "nik",
        "kk",
        "name",
        "birth_date",
        "region",
        "purpose",
    ),
    *(
        "is_given",
        "version",
        "content_type",
        "size_bytes",
        "decision",
        "note",
        "wave_id",
        "opens_at",
        "closes_at",
    ),
    *(
        "quota",
        "rule_set",
        "priority_seats",
        "priority_nik_tags",
        "reserve_percent",
        "beacon",
        "beacon_source",
    ),
    *("max_recipients_per_household",),
)
VALUES: tuple[bytes, ...] = (
    *(
        b'""',
        b'" "',
        b'"\\u202e"',
        b'"\\ud83d\\ude00"',
        b'"\\ud83d"',
        b'"\\u0000"',
        b'"\xf4\x90\x80\x80"',
        b"0",
        b"-1",
    ),
    *(
        b"1e308",
        b"1e309",
        b"-0",
        b"9223372036854775808",
        b"9" * 60,
        b"0.1",
        b"true",
        b"null",
        b"[]",
        b"{}",
        b"[[[]]]",
    ),
    *(b'"2026-02-30"', b'"0001-01-01T00:00:00+23:59"', b'"9999-12-31T23:59:59Z"', b'"2026-11-23T09:00:00"'),
    *(b'"%s"' % (b"a" * 5_000), b'"../../x"', b'"\'; DROP TABLE"', b'"{{7*7}}"', b'"-Infinity"', b"Infinity"),
    *(
        b'{"3171":1}',
        b'{"3171":-1}',
        b'{"3171":1e2}',
        b'{"\\ud800":1}',
        b'["a","a"]',
        b'"gelombang-1"',
        b'"+6281200000001"',
    ),
    *(
        b'"accept"',
        b'"face_check"',
        b'"log_in"',
        b'"image/jpeg"',
        b'"1990-01-05"',
        b'"3171"',
        b'"3171014501900001"',
    ),
    b'"00112233445566778899aabbccddeeff"',
)
MEDIA_TYPES = (
    *("application/json",) * 6,
    *(
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
        'application/json; charset="utf-8"',
    ),
    *(
        "text/plain",
        "multipart/form-data",
        "",
        ";",
        "application/json;charset=",
        "APPLICATION/JSON",
        "\ud800",
        "a" * 9_000,
    ),
    *(
        "application/json; charset=utf-8; charset=utf-7",
        "application/problem+json",
        "application/x-www-form-urlencoded",
    ),
)
KEYS = (
    *(
        "",
        '"',
        '""',
        "1",
        "é",
        "a" * 9_000,
        "8e03978e-40d5-43e8-bc93-6894a57f9324",
        "\ud800",
        '"8e03978e"',
        ", ,",
        "*",
    ),
    *(
        '"8e03978e-40d5-43e8-bc93-6894a57f9324"',
        "8E03978E-40D5-43E8-BC93-6894A57F9324",
        "{}",
        "\x00",
        "-" * 36,
    ),
)
TAGS = ("*", '""', '"', "W/", 'W/"x"', '"a", "b"', "é", "\ud800", "," * 5_000, '"' * 5_001, "\x00", "")
TOKENS = (
    "",
    "Bearer",
    "Bearer ",
    "Bearer " + "a" * 300,
    "Basic YTpi",
    "bearer é",
    "Bearer \ud800",
    "Bearer a b",
    "\x00",
)
NAMES = (
    *(
        "x",
        "..",
        ".",
        "%2e%2e",
        "a%00b",
        "%ed%a0%80",
        "x" * 81,
        "a%0d%0ab",
        "%27%20OR%201",
        "gelombang-1",
        "ktp",
        "selfie",
    ),
    *("case-app_1-1", "%", "%zz", quote("é"), "-", "%20", "this", "_", "%2F", "constructor"),
)
RARELY, AT_TIMES, OFTEN = 0.03, 0.1, 0.3  # shares of the cases
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE")


@dataclass(frozen=True, slots=True)
class HostileCase:
    """One request: `path` may still hold parameters, to be filled with names that exist."""

    method: str
    template: str
    path: str
    headers: dict[str, str]
    body: bytes


def cases(
    chance: random.Random, operations: Sequence[tuple[str, str]], count: int, *, is_first: bool = True
) -> Iterator[HostileCase]:
    """Yield `count` cases: first, unless that was done, every body to every operation; then combinations by chance."""
    whole = [(operation, body) for body in BODIES.values() for operation in operations if is_first]
    chance.shuffle(whole)
    for number in range(count):
        (method, template), body = (
            whole[number] if number < len(whole) else (chance.choice(operations), _body(chance))
        )
        if chance.random() < RARELY:
            method = chance.choice(METHODS)
        yield HostileCase(method, template, _path(chance, template), _headers(chance), body)


def _body(chance: random.Random) -> bytes:
    if chance.random() < AT_TIMES:
        return chance.choice(list(BODIES.values()))
    pairs = [(chance.choice(FIELDS).encode(), chance.choice(VALUES)) for _ in range(chance.randrange(6))]
    body = b"{" + b",".join(b'"%s":%s' % pair for pair in pairs) + b"}"
    if chance.random() < AT_TIMES and body:
        place = chance.randrange(len(body))
        body = body[:place] + chance.randbytes(1) + body[place + 1 :]
    return body


def _headers(chance: random.Random) -> dict[str, str]:
    headers = {"Content-Type": chance.choice(MEDIA_TYPES)}
    for name, values in (("Idempotency-Key", KEYS), ("If-Match", TAGS)):
        if chance.random() < OFTEN:
            headers[name] = chance.choice(values)
    if chance.random() < AT_TIMES:
        headers["Authorization"] = chance.choice(TOKENS)
    return headers


def _path(chance: random.Random, template: str) -> str:
    words = template.split("/")
    given = ((word.startswith("{") and chance.random() < OFTEN, word) for word in words)
    return "/".join(chance.choice(NAMES) if is_hostile else word for is_hostile, word in given)
