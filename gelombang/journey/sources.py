"""Reads programmes/<name>/sources.json: how each source is asked, and what was agreed with its agency about it."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from gelombang.domain.checks import Layer
from gelombang.domain.sources import Source, can_be_listed

FILE = "sources.json"


@lru_cache(maxsize=8)
def load_sources(programme: str) -> dict[str, Source]:
    """Return a programme's sources by name; read once a process.

    Raises:
        ValueError: the file is missing or wrong; the message names the file and the field.
    """
    name = f"programmes/{programme}/{FILE}"
    try:
        return read_sources(files("programmes").joinpath(programme, FILE).read_bytes())
    except FileNotFoundError as error:
        raise ValueError(f"{name} is missing") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise ValueError(f"{name}: {field}: {first['msg']}") from error


def read_sources(content: bytes) -> dict[str, Source]:
    """Return the sources in a file's content by name.

    Raises:
        ValidationError: it is not such a file.
    """
    return {entry.name: entry.value() for entry in _SourcesFile.model_validate_json(content).sources}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _SourceEntry(_File):
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    requests_per_s: Annotated[float, Field(gt=0)]
    batch_most: Annotated[int, Field(ge=1, le=500)]
    list_days_most: Annotated[int, Field(ge=1)]
    listed: tuple[Layer, ...]
    list_key: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    agreed: Annotated[str, Field(min_length=1)]

    def value(self) -> Source:
        return Source(
            self.name,
            self.requests_per_s,
            self.batch_most,
            self.list_days_most,
            self.listed,
            self.list_key,
        )


class _SourcesFile(_File):
    note: str
    sources: Annotated[tuple[_SourceEntry, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _name_each_once(self) -> Self:
        names = [entry.name for entry in self.sources]
        layers = [layer for entry in self.sources for layer in entry.listed]
        if len(set(names)) != len(names) or len(set(layers)) != len(layers):
            raise ValueError("a source or a layer is named twice")
        if wrong := [layer for layer in layers if not can_be_listed(layer)]:
            raise ValueError(f"no list of NIKs answers for {', '.join(wrong)}")
        return self
