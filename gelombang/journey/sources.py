"""Reads programmes/<name>/sources.json: how each source is asked, and what was agreed with its agency about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated

from pydantic import Field

from gelombang.domain.checks import Layer
from gelombang.domain.layers import CONTRACTS
from gelombang.domain.sources import Source, can_be_listed
from gelombang.journey.data_files import DataFile, Filled, Path, fault, read_data

FILE = "sources.json"
KEY = re.compile(r"[0-9a-f]{64}")


@lru_cache(maxsize=8)
def load_sources(programme: str) -> dict[str, Source]:
    """Return a programme's sources by name; read once a process.

    Raises:
        ValueError: as `read_sources`.
    """
    return read_sources(files("programmes").joinpath(programme, FILE), f"programmes/{programme}/{FILE}")


def read_sources(file: Traversable, name: str) -> dict[str, Source]:
    """Return the sources of a file by name; `name` is what the file is called in errors.

    Raises:
        ValueError: the file is missing or wrong; the message names file, field and line.
    """
    read = read_data(file, name, _SourcesFile)
    for path, message in _faults(read):
        raise fault(name, file.read_bytes(), path, message)
    return {entry.name: entry.value() for entry in read.sources}


class _SourceEntry(DataFile):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    requests_per_s: Annotated[float, Field(gt=0)]
    batch_most: Annotated[int, Field(ge=1, le=500)]
    list_days_most: Annotated[int, Field(ge=1)]
    listed: tuple[Layer, ...]
    list_key: str
    agreed: Filled

    def value(self) -> Source:
        return Source(
            self.name,
            self.requests_per_s,
            self.batch_most,
            self.list_days_most,
            self.listed,
            self.list_key,
        )


class _SourcesFile(DataFile):
    note: str
    sources: Annotated[tuple[_SourceEntry, ...], Field(min_length=1)]


def _faults(read: _SourcesFile) -> Iterator[tuple[Path, str]]:
    """Yield what no shape can say, each with the path of its field."""
    for number, entry in enumerate(read.sources):
        here = ("sources", number)
        if entry.name in [earlier.name for earlier in read.sources[:number]]:
            yield (*here, "name"), f"{entry.name} is named twice"
        if entry.list_key and not KEY.fullmatch(entry.list_key):
            yield (*here, "list_key"), "the agency's Ed25519 public key is 64 of the digits 0-9 and a-f"
        for index, layer in enumerate(entry.listed):
            if message := _listed_fault(entry, layer, entry.listed[:index]):
                yield (*here, "listed", index), message


def _listed_fault(entry: _SourceEntry, layer: Layer, before: tuple[Layer, ...]) -> str:
    if not can_be_listed(layer):
        return f"no list of NIKs answers for {layer}"
    if CONTRACTS[layer].source != entry.name:
        return f"{layer} is no layer of {entry.name}, but of {CONTRACTS[layer].source}"
    if layer in before:
        return f"{layer} is named twice"
    # Every list would be refused, and the layer be pending for everybody.
    return "" if entry.list_key else f"no list of {layer} can be taken without the agency's key in list_key"
