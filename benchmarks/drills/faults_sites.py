"""Every place in the source at which AWS is called, so that one that no drill reaches is seen.

A place is a function of an adapter and the operation it calls, as botocore spells it. Signing an address or a form is
no call: nothing leaves the process.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import botocore.session
from botocore import xform_name

ROOT = Path(__file__).parents[2]
ADAPTERS = ("gelombang/aws/*.py", "workers/gpu_face/sources.py")
SERVICES = ("dynamodb", "s3", "sqs", "sns", "sesv2", "kms", "ssm")
SIGNED_HERE = frozenset({"generate_presigned_post", "generate_presigned_url"})


def call_sites() -> set[str]:
    """Return every place, as `file:function Operation`."""
    files = sorted(path for pattern in ADAPTERS for path in ROOT.glob(pattern))
    return {site for path in files for site in _sites_in(path)}


def unwatched_files() -> list[str]:
    """Return the files beside the adapters that make a boto3 client of their own and call it."""
    found = []
    for path in sorted([*(ROOT / "gelombang").rglob("*.py"), *(ROOT / "functions").glob("*/app.py")]):
        is_adapter = any(path in ROOT.glob(pattern) for pattern in ADAPTERS)
        if not is_adapter and "vendor" not in path.parts and any(_sites_in(path)):
            found.append(str(path.relative_to(ROOT)))
    return found


def _sites_in(path: Path) -> Iterator[str]:
    tree, place = ast.parse(path.read_text("utf-8")), path.relative_to(ROOT)
    for name, function in _functions(tree, ""):
        for operation in _operations(function):
            yield f"{place}:{name} {operation}"


def _functions(node: ast.AST, within: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{child.name}.")
        elif isinstance(child, ast.FunctionDef):
            yield f"{within}{child.name}", child


def _operations(function: ast.AST) -> Iterator[str]:
    """Yield what a function calls a client for: `client.put_item(…)`, or `client.get_paginator("scan")`."""
    for node in ast.walk(function):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name = node.func.attr
        if name == "get_paginator":
            yield from _paginated(node)
        elif name in _names() and name not in SIGNED_HERE and _is_client(node.func.value):
            yield _names()[name]


def _paginated(node: ast.Call) -> Iterator[str]:
    (given,) = node.args
    if isinstance(given, ast.Constant):
        yield _names()[str(given.value)]
    else:  # the operation is an argument: each that it may be
        yield from ("Query", "Scan")


def _is_client(node: ast.AST) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.lstrip("_") in ("client", "dynamodb", "kms", "s3", "sqs", "sns")


@cache
def _names() -> dict[str, str]:
    """Return the methods of a client, by name, with the operations they are."""
    session = botocore.session.get_session()
    models = (session.get_service_model(service) for service in SERVICES)
    return {xform_name(name): name for model in models for name in model.operation_names}
