"""Builds everything that is deployed: `python -m infra.package [cloud|desk]`.

    functions/*  ──chalice──▶ artifacts/<application>-<hash>.zip ┐
    lambda.lock  ──pip──────▶ artifacts/<layer>-<target>-<hash>.zip ├─▶ template.json, fleet.json, <target>.json
    infra/*.py   ────────────────────────────────────────────────┘

All of it lies in `build/`. `<target>.json` says which zips and parameters go with the template, which is the same
for the cloud and for one machine. Nothing is built again while the sources are the same: a second run compares
one hash.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import platform
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.applications import package_applications
from infra.fleet import fleet_template
from infra.functions import APPLICATIONS
from infra.layer import Layers, Target, build_layers
from infra.template import service_template

ROOT = Path(__file__).resolve().parent.parent
SHARED = ("gelombang", "programmes", "infra")
LOCK = "requirements/lambda.lock"
GENERATED = {"__pycache__", "deployments"}  # by Python and by Chalice
KEY_DIGITS = 16
OLD_S = 3600
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True, slots=True)
class Package:
    """What was built: two templates, the parameters that go with this target, and zips by their key."""

    template: Path
    fleet: Path
    parameters: dict[str, str]
    archives: dict[str, Path]


def package(target: Target, functions: Path = ROOT / "functions") -> Package:
    """Return the package for `target`, built now or found as built before; one process builds at a time.

    `functions` holds the applications; what is built lies in the folder `build` beside it.

    Raises:
        PackagingError: Chalice or pip failed.
    """
    build = functions.parent / "build"
    (build / "artifacts").mkdir(parents=True, exist_ok=True)
    with _alone(build):
        sources = _sources_hash(functions, target)
        return _built_before(target, build, sources) or _build(target, functions, build, sources)


def main() -> int:
    """Build for the target named on the command line, or the cloud; say where the templates lie."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else "cloud"
    targets: dict[str, Target] = {"cloud": "cloud", "desk": "desk"}
    if wanted not in targets:
        sys.stderr.write(f"the target is one of: {', '.join(targets)}\n")
        return 2
    built = package(targets[wanted])
    sys.stdout.write(f"{built.template}\n{built.fleet}\n")
    return 0


def _build(target: Target, functions: Path, build: Path, sources: str) -> Package:
    with tempfile.TemporaryDirectory(dir=build) as folder:
        work = Path(folder)
        packaged = package_applications([functions / name for name in APPLICATIONS], work)
        zips = {name: _keep(work / f"{name}.zip", build) for name in APPLICATIONS}
        layers = _layers(target, build, work)
    _write(build / "template.json", service_template(packaged, zips, PYTHON))
    _write(build / "fleet.json", fleet_template())
    archives = [*zips.values(), *layers.values()]
    built = {"sources": sources, "parameters": layers, "archives": archives}
    _write(build / f"{target}.json", built)
    _discard_old(build)
    return _as_package(build, built)


def _built_before(target: Target, build: Path, sources: str) -> Package | None:
    record = build / f"{target}.json"
    if not record.exists():
        return None
    built = json.loads(record.read_text())
    package_ = _as_package(build, built)
    files = [package_.template, package_.fleet, *package_.archives.values()]
    return package_ if built["sources"] == sources and all(path.exists() for path in files) else None


def _as_package(build: Path, built: dict[str, Any]) -> Package:  # Any: JSON of our own
    archives = {name: build / "artifacts" / name for name in built["archives"]}
    return Package(build / "template.json", build / "fleet.json", built["parameters"], archives)


def _layers(target: Target, build: Path, work: Path) -> dict[str, str]:
    """Return the keys of the layers' zips by the template's parameters, built unless they are there."""
    machine = platform.platform() if target == "desk" else ""
    code = [(ROOT / "infra" / name).read_bytes() for name in ("archive.py", "layer.py")]
    inputs = [(ROOT / LOCK).read_bytes(), PYTHON.encode(), machine.encode(), *code]
    names = {"LayerKey": "layer", "PicturesLayerKey": "pictures", "ArraysLayerKey": "arrays"}
    keys = {key: f"{name}-{target}-{_hash(inputs)}.zip" for key, name in names.items()}
    if not all((build / "artifacts" / key).exists() for key in keys.values()):
        (work / "layers").mkdir()
        build_layers(ROOT / LOCK, target, Layers(*(work / key for key in keys.values())), work / "layers")
        for key in keys.values():
            (work / key).replace(build / "artifacts" / key)
    return keys


def _keep(archive: Path, build: Path) -> str:
    """Move a zip among the artifacts under the name of its content; return that name."""
    name = f"{archive.stem}-{_hash([archive.read_bytes()])}.zip"
    archive.replace(build / "artifacts" / name)
    return name


def _discard_old(build: Path) -> None:
    """Delete zips that no record names and that nobody can be deploying any more."""
    records = [json.loads(path.read_text()) for path in build.glob("*.json")]
    named = {name for record in records for name in record.get("archives", [])}
    for path in (build / "artifacts").glob("*.zip"):
        if path.name not in named and time.time() - path.stat().st_mtime > OLD_S:
            path.unlink()


def _sources_hash(functions: Path, target: Target) -> str:
    parts = [PYTHON.encode(), target.encode(), (ROOT / LOCK).read_bytes()]
    for folder in [functions, *(ROOT / name for name in SHARED)]:
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder)
            if path.is_file() and not GENERATED & set(name.parts):
                parts += [f"{folder.name}/{name}".encode(), path.read_bytes()]
    return _hash(parts)


def _hash(parts: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()[:KEY_DIGITS]


def _write(path: Path, content: object) -> None:
    written = path.with_suffix(".new")
    written.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")
    written.replace(path)


@contextmanager
def _alone(build: Path) -> Iterator[None]:
    """Keep other processes from building here at the same time."""
    with (build / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
