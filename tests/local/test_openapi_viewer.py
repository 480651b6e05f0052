"""The description that the installed Swagger UI is given."""

from __future__ import annotations

import json
from pathlib import Path

from local.openapi_viewer import for_viewer

OPENAPI = Path(__file__).resolve().parents[2] / "docs/api/openapi.json"


def test_a_value_that_may_be_null_says_so_beside_its_type():
    shown = for_viewer({"openapi": "3.1.0", "x": {"anyOf": [{"type": "string"}, {"type": "null"}]}})

    assert shown == {"openapi": "3.0.3", "x": {"type": "string", "nullable": True}}


def test_a_choice_that_may_be_null_stays_a_choice():
    choice = [{"type": "string"}, {"type": "integer"}]

    shown = for_viewer({"x": {"anyOf": [*choice, {"type": "null"}]}})

    assert shown["x"] == {"anyOf": choice, "nullable": True}


def test_no_null_type_is_left_in_our_own_description():
    described = json.loads(OPENAPI.read_text())

    shown = for_viewer(described)

    assert '{"type": "null"}' not in json.dumps(shown)
    assert shown["paths"].keys() == described["paths"].keys()
