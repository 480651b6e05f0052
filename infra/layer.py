"""The layer with the functions' dependencies, built by pip from the locked hashes.

The cloud's layer is made of manylinux wheels whatever machine builds it; the desk's is made for this machine,
because the local engine runs Lambda functions in its own interpreter.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal

from infra.applications import PackagingError
from infra.archive import compile_folder, zip_folder

Target = Literal["cloud", "desk"]
ARCHITECTURE = "x86_64"
# Lambda's Python 3.12 and newer have glibc 2.34 (Amazon Linux 2023), 3.11 has 2.26, for which Pillow has no wheel.
PLATFORMS = (f"manylinux2014_{ARCHITECTURE}", f"manylinux_2_28_{ARCHITECTURE}")
OLDEST_IN_THE_CLOUD = (3, 12)
# Phone numbers are only checked and written in E.164: 40 MB of names of places and carriers stay at home.
NOT_NEEDED = ("phonenumbers/geodata", "phonenumbers/carrierdata", "phonenumbers/tzdata", "bin")


def build_layer(lock: Path, target: Target, out: Path, work: Path) -> None:
    """Write the layer's zip to `out`; `work` is an empty folder to build in.

    Raises:
        PackagingError: pip could not install what `lock` names, or this Python is too old for the cloud's Lambda.
    """
    if target == "cloud" and sys.version_info < OLDEST_IN_THE_CLOUD:
        raise PackagingError("the dependency layer", "for the cloud, package with Python 3.12 or newer")
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--require-hashes"),
        *("--only-binary", ":all:", "--target", str(work), "--requirement", str(lock)),
        *_platform(target),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    if done.returncode:
        raise PackagingError("the dependency layer", done.stdout + done.stderr)
    for name in NOT_NEEDED:
        shutil.rmtree(work / name, ignore_errors=True)
    compile_folder(work)
    zip_folder(work, out, inside="python/")


def _platform(target: Target) -> list[str]:
    if target == "desk":
        return []
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    platforms = [word for name in PLATFORMS for word in ("--platform", name)]
    return [*platforms, "--implementation", "cp", "--python-version", version]
