"""A cold start imports no more than its budget: counted in modules, which no load on the machine changes."""

from __future__ import annotations

import pytest

from benchmarks.speed.api import IMPORT_BUDGET, import_app


@pytest.mark.parametrize("function", IMPORT_BUDGET)
def test_a_function_imports_no_more_modules_than_its_budget(function: str) -> None:
    assert import_app(function).module_count <= IMPORT_BUDGET[function]
