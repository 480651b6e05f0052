"""Finds personal data where it must not be: every form of a known value, in whatever left the trusted rows.

A run plants or knows its people's values (`Canary`); `find_leaks` looks for them in each sink: a log, queue messages,
keys, addresses, problems. What was encoded on its way is decoded here, one layer after another, so a NIK in the base64
of a URL-encoded JSON string is found; and each kind of value has the forms that people and programs give it. A leak
names the value's kind, the sink and the encoding, never the value.

Used by tests/functions/test_canaries.py (a whole journey in memory), tests/engine and the demo's report.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from urllib.parse import unquote_to_bytes

LAYERS = 4  # of encodings around each other
SHORTEST_NUMBER = 10  # digits; of a shorter one, groups of other numbers would look like it
PART = 12  # characters or bytes of a long secret that give it away
# Between the digits of one number: what people group them with, also as a URL's plus for a space.
_GROUPING = re.compile(rb"(?<=\d)[ \t.,\-_/:()+\xa0]{1,3}(?=\d)")
# Of JSON and of Python: a character by itself or by a letter, by its UTF-16 units, or a byte.
_ESCAPE = re.compile(rb'\\(?:([\\"/\'nrt])|((?:u[0-9a-fA-F]{4}\\)*u[0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))')
_BY_LETTER = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_HEX_RUN = re.compile(rb"[0-9a-fA-F]{12,}")
_BASE64_RUN = re.compile(rb"[A-Za-z0-9+/_-]{8,}")


@dataclass(frozen=True, slots=True)
class Canary:
    """One value that must be nowhere: `kind` names it in a report; the forms in which it is looked for."""

    kind: str
    words: tuple[re.Pattern[bytes], ...] = field(default=(), repr=False)  # in text, lower case
    digits: tuple[bytes, ...] = field(
        default=(), repr=False
    )  # in text whose numbers are not grouped any more
    content: tuple[bytes, ...] = field(default=(), repr=False)  # in bytes as they are


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """A value was found; `encoding` says under which layers, "as is" when under none."""

    kind: str
    sink: str
    encoding: str


def number(kind: str, value: str) -> Canary:
    """Return a long number (NIK, KK): however grouped, also backwards."""
    if len(value) < SHORTEST_NUMBER or not value.isdigit():
        raise ValueError("a number has ten digits or more")
    return Canary(kind, digits=(value.encode(), value[::-1].encode()))


def phone(kind: str, value: str) -> Canary:
    """Return an Indonesian phone number in E.164: with +62, 62, 0 or nothing before it, however grouped."""
    return number(kind, value.removeprefix("+62"))


def name(kind: str, value: str) -> Canary:
    """Return a person's name: any case, whatever stands between its words."""
    return Canary(kind, (re.compile(rb"[\W_]{1,3}".join(map(re.escape, _folded(value.encode()).split()))),))


def word(kind: str, value: str) -> Canary:
    """Return a word by which something would be called, such as the name of a score."""
    return Canary(kind, (re.compile(re.escape(_folded(value.encode()))),))


def secret(kind: str, value: str) -> Canary:
    """Return a token, nonce, address or note: its beginning and its end give it away as well as the whole."""
    found = _folded(value.encode())
    return Canary(kind, tuple(re.compile(re.escape(part)) for part in {found[:PART], found[-PART:]}))


def code(kind: str, value: str) -> Canary:
    """Return a short code: standing alone, in one piece or in two."""
    half = len(value) // 2
    pattern = rf"(?<![\w.:+-]){value[:half]}[ -]?{value[half:]}(?![\w-]|\.\d)"
    return Canary(kind, (re.compile(pattern.encode()),))


def day(kind: str, value: date) -> Canary:
    """Return a date: year or day first, with separators, or as one number of its own (in hex there are many)."""
    parts = (f"{value:%Y}", f"{value:%m}", f"{value:%d}")
    orders = (parts, parts[::-1])
    written = [rf"(?<!\d){'[-/. ]'.join(order)}(?!\d)" for order in orders]
    written += [rf"(?<![0-9a-z]){''.join(order)}(?![0-9a-z])" for order in orders]
    return Canary(kind, tuple(re.compile(each.encode()) for each in written))


