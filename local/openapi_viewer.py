"""The API's description as the installed Swagger UI can show it.

Ours is OpenAPI 3.1. The newest Swagger UI that comes as a Python package knows 3.0 only, which has no type "null":
there a value that may be null says so beside its type.
"""

from __future__ import annotations

from typing import Any

NULL = {"type": "null"}


def for_viewer(openapi: dict[str, Any]) -> dict[str, Any]:  # Any: JSON of the OpenAPI specification
    """Return a 3.1 description rewritten as 3.0, near enough to be read and tried out."""
    rewritten: dict[str, Any] = _rewritten(openapi)
    return rewritten | {"openapi": "3.0.3"}


def _rewritten(value: Any) -> Any:  # noqa: ANN401 - any part of a JSON document
    if isinstance(value, list):
        return [_rewritten(part) for part in value]
    if not isinstance(value, dict):
        return value
    value = {name: _rewritten(part) for name, part in value.items()}
    if isinstance(value.get("anyOf"), list) and NULL in value["anyOf"]:
        others = [part for part in value.pop("anyOf") if part != NULL]
        value |= {"nullable": True, **(others[0] if len(others) == 1 else {"anyOf": others})}
    if "const" in value and isinstance(value["const"], str):
        value["enum"] = [value.pop("const")]
    return value
