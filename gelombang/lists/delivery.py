"""What an agency delivers: a CSV of NIKs, and beside it who signed which version of what, as <name>.csv.json.

    nik                     the header; `nik,code` where the layer's fact is a code, such as an occupation
    3171990501900001

Without codes nobody would be excluded by such a layer, so either header is taken only where it belongs.

What is signed is the canonical JSON (RFC 8785) of everything in the second file but the signature itself, with the
agency's Ed25519 key. It names the layer, so that no list passes for another one of the same agency.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from gelombang.domain.checks import Layer
from gelombang.domain.nik import DIGIT_COUNT, nik_faults
from gelombang.domain.signature import is_signed
from gelombang.domain.sources import has_code

HEADER = ["nik", "code"]
KIND = "gelombang-list-delivery-1"
CHUNK = 1 << 20
ENDING = ".list"
NOT_AS_SIGNED = "the file is not the one that was signed: ask for both files again"
MOST_FAULTS = 50  # shown; a file of another kind has millions
CODE_LENGTH_MOST = 40


class ListError(Exception):
    """A list cannot be used; the argument says why, without a NIK. `faults` names lines where lines are wrong."""

    def __init__(self, sentence: str, faults: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.faults = faults


class Delivery(BaseModel):
    """Which version of which list this is, and that its agency says so."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    source: str
    layer: Layer
    list_version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,39}$")]
    listed_on: date
    row_count: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]  # of the CSV
    signature: Annotated[str, Field(pattern=r"^([0-9a-f]{128})?$")] = ""  # "": not signed yet

    @property
    def version(self) -> str:
        """The version as checks name it."""
        return f"{self.listed_on.isoformat()}/{self.list_version}"

    @property
    def file_name(self) -> str:
        """Under which it is kept."""
        return f"{self.layer}-{self.listed_on.isoformat()}-{self.list_version}{ENDING}"

    def is_from(self, file_name: str) -> bool:
        """Say whether this is the version that is kept under this name, or a later one of the same list."""
        named = file_name[len(self.layer) + 1 : -len(ENDING)]
        listed_on, version = named[:10], named[11:]
        ours = (self.listed_on.isoformat(), _in_order(self.list_version))
        return ours >= (listed_on, _in_order(version))

    def signed_content(self) -> bytes:
        """Return what the agency signs."""
        import rfc8785  # noqa: PLC0415 - a process that looks nothing up need not wait for it

        return rfc8785.dumps(self.model_dump(mode="json", exclude={"signature"}))

    def must_be_signed(self, key_hex: str) -> None:
        """Take the signature for good only when the agency's known key made it.

        Raises:
            ListError: no key of the agency is known, or another key signed, or something else.
        """
        if not key_hex:
            raise ListError(f"no key of {self.source} is known: it goes into sources.json")
        signature = bytes.fromhex(self.signature)
        if not is_signed(bytes.fromhex(key_hex), KIND, self.signed_content(), signature):
            raise ListError(f"not signed by {self.source}")


def describe(path: Path, source: str, layer: Layer, list_version: str, listed_on: date) -> Delivery:
    """Return what an agency has to sign for a CSV."""
    digest, lines = hashlib.sha256(), 0
    with path.open("rb") as file:
        for line in file:
            digest.update(line)
            lines += bool(line.strip())
    return Delivery(
        source=source,
        layer=layer,
        list_version=list_version,
        listed_on=listed_on,
        row_count=max(0, lines - 1),
        sha256=digest.hexdigest(),
    )


def read_rows(path: Path, delivery: Delivery, today: date) -> Iterator[tuple[str, str]]:
    """Give NIK and code ("" where there is none) of every row, in the file's order, and check them on the way.

    Raises:
        ListError: the header is not the layer's; at the end, when rows are wrong (each with its line number), or the
            file is not the one signed.
    """
    digest, rows, faults, fault_count = hashlib.sha256(), 0, list[str](), 0
    columns = 2 if has_code(delivery.layer) else 1
    with path.open("rb") as file:
        header = file.readline()
        digest.update(header)
        if _cells(header) != HEADER[:columns]:
            wanted = ",".join(HEADER[:columns])
            raise ListError(
                f"the file does not begin with the line {wanted}, as a list of {delivery.layer} does",
                ("line 1: not the header",),
            )
        for number, line in enumerate(file, start=2):
            digest.update(line)
            cells = _cells(line)
            if cells == [""]:
                continue
            rows += 1
            fault = _row_fault(cells, columns, today)
            if fault:
                fault_count += 1
                faults += [f"line {number}: {fault}"] if len(faults) < MOST_FAULTS else []
                continue
            yield cells[0], cells[1] if columns > 1 else ""
    if digest.hexdigest() != delivery.sha256 or rows != delivery.row_count:
        raise ListError(NOT_AS_SIGNED)
    if faults:
        raise ListError(f"{fault_count} rows are no NIK", tuple(faults))


def _cells(line: bytes) -> list[str]:
    return line.decode("utf-8", "replace").strip().removeprefix("\ufeff").split(",")


def _row_fault(cells: list[str], columns: int, today: date) -> str:
    if len(cells) != columns:
        return f"{len(cells)} columns and not {columns}"
    if columns > 1 and not _is_code(cells[1]):
        return "no code"
    return ", ".join(nik_faults(cells[0], today))


def _is_code(cell: str) -> bool:
    """Say whether rules could name it: one after a space excludes nobody; a NIK would lie in what is kept."""
    is_nik = len(cell) == DIGIT_COUNT and cell.isdigit()
    return 0 < len(cell) <= CODE_LENGTH_MOST and cell.isprintable() and cell == cell.strip() and not is_nik


def _in_order(version: str) -> tuple[int, str]:
    """Let 9 come before 10, and numbers before names."""
    return (int(version), "") if version.isdigit() else (1 << 62, version)
