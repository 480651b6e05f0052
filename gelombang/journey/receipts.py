"""Receipt codes: what somebody without a phone leaves an officer with, and comes back with.

A code is 100 random bits as twenty characters without look-alikes (`H4K2-9QXA-…`); only its hash is stored, and nobody
can search for one. What it opens is in docs/decisions/0019.

Source of the alphabet and of what is read for what: D. Crockford, "Base 32".
"""

from __future__ import annotations

import hashlib

from gelombang.domain.application import Application, State
from gelombang.journey import applications
from gelombang.journey.applications import application_key
from gelombang.journey.ports import Change, Delete, Key, Ports, Row

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
READ_AS = str.maketrans("OIL", "011", " -")
LENGTH, GROUP = 20, 4
NOBODY = "nobody"  # stands for the application of a code that is unknown: looking for it takes as long
_PREFIX = "RECEIPT#"


def new_receipt(ports: Ports) -> str:
    """Return a new receipt code; to be shown once."""
    signs = "".join(ALPHABET[byte % len(ALPHABET)] for byte in ports.clock.random_bytes(LENGTH))
    return "-".join(signs[at : at + GROUP] for at in range(0, LENGTH, GROUP))


def receipt_tag(receipt: str) -> str:
    """Return under what a code is kept, however it was typed: small letters, no hyphens, O for 0, I or L for 1.

    Its 100 random bits are what keeps it from being guessed, so a plain hash is enough.
    """
    return hashlib.sha256(receipt.upper().translate(READ_AS).encode()).hexdigest()


def receipt_row(tag: str, application_id: str) -> Row:
    """Return the row by which a code finds its application."""
    return Row(receipt_key(tag), {"application_id": application_id})


def row_of(ports: Ports, receipt: str) -> Row | None:
    """Return the row of a code, None where there never was one, or not any more."""
    return ports.rows.read(receipt_key(receipt_tag(receipt)))


def application_of(ports: Ports, row: Row | None) -> Application | None:
    """Return the application that the row of a code (or of a NIK) belongs to, None where there is none any more."""
    name = row.fields.get("application_id", NOBODY) if row else NOBODY
    stored = ports.rows.read(application_key(name))
    application = applications.from_row(stored) if stored else None
    return None if application is None or application.state is State.ERASED else application


def release_receipt(ports: Ports, application: Application) -> list[Change]:
    """Return what makes the application's code worthless, if it has one."""
    row = ports.rows.read(receipt_key(application.receipt_tag)) if application.receipt_tag else None
    return [Delete(row.key, row.version)] if row else []


def receipt_key(tag: str) -> Key:
    """Return where the code with this tag lies."""
    return Key(f"{_PREFIX}{tag}")


def tag_in(row: Row) -> str:
    """Return the tag of the code that a row is of."""
    return row.key.partition.removeprefix(_PREFIX)
