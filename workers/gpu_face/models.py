"""Loads a pack: every file's hash checked, every model opened on the provider asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from workers.gpu_face.packs.manifest import (
    DetectorSpec,
    EmbedderSpec,
    LivenessSpec,
    Manifest,
    MeshSpec,
    PackError,
    check_files,
    pack_folder,
    read_manifest,
)
from workers.gpu_face.sessions import open_session, runtime_name


@dataclass(frozen=True, slots=True)
class Detector:
    """The face detector and how to use it."""

    session: ort.InferenceSession
    spec: DetectorSpec


@dataclass(frozen=True, slots=True)
class Mesh:
    """The face mesh and how to use it."""

    session: ort.InferenceSession
    spec: MeshSpec


@dataclass(frozen=True, slots=True)
class Embedder:
    """The embedder and how to use it; `template` is (5, 2) float64, px of its chip."""

    session: ort.InferenceSession
    spec: EmbedderSpec
    template: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LivenessModel:
    """One liveness model: BGR 0..255 in, (N, 3) probabilities out, of which class 1 is live."""

    session: ort.InferenceSession
    spec: LivenessSpec


@dataclass(frozen=True, slots=True)
class Pack:
    """The models of one release, ready to run; `liveness` is empty where the pack carries no such model."""

    release: str
    licence: str
    limits: tuple[str, ...]
    runtime: str  # as evidence names it
    not_assessed: tuple[str, ...]  # fault codes that this pack has no way to see
    detector: Detector
    mesh: Mesh
    embedder: Embedder
    liveness: tuple[LivenessModel, ...]

    def sees(self, fault: str) -> bool:
        """Return whether this pack has a way to see the fault."""
        return fault not in self.not_assessed


def load_pack(
    name: str,
    provider: str = "CPUExecutionProvider",
    threads: int = 1,
    environ: Mapping[str, str] | None = None,
) -> Pack:
    """Return the pack called `name`, which `packs.build.build_pack` has built before.

    Raises:
        PackError: no such pack, not built yet, or a file is not the one its manifest names.
        ProviderError: onnxruntime cannot run it on `provider`.
    """
    manifest = read_manifest(name)
    folder = pack_folder(manifest, os.environ if environ is None else environ)
    if not folder.is_dir():
        raise PackError(f"pack {name} is not built; run: python -m workers.gpu_face.packs {name}")
    check_files(manifest, folder)
    return _open(manifest, folder, provider, threads)


def _open(manifest: Manifest, folder: Path, provider: str, threads: int) -> Pack:
    sessions = {
        role: open_session(folder / file.name, provider, threads) for role, file in manifest.files.items()
    }
    return Pack(
        release=manifest.release,
        licence=manifest.licence,
        limits=manifest.limits,
        runtime=runtime_name(provider),
        not_assessed=manifest.not_assessed,
        detector=Detector(sessions["detector"], manifest.detector),
        mesh=Mesh(sessions["mesh"], manifest.mesh),
        embedder=Embedder(sessions["embedder"], manifest.embedder, np.array(manifest.embedder.template)),
        liveness=tuple(LivenessModel(sessions[spec.file], spec) for spec in manifest.liveness),
    )
