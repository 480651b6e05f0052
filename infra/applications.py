"""Lets Chalice package each application, and compiles what it packaged.

Each application has a process of its own: Chalice imports `app`, and a second import in one process would
quietly give the first application's routes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from infra.archive import compile_folder, zip_folder
from infra.cloudformation import Json

STAGE = "live"
_CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"


class PackagingError(Exception):
    """A package could not be built; `output` is what the tool said."""

    def __init__(self, what: str, output: str) -> None:
        super().__init__(f"could not package {what}:\n{output}")
        self.output = output


def package_applications(folders: list[Path], out: Path) -> dict[str, Json]:
    """Write `<name>.zip` into `out` for each application's folder; return what Chalice says of each, by name.

    Raises:
        PackagingError: Chalice refused an application.
    """
    running = {folder: _start(folder, out / folder.name) for folder in folders}
    said = {folder: process.communicate()[0] for folder, process in running.items()}
    for folder in folders:  # Chalice's own copies of its zips; what is kept is kept by `package`
        shutil.rmtree(folder / ".chalice/deployments", ignore_errors=True)
    for folder, process in running.items():
        if process.returncode:
            raise PackagingError(folder.name, said[folder])
    return {folder.name: _finished(out / folder.name, out) for folder in folders}


def _start(folder: Path, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _CHALICE, "package", "--stage", STAGE, str(out)]
    # Packaging calls nothing of AWS, but Chalice asks botocore what the region's services are called.
    environment = os.environ | {"AWS_DEFAULT_REGION": "ap-southeast-3", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def _finished(packaged: Path, out: Path) -> Json:
    """Write the zip again with compiled modules in it; return Chalice's template."""
    contents = packaged / "contents"
    with zipfile.ZipFile(packaged / "deployment.zip") as archive:
        archive.extractall(contents)  # Chalice's own zip
    compile_folder(contents)
    zip_folder(contents, out / f"{packaged.name}.zip")
    template: Json = json.loads((packaged / "sam.json").read_text())
    return template
