"""Snapshots: a copy of a store's segments elsewhere, so that a new or damaged store need not read the whole table.

Embeddings are personal data: a snapshot belongs in a private, encrypted place without versions, never among the
published documents. Taking one compacts the store first and removes what the new snapshot does not hold, so nobody
who was erased stays in it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from gelombang.aws.clients import aws_client, reaching
from gelombang.domain.errors import NotFoundError
from workers.gpu_face.search.segments import ARRAYS, DamagedSegmentError, checksum_of
from workers.gpu_face.search.store import MANIFEST, Store

S3_SCHEME = "s3://"


class Snapshots(Protocol):
    """Where snapshots are kept: files by key."""

    def write(self, key: str, content: bytes) -> None:
        """Store a file, replacing what was there."""

    def read(self, key: str) -> bytes:
        """Return a file; NotFoundError where there is none."""

    def delete(self, key: str) -> None:
        """Remove a file for good."""

    def list_keys(self) -> set[str]:
        """Return every key there is."""


class FolderSnapshots:
    """`Snapshots` in a folder, which may be mounted from elsewhere."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, key: str, content: bytes) -> None:
        """Store a file."""
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.unfinished")
        unfinished.write_bytes(content)
        unfinished.replace(path)

    def read(self, key: str) -> bytes:
        """Return a file."""
        try:
            return (self._folder / key).read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError(key) from error

    def delete(self, key: str) -> None:
        """Remove a file."""
        (self._folder / key).unlink(missing_ok=True)

    def list_keys(self) -> set[str]:
        """Return every key there is."""
        return {
            path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*") if path.is_file()
        }


class S3Snapshots:
    """`Snapshots` under a prefix of a bucket."""

    def __init__(self, bucket: str, prefix: str, client: Any) -> None:  # noqa: ANN401 - a boto3 client
        self._bucket, self._prefix, self._client = bucket, f"{prefix.strip('/')}/".lstrip("/"), client

    def write(self, key: str, content: bytes) -> None:
        """Store a file."""
        with reaching("s3"):
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=content)

    def read(self, key: str) -> bytes:
        """Return a file."""
        with reaching("s3"):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
            except self._client.exceptions.NoSuchKey as error:
                raise NotFoundError(key) from error
            content: bytes = answer["Body"].read()
        return content

    def delete(self, key: str) -> None:
        """Remove a file."""
        with reaching("s3"):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def list_keys(self) -> set[str]:
        """Return every key there is."""
        with reaching("s3"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix
            )
            return {
                each["Key"].removeprefix(self._prefix) for page in pages for each in page.get("Contents", [])
            }


def snapshots_at(place: str) -> Snapshots:
    """Return the snapshots at `s3://bucket/prefix` or in a folder."""
    if not place.startswith(S3_SCHEME):
        return FolderSnapshots(Path(place))
    bucket, _, prefix = place.removeprefix(S3_SCHEME).partition("/")
    return S3Snapshots(bucket, prefix, aws_client("s3"))


def take_snapshot(store: Store, snapshots: Snapshots) -> None:
    """Compact the store and copy it; what lay there before and is not part of it is removed.

    The manifest is written after everything it names and before anything is removed, so whatever interrupts this
    leaves a whole snapshot.

    Raises:
        DependencyError: the place could not be reached; taking it again goes on where this ended.
    """
    if not store.is_compact() or store.tail_count:
        store.compact()
    there = snapshots.list_keys()
    named = [f"{segment.name}/{array}.array" for segment in store.segments for array in ARRAYS]
    for key in named:
        if key not in there:  # a segment never changes, so what is there is it
            snapshots.write(key, (store.folder / key).read_bytes())
    snapshots.write(MANIFEST, (store.folder / MANIFEST).read_bytes())
    for key in sorted(there - {MANIFEST, *named}):
        snapshots.delete(key)


def open_whole(folder: Path, release: str, snapshots: Snapshots | None, tell: Callable[[str], None]) -> Store:
    """Return the store in `folder`; a new one begins as the snapshot.

    What is damaged is named to `tell` and replaced from the snapshot. Where that does not have it, the store becomes
    what the snapshot is, and where that is damaged too or there is none, the store is empty: refreshing the gallery
    then reads the whole table.

    Raises:
        StoreInUseError: another process has it open.
        ValueError: the folder belongs to another model release.
        DependencyError: the snapshot could not be reached.
    """
    if snapshots is not None and not (folder / MANIFEST).exists():
        folder.mkdir(parents=True, exist_ok=True)
        _restore_everything(folder, MANIFEST, snapshots)
    for repair in (_restore_segment, _restore_everything, _restore_nothing):
        try:
            return Store(folder, release)
        except DamagedSegmentError as error:
            tell(error.name)
            repair(folder, error.name, snapshots)
    return Store(folder, release)


def _restore_segment(folder: Path, name: str, snapshots: Snapshots | None) -> None:
    """Replace the damaged files of every segment by those of the snapshot that have the right checksum."""
    if snapshots is None or name == MANIFEST:
        return
    for entry in json.loads((folder / MANIFEST).read_text("utf-8"))["content"]["segments"]:
        for array, checksum in entry["checksums"].items():
            key = f"{entry['name']}/{array}.array"
            if not (folder / key).is_file() or checksum_of(folder / key) != checksum:
                _fetch(snapshots, key, folder)


def _restore_everything(folder: Path, _: str, snapshots: Snapshots | None) -> None:
    """Make the folder what the snapshot is; empty where there is none."""
    _empty(folder)
    if snapshots is None:
        return
    for key in sorted(snapshots.list_keys(), key=lambda key: key == MANIFEST):  # the manifest makes it whole
        _fetch(snapshots, key, folder)


def _restore_nothing(folder: Path, _: str, __: Snapshots | None) -> None:
    _empty(folder)


def _fetch(snapshots: Snapshots, key: str, folder: Path) -> None:
    try:
        content = snapshots.read(key)
    except NotFoundError:
        return
    (folder / key).parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"{key}.unfinished"
    unfinished.write_bytes(content)
    unfinished.rename(folder / key)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
