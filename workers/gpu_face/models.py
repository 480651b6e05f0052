"""Loads a pack: every file's hash checked, every model opened on the provider asked for and warmed in its shapes."""

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
from workers.gpu_face.packs.rewriting import free_scrfd
from workers.gpu_face.sessions import open_session, run_sizes, runtime_name

SHAPE_STEP = 32  # px; the coarsest cells of YuNet and SCRFD
GROUP_PIXELS = 64_000_000  # 192 MB; the largest PNG has 25 million
BATCH_TOLERANCE = 1e-3  # of a detector's outputs, whose scores reach 1 and whose lengths some cells


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
    """The models of one release, ready to run; `liveness` is empty where the pack carries no such model.

    `blendshapes`, which tells closed eyes from a mesh with irises, is None where it carries none.
    `lanes` is how many threads measure photographs side by side, each with whatever models it needs; each measures at
    most `group_pixels` decoded pixels together, where one photograph does not have more alone.
    """

    release: str
    licence: str
    limits: tuple[str, ...]
    research_only: bool  # a person should hear of it at every start
    runtime: str  # as evidence names it
    not_assessed: tuple[str, ...]  # fault codes that this pack has no way to see
    detector: Detector
    mesh: Mesh | None  # None: faces are aligned by the detector's own points
    embedder: Embedder
    liveness: tuple[LivenessModel, ...]
    blendshapes: ort.InferenceSession | None
    lanes: int
    group_pixels: int

    def sees(self, fault: str) -> bool:
        """Return whether this pack has a way to see the fault."""
        return fault not in self.not_assessed


def detector_shapes(spec: DetectorSpec) -> tuple[tuple[int, int], ...]:
    """Return the shapes (height, width) the detector is run in, square first: no picture is run in another.

    Detectors without a fixed input see lying and standing pictures of 4:3 and longer in a shape of 4:3, which is a
    quarter less to look at.
    """
    if spec.kind == "blazeface":
        return ((spec.size, spec.size),)
    sides = [spec.size] if spec.selfie_size is None else [spec.size, spec.selfie_size]
    return tuple(
        shape
        for side in sides
        for short in [-(-side * 3 // 4 // SHAPE_STEP) * SHAPE_STEP]
        for shape in ((side, side), (short, side), (side, short))
    )


def load_pack(
    name: str,
    provider: str = "CPUExecutionProvider",
    threads: int = 1,
    environ: Mapping[str, str] | None = None,
    *,
    group_pixels: int = GROUP_PIXELS,
) -> Pack:
    """Return the pack called `name`, which `packs.build.build_pack` has built before; `threads` are its lanes.

    Raises:
        PackError: no such pack, not built yet, a file is not the one its manifest names, or a model gives a batch
            another answer than its items alone.
        ProviderError: onnxruntime cannot run it on `provider`.
    """
    settings = os.environ if environ is None else environ
    manifest = read_manifest(name, settings)
    folder = pack_folder(manifest, settings)
    if not folder.is_dir():
        raise PackError(f"pack {name} is not built; run: python -m workers.gpu_face.packs {name}")
    check_files(manifest, folder)
    pack = _open(manifest, folder, provider, threads, group_pixels)
    _warm(pack)
    return pack


def _open(manifest: Manifest, folder: Path, provider: str, threads: int, group_pixels: int) -> Pack:
    changes = {"detector": (free_scrfd,)} if manifest.detector.kind == "scrfd" else {}
    sessions = {
        role: open_session(folder / file.name, provider, *changes.get(role, ()))
        for role, file in manifest.files.items()
    }
    return Pack(
        release=manifest.release,
        licence=manifest.licence,
        limits=manifest.limits,
        research_only=manifest.research_only,
        runtime=runtime_name(provider),
        not_assessed=manifest.not_assessed,
        detector=Detector(sessions["detector"], manifest.detector),
        mesh=Mesh(sessions["mesh"], manifest.mesh) if manifest.mesh else None,
        embedder=Embedder(sessions["embedder"], manifest.embedder, np.array(manifest.embedder.template)),
        liveness=tuple(LivenessModel(sessions[spec.file], spec) for spec in manifest.liveness),
        blendshapes=sessions.get("blendshapes"),
        lanes=threads,
        group_pixels=group_pixels,
    )


def _warm(pack: Pack) -> None:
    """Run every model once in each shape it will be given, so that the first applicant does not wait for it."""
    for height, width in detector_shapes(pack.detector.spec):
        _run_zeros(pack.detector.session, (3, height, width))
    if pack.detector.spec.kind == "scrfd":
        _check_batch(pack.detector)
    if pack.mesh is not None:
        size = pack.mesh.spec.size
        _run_zeros(pack.mesh.session, (3, size, size) if pack.mesh.spec.layout == "NCHW" else (size, size, 3))
    for session, size in (
        (pack.embedder.session, pack.embedder.spec.size),
        *((model.session, model.spec.size) for model in pack.liveness),
    ):
        _run_zeros(session, (3, size, size))


def _run_zeros(session: ort.InferenceSession, shape: tuple[int, ...]) -> None:
    for count in run_sizes(session):
        session.run(None, {session.get_inputs()[0].name: np.zeros((count, *shape), np.float32)})


def _check_batch(detector: Detector) -> None:
    """Refuse a detector whose graph mixes up the pictures of a batch: some exports of SCRFD do."""
    height, width = detector_shapes(detector.spec)[0]
    pictures = np.random.default_rng(0).uniform(-1, 1, (2, 3, height, width)).astype(np.float32)
    name = detector.session.get_inputs()[0].name
    together = detector.session.run(None, {name: pictures})
    for i in range(len(pictures)):
        alone = detector.session.run(None, {name: pictures[i : i + 1]})
        if not all(
            np.allclose(each[i], one[0], atol=BATCH_TOLERANCE)
            for each, one in zip(together, alone, strict=True)
        ):
            raise PackError("the detector's graph is of a kind not known here: a batch is not its pictures")
