"""The layers with the functions' dependencies, built by pip from the locked hashes.

Every function has `dependencies`; what reads photographs is `pictures`, which only the function that cleans them has,
and what a draw computes with is `arrays`, for the function that draws: a layer is unpacked before a function can start.
The cloud's layers are made of manylinux wheels whatever machine builds them; the desk's are made for this machine,
because the local engine runs Lambda functions in its own interpreter.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from infra.applications import PackagingError
from infra.archive import compile_away, zip_folder

Target = Literal["cloud", "desk"]
ARCHITECTURE = "x86_64"
# Lambda's Python 3.12 and newer have glibc 2.34 (Amazon Linux 2023), 3.11 has 2.26, for which Pillow has no wheel.
PLATFORMS = (f"manylinux2014_{ARCHITECTURE}", f"manylinux_2_28_{ARCHITECTURE}")
OLDEST_IN_THE_CLOUD = (3, 12)
# Phone numbers are only checked and written in E.164: 40 MB of names of places and carriers stay at home. So do
# Powertools' own router with its pages, and what compiles C for cffi.
NOT_NEEDED = (
    *("phonenumbers/geodata", "phonenumbers/carrierdata", "phonenumbers/tzdata"),
    *("aws_lambda_powertools/event_handler", "cffi", "pycparser", "wrapt-stubs", "bin", "**/*.pyi", "**/*.c"),
    *("numpy/**/tests", "numpy/_core/include", "numpy/f2py", "numpy/random/lib", "numpy/_core/lib/*.a"),
)
ARRAYS = ("numpy", "numpy.libs", "numpy-*")
PICTURES = ("PIL", "pillow.libs", "pillow-*", "pi_heif", "pi_heif.libs", "pi_heif-*", "_pi_heif.*")


@dataclass(frozen=True, slots=True)
class Layers:
    """The zips of a target's layers."""

    dependencies: Path
    pictures: Path
    arrays: Path


def build_layers(lock: Path, target: Target, out: Layers, work: Path) -> None:
    """Write the layers' zips; `work` is an empty folder to build in.

    Raises:
        PackagingError: pip could not install what `lock` names, or this Python is too old for the cloud's Lambda.
    """
    if target == "cloud" and sys.version_info < OLDEST_IN_THE_CLOUD:
        raise PackagingError("the dependency layer", "for the cloud, package with Python 3.12 or newer")
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--require-hashes"),
        *("--only-binary", ":all:", "--target", str(work / "all"), "--requirement", str(lock)),
        *_platform(target),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    if done.returncode:
        raise PackagingError("the dependency layer", done.stdout + done.stderr)
    for path in _found(work / "all", NOT_NEEDED):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    compile_away(work / "all")
    for name, patterns, archive in (("pictures", PICTURES, out.pictures), ("arrays", ARRAYS, out.arrays)):
        (work / name).mkdir()
        for path in _found(work / "all", patterns):
            path.rename(work / name / path.name)
        zip_folder(work / name, archive, inside="python/")
    zip_folder(work / "all", out.dependencies, inside="python/")


def _found(folder: Path, patterns: Sequence[str]) -> Iterator[Path]:
    """Give what each pattern finds once the pattern before it has been dealt with."""
    for pattern in patterns:
        yield from sorted(folder.glob(pattern))


def _platform(target: Target) -> list[str]:
    if target == "desk":
        return []
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    platforms = [word for name in PLATFORMS for word in ("--platform", name)]
    return [*platforms, "--implementation", "cp", "--python-version", version]