def measure(kind: str, value: float) -> Canary:
    """Return a score or a component, 0.001 < |value| < 1: three or more decimals of it, or two of a percentage."""
    shown = {f"{abs(value):.3f}"[1:], f"{abs(value):.6f}"[1:5]}  # rounded, and cut off
    percent = {f"{abs(value) * 100:.2f}", f"{abs(value) * 100:.4f}"[:-2]}
    patterns = [rf"(?<![\d.])0?{re.escape(each)}" for each in shown]
    patterns += [rf"(?<![\d.]){re.escape(each)}" for each in percent]
    return Canary(kind, tuple(re.compile(each.encode()) for each in patterns))


def blob(kind: str, value: bytes) -> Canary:
    """Return bytes (a photograph, a vector): a part of their beginning, middle or end."""
    middle = len(value) // 2
    return Canary(kind, content=(value[:PART], value[middle : middle + PART], value[-PART:]))


def find_leaks(canaries: Iterable[Canary], sinks: Mapping[str, bytes]) -> list[Leak]:
    """Return every leak once, in order of kind, sink and encoding."""
    wanted = list(canaries)
    return sorted({leak for sink, content in sinks.items() for leak in _leaks_in(wanted, sink, content)})


def _leaks_in(wanted: list[Canary], sink: str, content: bytes) -> Iterator[Leak]:
    seen: set[str] = set()
    for encoding, layer in _layers(content):
        text = _folded(layer)
        plain = _GROUPING.sub(b"", _GROUPING.sub(b"", text))
        for canary in wanted:
            if canary.kind not in seen and _is_in(canary, layer, text, plain):
                seen.add(canary.kind)
                yield Leak(canary.kind, sink, encoding)


def _is_in(canary: Canary, layer: bytes, text: bytes, plain: bytes) -> bool:
    return (
        any(each in plain for each in canary.digits)
        or any(each.search(text) for each in canary.words)
        or any(each in layer for each in canary.content)
    )


def _layers(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the content and whatever is encoded in it, layer by layer, each once."""
    waiting, seen = [("", content)], {content}
    for _ in range(LAYERS):
        further = []
        for path, layer in waiting:
            yield path or "as is", layer
            for how, decoded in _decoded(layer):
                if decoded not in seen:
                    seen.add(decoded)
                    further.append((f"{path} in {how}".removeprefix(" in ") if path else how, decoded))
        waiting = further
    yield from ((path or "as is", layer) for path, layer in waiting)


def _decoded(layer: bytes) -> Iterator[tuple[str, bytes]]:
    yield "URL", unquote_to_bytes(layer)
    yield "escapes", _unescaped(layer)
    # One decoded run a line: what is found must lie within one.
    yield "hex", b"\n".join(_from_hex(layer))
    yield "base64", b"\n".join(_from_base64(layer))


def _unescaped(layer: bytes) -> bytes:
    def character(found: re.Match[bytes]) -> bytes:
        itself, units, byte = found.groups()
        if units:
            return (
                bytes.fromhex(re.sub(rb"[\\u]", b"", units).decode()).decode("utf-16-be", "replace").encode()
            )
        return _BY_LETTER.get(itself, itself) or bytes.fromhex(byte.decode())

    return _ESCAPE.sub(character, layer)


def _from_hex(layer: bytes) -> Iterator[bytes]:
    """Yield what every run of hex digits spells, from either of its first two digits."""
    for run in dict.fromkeys(_HEX_RUN.findall(layer)):
        for start in range(2):
            part = run[start:]
            yield bytes.fromhex(part[: len(part) // 2 * 2].decode())


def _from_base64(layer: bytes) -> Iterator[bytes]:
    """Yield what every run of base64 or base64url spells, from any of its first four characters."""
    for run in dict.fromkeys(_BASE64_RUN.findall(layer)):
        both = run.replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):
            part = both[start:]
            try:
                yield b64decode(part[: len(part) // 4 * 4] + _rest(part))
            except binascii.Error:  # one character too many
                continue


def _rest(part: bytes) -> bytes:
    """Return the last characters of a run that is no multiple of four, padded; one alone spells nothing."""
    rest = part[len(part) // 4 * 4 :]
    return rest + b"=" * (4 - len(rest)) if len(rest) > 1 else b""


def _folded(content: bytes) -> bytes:
    """Return UTF-8 text in lower case; bytes that are no text stay as they are."""
    return content.decode("utf-8", "surrogateescape").casefold().encode("utf-8", "surrogateescape")
