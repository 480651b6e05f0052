"""Guards a request body before anything else reads it, so that no body can make a handler fail.

Measured with pydantic_core 2.46 (2026-11-21, tests/functions/test_hostile_bodies.py): it refuses nesting over
200, integers over 4 300 digits, lone surrogates, control characters and NaN, but keeps the last of two equal
keys and lets an escaped NUL through; those two are refused here.
"""

from __future__ import annotations

import json
import re
from itertools import takewhile
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from gelombang.domain.errors import FieldFault, InvalidFormError, RefusedError

MOST_BYTES = 64 * 1024
FormT = TypeVar("FormT", bound=BaseModel)
# A key that nobody declared may be what somebody pasted in its place: a number, an address or a whole name is not said
# again, and the fault is its parent's. Declared fields, places in a list and codes of regions are all short.
_MAY_BE_SAID = re.compile(r"[^\d@\s]{1,40}|\d{1,5}")


class BodyTooLargeError(RefusedError):
    """The body is over `MOST_BYTES`."""


class MediaTypeError(RefusedError):
    """The body does not call itself JSON in UTF-8."""


class BodyUnreadableError(RefusedError):
    """The body is not JSON that can mean only one thing."""


def read_form(raw: bytes, content_type: str, form: type[FormT]) -> FormT:
    """Return the form in a request body; no body at all counts as `{}`.

    Raises:
        BodyTooLargeError: over 64 KiB.
        MediaTypeError: not `application/json`, or a charset other than UTF-8.
        BodyUnreadableError: not UTF-8, not JSON, a key twice, or a NUL.
        InvalidFormError: JSON, but not this form; names every fault at once.
    """
    if len(raw) > MOST_BYTES:
        raise BodyTooLargeError
    if raw:
        _check_media_type(content_type)
        _check_json(raw)
    try:
        return form.model_validate_json(raw or b"{}")
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        raise InvalidFormError(tuple(_fault(each["loc"], each["type"]) for each in faults)) from None


def _check_media_type(content_type: str) -> None:
    if content_type == "application/json":
        return
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [
        part.removeprefix("charset=").strip('"') for part in parameters if part.startswith("charset=")
    ]
    if media_type != "application/json" or any(charset not in ("utf-8", "utf8") for charset in charsets):
        raise MediaTypeError


def _check_json(raw: bytes) -> None:
    try:
        from_json(raw, allow_inf_nan=False)  # refuses what json would choke on, so it comes first
        _STRICT.decode(raw.decode("utf-8"))
    except ValueError as error:
        raise BodyUnreadableError from error
    if b"\\u0000" in raw:  # an escaped backslash before u0000 is refused too: nobody's name needs it
        raise BodyUnreadableError


def _distinct_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return members


_STRICT = json.JSONDecoder(object_pairs_hook=_distinct_keys)


def _fault(location: tuple[int | str, ...], kind: str) -> FieldFault:
    shown = takewhile(_MAY_BE_SAID.fullmatch, map(str, location))
    steps = (step.replace("~", "~0").replace("/", "~1") for step in shown)
    return FieldFault("".join(f"/{step}" for step in steps), _reason(kind))


def _reason(kind: str) -> str:
    """Return the reason code of one of pydantic's error types."""
    exact = {
        "missing": "FIELD_MISSING",
        "extra_forbidden": "FIELD_NOT_KNOWN",
        "string_too_long": "FIELD_TOO_LONG",
        "string_too_short": "FIELD_TOO_SHORT",
        "literal_error": "FIELD_NOT_A_CHOICE",
        "enum": "FIELD_NOT_A_CHOICE",
        "greater_than_equal": "FIELD_OUT_OF_RANGE",
        "less_than_equal": "FIELD_OUT_OF_RANGE",
    }
    return exact.get(kind) or ("FIELD_WRONG_TYPE" if kind.endswith("_type") else "FIELD_INVALID")
