"""The arrows between the parts, read from the imports; and what request handlers must never import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# A part may import itself and what is listed; everything else is an arrow the wrong way.
MAY_IMPORT = {
    "gelombang.domain": set(),
    "gelombang.journey": {"gelombang.domain"},
    "gelombang.aws": {"gelombang.domain", "gelombang.journey"},
    "gelombang.drawing": {"gelombang.domain", "gelombang.journey"},
    "gelombang.http": {"gelombang.domain", "gelombang.journey"},
    "gelombang.lists": {"gelombang.domain", "gelombang.journey"},
    "gelombang.memory": {"gelombang.domain", "gelombang.journey"},
    "gelombang.pictures": {"gelombang.domain", "gelombang.journey"},
    "gelombang.api": {"gelombang.domain", "gelombang.journey", "gelombang.observability", "gelombang.wiring"},
    "gelombang.observability": set(),
    "gelombang.settings": {"gelombang.domain"},
    "gelombang.audit_verifier": set(),
    "workers": {
        "gelombang.domain",
        "gelombang.journey",
        "gelombang.aws",
        "gelombang.observability",
        "gelombang.wiring",
        "gelombang.settings",
        "gelombang.pictures",
    },
}
HEAVY = (
    "numpy",
    "scipy",
    "matplotlib",
    "pyarrow",
    "cv2",
    "onnxruntime",
    "insightface",
    "onnx",
    "PIL",
    "pi_heif",
    "skimage",
)
MAY_BE_HEAVY = {
    "gelombang.pictures": {"PIL", "pi_heif"},  # in a child process only; no array library there either
    "gelombang.drawing": {"numpy", "scipy", "pyarrow", "matplotlib"},  # in batch steps and reports only
}


def modules_of(part):
    path = ROOT / part.replace(".", "/")
    return [path.with_suffix(".py")] if path.with_suffix(".py").exists() else sorted(path.rglob("*.py"))


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            if node.module == "gelombang":
                yield from (f"gelombang.{alias.name}" for alias in node.names)


def part_of(module):
    parts = [part for part in MAY_IMPORT if module == part or module.startswith(f"{part}.")]
    if parts:
        return parts[0]
    known = module.split(".")[0] in {"gelombang", "workers", "local", "infra", "functions", "programmes"}
    return ".".join(module.split(".")[:2]) if known and module != "gelombang" else None


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_arrows_point_one_way(part):
    assert modules_of(part)
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in modules_of(part)
        for module in imports_of(path)
        if part_of(module) not in {None, part, "programmes", *MAY_IMPORT[part]}
    ]

    assert wrong == []


@pytest.mark.parametrize("part", [part for part in MAY_IMPORT if part.startswith("gelombang")])
def test_no_array_library_or_model_is_imported_outside_the_workers(part):
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in modules_of(part)
        for module in imports_of(path)
        if module.split(".")[0] in set(HEAVY) - MAY_BE_HEAVY.get(part, set())
    ]

    assert wrong == []


def test_no_request_handler_imports_the_draw_at_national_size_not_even_late():
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sorted((ROOT / "functions").glob("*/app.py"))
        for module in imports_of(path)
        if part_of(module) == "gelombang.drawing"
    ]

    assert wrong == []


@pytest.mark.parametrize("app", ["register", "verify", "select"])
def test_an_app_imports_without_environment_network_or_heavy_modules(app):
    script = (
        "import socket, sys\n"
        "socket.socket.connect = None  # whoever connects at import fails here\n"
        "import app\n"
        f"heavy = sorted(set(sys.modules) & set({(*HEAVY, 'gelombang.drawing')!r}))\n"
        "clients = [name for name in sys.modules if name == 'botocore.client' and app.__dict__.get('client')]\n"
        "print(heavy + clients)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT / "functions" / app,
        env={"PATH": "", "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
