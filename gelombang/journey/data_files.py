"""Reads one data file of a programme in its declared shape, and says of a wrong one where: file, field and line."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from importlib.resources.abc import Traversable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Filled = Annotated[str, Field(min_length=1)]
Path = Sequence[str | int]  # of a field, from the outside in


class DataFile(BaseModel):
    """A shape of which nothing may be missing, nothing surplus and nothing of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


_Shape = TypeVar("_Shape", bound=BaseModel)


def read_data(file: Traversable, name: str, shape: type[_Shape]) -> _Shape:
    """Return what a JSON file says; `name` is what it is called in errors.

    Raises:
        ValueError: it is missing, or not of this shape; the message names file, field and line.
    """
    try:
        content = file.read_bytes().removeprefix(codecs.BOM_UTF8)  # some editors put one there
    except FileNotFoundError as error:
        raise ValueError(f"{name} is missing") from error
    try:
        read = shape.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        is_empty = first["type"] == "too_short" and not first["input"]
        message = "at least one is needed here" if is_empty else first["msg"]
        raise fault(name, content, first["loc"], message) from error
    for path in _doubled(content):
        raise fault(name, content, path, "this name is here twice")
    return read


def fault(name: str, content: bytes, path: Path, message: str) -> ValueError:
    """Return the error that says what is wrong with the field at a path."""
    field = ".".join(str(part) for part in path) or "the whole file"
    line = _line_of(content, path) if path else 0  # JSON that cannot be read names its own line
    return ValueError(f"{name}: {field}: {message}" + (f" (line {line})" if line else ""))


class _Fields(dict[str, Any]):
    """The fields of one object, and which of their names was given twice: every reader of JSON keeps the last."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = [name for name, _ in pairs]
        self.doubled = [name for name in self if names.count(name) > 1] if len(self) < len(pairs) else []


def _doubled(content: bytes) -> Iterator[Path]:
    """Yield the path of every name that is given twice in one object."""

    def inside(value: Any, path: tuple[str | int, ...]) -> Iterator[Path]:  # noqa: ANN401 - any JSON value
        if isinstance(value, _Fields):
            yield from ((*path, name) for name in value.doubled)
        parts = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for step, part in parts:
            yield from inside(part, (*path, step))

    # Numbers stay as written: nothing is counted here, and Python refuses to read very long ones.
    return inside(json.loads(content, object_pairs_hook=_Fields, parse_int=str, parse_float=str), ())


def _line_of(content: bytes, path: Path) -> int:
    """Return the line, from 1, of the innermost field on the path that is there; 0 where nobody can say.

    JSON is read as the YAML it also is, whose reader keeps places. A function's zip has none, but no wrong file
    either: the tests load every file that goes into it.
    """
    try:
        import yaml  # noqa: PLC0415 - only when something is wrong, and not in a function's zip
    except ImportError:
        return 0
    try:
        node = yaml.compose(content.replace(b"\t", b" ").decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return 0
    mark = node.start_mark
    for step in path:
        inside = _inside(node, step)
        if inside is None:
            break
        key, node = inside
        mark = key.start_mark
    return int(mark.line) + 1


def _inside(node: Any, step: str | int) -> tuple[Any, Any] | None:  # noqa: ANN401 - nodes of a library without types
    """Return where a field begins and its value, None when it is not there."""
    if isinstance(step, int):
        parts = node.value if node.id == "sequence" else []
        return (parts[step], parts[step]) if step < len(parts) else None
    pairs = node.value if node.id == "mapping" else []
    # Of a name that is there twice the last, which is the one that is read.
    return next(((key, value) for key, value in reversed(pairs) if key.value == step), None)
