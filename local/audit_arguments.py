"""Whether an argument is what it is taken for: a wrong file or value must not read as a fault of the evidence."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from gelombang.domain.draw_bundle import COMMITMENT
from gelombang.domain.signature import KEYS_SPEC
from local.answering import CommandError

if TYPE_CHECKING:
    from pathlib import Path

SHA256 = "[0-9a-fA-F]{64}"


def must_be_hash(option: str, value: str | None) -> None:
    """Go on if a value is a SHA-256, or was not given.

    Raises:
        CommandError: it is something else.
    """
    if value is not None and not re.fullmatch(SHA256, value.strip()):
        raise CommandError(f"{option} takes 64 hex digits.")


def must_be_keys(path: Path | None) -> None:
    """Go on if a file is a list of keys, of whomever, or was not given; raises as `must_be_hash`."""
    if path and _object(path.read_bytes()).get("spec") != KEYS_SPEC:
        raise CommandError(f"{path} is no published list of keys.")


def must_be_evidence(folder: Path, *, has_keys: bool = False) -> None:
    """Go on if a folder is one of evidence, perhaps with files missing; raises as `must_be_hash`.

    With `has_keys` the list of keys must be there: nothing is said of an entry on what nobody can check.
    """
    has = (folder / "keys.json").is_file()
    if has_keys and not has:
        raise CommandError(f"{folder} is no folder that `gelombang audit export` wrote: it has no keys.json.")
    if not has and not (folder / "chains").is_dir():
        raise CommandError(
            f"{folder} is no folder that `gelombang audit export` wrote: it has neither keys.json nor chains."
        )


def must_be_openings(bundle: Path, openings: Path, page: Path | None) -> None:
    """Go on if these are a draw's bundle, a file of openings and a wave's page; raises as `must_be_hash`."""
    from gelombang.audit_verifier.openings import SPEC  # noqa: PLC0415 - cryptography

    if not (bundle / COMMITMENT).is_file():
        raise CommandError(f"{bundle} is no bundle of a draw: it has no {COMMITMENT}.")
    if _object(openings.read_bytes().split(b"\n", 1)[0]).get("spec") != SPEC:
        raise CommandError(f"{openings} is no file that `gelombang audit open` wrote.")
    if page and not {"definition", "history", "joined"}.issubset(_object(page.read_bytes())):
        raise CommandError(f"{page} is no page of a wave (JSON of GET /v1/waves/{{wave_id}}).")


def _object(content: bytes) -> dict[str, object]:
    """Return a JSON object; an empty one where it is something else."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
