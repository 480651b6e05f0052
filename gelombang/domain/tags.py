"""Which keys make the tags of NIKs, family cards and phones, and how many made one; see `gelombang.journey.tags`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TagKeys:
    """The names of the HMAC keys, oldest first, and of the one that tags are being moved to."""

    done: tuple[str, ...]  # each makes a tag of the one before's
    coming: str = ""  # makes tags that are looked under, too; "": the keys are not being changed
    is_written: bool = False  # and what is new is put under its tags


def tag_of(generation: int, mac: str) -> str:
    """Return the tag that so many keys made, from the last one's HMAC (64 hex digits)."""
    return f"{generation}-{mac}" if generation > 1 else mac


def generation_of(tag: str) -> int:
    """Return how many keys made a tag."""
    number, mark, _ = tag.partition("-")
    return int(number) if mark else 1
