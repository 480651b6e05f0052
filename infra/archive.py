"""Zips that are the same bytes for the same content, with Python's compiled files inside.

A Lambda function without `.pyc` files compiles everything it imports at each cold start: 631 ms of CPU for
this stack, 291 ms with them (measured November 2026). Nothing compares them with their sources when they run
("unchecked hash"), which is right for a zip that never changes.
"""

from __future__ import annotations

import compileall
import shutil
import zipfile
from pathlib import Path
from py_compile import PycInvalidationMode

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold
READABLE = 0o644 << 16


def compile_folder(folder: Path) -> None:
    """Compile every module below `folder` for this interpreter.

    Raises:
        ValueError: a module does not compile.
    """
    for cache in [
        *folder.rglob("__pycache__")
    ]:  # Chalice packs those of the checkout, of deleted modules too
        shutil.rmtree(cache)
    # The folder's own path would be stored in each file and make equal content different.
    done = compileall.compile_dir(
        folder,
        quiet=2,
        stripdir=str(folder),
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )
    if not done:
        raise ValueError(f"some module of {folder.name} does not compile")


def compile_away(folder: Path) -> None:
    """Compile every module below `folder` and leave its source out: half the files to unpack at each cold start.

    Right for other people's libraries, which nobody reads in the cloud; a traceback still names file and line.

    Raises:
        ValueError: a module does not compile.
    """
    if not compileall.compile_dir(
        folder,
        quiet=2,
        stripdir=str(folder),
        legacy=True,  # beside the source, where Python looks for a module that has none
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    ):
        raise ValueError(f"some module of {folder.name} does not compile")
    for source in [*folder.rglob("*.py")]:
        source.unlink()


def zip_folder(folder: Path, target: Path, inside: str = "") -> None:
    """Write all files below `folder` to the zip `target` under `inside`, in order and without times."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(inside + path.relative_to(folder).as_posix(), EPOCH)
            entry.external_attr = READABLE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
