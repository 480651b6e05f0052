"""The OpenAPI document and the problem pages are what the code says, and valid."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import validate

from gelombang.api.openapi import FUNCTIONS, openapi_document, routes_of
from gelombang.api.problem_pages import problem_pages
from gelombang.api.problems import TABLE

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document()


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    validate(document)

    assert document["openapi"].startswith("3.1")


def test_the_committed_document_is_the_generated_one(document: dict[str, Any]) -> None:
    committed = json.loads((ROOT / "docs/api/openapi.json").read_text(encoding="utf-8"))

    assert committed == document, "run: python -m gelombang.api.openapi > docs/api/openapi.json"


def test_the_problem_pages_are_the_generated_ones() -> None:
    folder = ROOT / "docs/problems"
    committed = {page.name: page.read_text(encoding="utf-8") for page in folder.glob("*.md")}

    assert committed == problem_pages(), "run: python -m gelombang.api.problem_pages docs/problems"


def test_every_problem_type_is_answered_by_a_route_or_by_the_framework(document: dict[str, Any]) -> None:
    text = json.dumps(document)

    unused = {problem.slug for problem in TABLE.values() if f"/{problem.slug}" not in text}
    assert unused == {"route-not-found", "method-not-allowed"}


def test_every_route_of_the_contract_is_there(document: dict[str, Any]) -> None:
    lines = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").splitlines()
    named = [path for path in document["paths"] if not path.endswith("/health")]

    table = "\n".join(line for line in lines if line.startswith(("| register", "| verify", "| select")))
    missing = [path for path in named if path not in table and path.rsplit("/", 1)[-1] not in table]
    assert missing == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_declared_is_what_chalice_serves(function: str) -> None:
    script = (
        "import json, sys; sys.path.insert(0, '.'); import app;"
        "print(json.dumps(sorted([path, method] for path, by in app.app.routes.items() for method in by)))"
    )
    served = json.loads(_run(script, ROOT / "functions" / function))

    assert served == sorted([route.path, route.method] for route in routes_of(function))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_importing_a_function_needs_no_environment_and_makes_no_client(function: str) -> None:
    script = (
        "import sys; sys.path.insert(0, '.'); import botocore.client as c;"
        "c.ClientCreator.create_client = None; import app; print('imported')"
    )

    assert _run(script, ROOT / "functions" / function).strip() == "imported"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_an_app_file_is_short(function: str) -> None:
    assert len((ROOT / "functions" / function / "app.py").read_text(encoding="utf-8").splitlines()) <= 150


def _run(script: str, folder: Path) -> str:
    bare = {"PATH": os.environ["PATH"]}
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, env=bare, capture_output=True, check=True
    )
    return ran.stdout.decode()
