"""Reads a folder in InsightFace's own layout (buffalo_s, buffalo_l, antelopev2, or one's own) as a pack's manifest.

Such a folder has no manifest: which file is what is told by its graph, as InsightFace does it. Only the detector
(SCRFD with points) and the recognition model (ArcFace) are used. The release carries the hash of both, so that
evidence and galleries of other files never meet. InsightFace's weights are for non-commercial research only; whoever
bought a licence, or brings other weights in this layout, says so in their own manifest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf carries no types

CACHE = Path("~/.insightface/models")
CACHED_NAMES = ("antelopev2", "buffalo_l", "buffalo_s")
FOLDER_NAME = "insightface"  # the pack's name when its folder is named by a setting

DETECTOR_OUTPUTS = 9  # scores, boxes and points for each of three strides; without points there are six
DETECTION_PX, SELFIE_PX = 640, 320
ARCFACE_TEMPLATE_PX = 112
# Source: insightface, utils/face_align.py (MIT), arcface_dst.
ARCFACE_TEMPLATE = (
    (38.2946, 51.6963),
    (73.5318, 51.5014),
    (56.0252, 71.7366),
    (41.5493, 92.3655),
    (70.7299, 92.2041),
)
FIRST_NODES = 8  # where InsightFace looks for a graph's own normalisation
LICENCE = "InsightFace's pretrained weights: NON-COMMERCIAL RESEARCH ONLY unless a licence was bought"
LIMITS = (
    "RESEARCH ONLY: a programme may not use these weights without a licence from InsightFace",
    "no face mesh: faces are aligned by the detector's five points, and pose and eyes are not measured",
    "no liveness model, and nothing that sees masks, glasses, hats or hidden ears",
    "its operating points have to be measured before it may say match (benchmarks/accuracy)",
)
NOT_ASSESSED = ("GLASSES", "EARS_HIDDEN", "HAT", "MASK", "EYES_CLOSED", "TURNED_AWAY")


def describe_folder(folder: Path) -> dict[str, Any]:
    """Return the manifest of an InsightFace folder, as JSON would hold it.

    Raises:
        ValueError: the folder has no SCRFD detector with points or no ArcFace model, or a file is no model.
        OSError: it cannot be read.
    """
    found: dict[str, tuple[Path, onnx.GraphProto]] = {}
    for path in sorted(folder.glob("*.onnx")):
        graph = _graph(path)
        role = _role(graph)
        if role is not None and role not in found:
            found[role] = path, graph
    for role, what in (("detector", "SCRFD detector with five points"), ("embedder", "ArcFace model")):
        if role not in found:
            raise ValueError(f"{folder} has no {what} in InsightFace's layout")
    files = {role: _file(path) for role, (path, _) in found.items()}
    return {
        "release": f"insightface-{folder.name}-{_digest(file['sha256'] for file in files.values())[:8]}",
        "licence": LICENCE,
        "research_only": True,
        "limits": LIMITS,
        "not_assessed": NOT_ASSESSED,
        "files": files,
        "folder": folder,
        "detector": {
            "kind": "scrfd",
            "size": DETECTION_PX,
            "selfie_size": SELFIE_PX,
            "min_score": 0.5,
            "mesh_scale": 1.0,
        },
        "embedder": _embedder(found["embedder"][1]),
    }


def _graph(path: Path) -> onnx.GraphProto:
    try:
        return onnx.load_model(str(path), load_external_data=False).graph
    except DecodeError as error:
        raise ValueError(f"{path.name} is not an ONNX model") from error


def _role(graph: onnx.GraphProto) -> str | None:
    """Return what a graph is to us: a detector by its outputs, a recognition model by its input's size."""
    if len(graph.output) == DETECTOR_OUTPUTS:
        return "detector"
    sizes = _sizes(graph)
    is_square = len(sizes) == len("NCHW") and sizes[2] == sizes[3]
    is_arcface = is_square and sizes[2] >= ARCFACE_TEMPLATE_PX and sizes[2] % ARCFACE_TEMPLATE_PX == 0
    return "embedder" if is_arcface and len(graph.output) == 1 else None


def _embedder(graph: onnx.GraphProto) -> dict[str, Any]:
    size = _sizes(graph)[2]
    first = [node.name for node in graph.node[:FIRST_NODES]]
    is_normalised = any(name.startswith(("Sub", "_minus")) for name in first) and any(
        name.startswith(("Mul", "_mul")) for name in first
    )
    normalisation = {} if is_normalised else {"mean": 127.5, "scale": 1 / 127.5}
    ratio = size / ARCFACE_TEMPLATE_PX
    template = [[ratio * x, ratio * y] for x, y in ARCFACE_TEMPLATE]
    return {"size": size, "colour": "RGB", "template": template, **normalisation}


def _sizes(graph: onnx.GraphProto) -> list[int]:
    """Return the sizes of a graph's input, 0 where they are free."""
    constants = {tensor.name for tensor in graph.initializer}
    first = next(value for value in graph.input if value.name not in constants)
    return [dimension.dim_value for dimension in first.type.tensor_type.shape.dim]


def _file(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    return {
        "name": path.name,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": LICENCE,
        "source": "a folder in InsightFace's layout",
    }


def _digest(hashes: Iterable[str]) -> str:
    return hashlib.sha256("".join(sorted(hashes)).encode()).hexdigest()
