"""Turns aligned faces into embeddings: (N, size, size, 3) uint8 BGR → (N, D) float32, unit length.

Models: dlib ResNet, 150 px, D = 128, 3 ms a chip and two chips a face; face-reid-retail-0095, 128 px, D = 256, 5 ms a
face; ArcFace's kind, 112 px, D = 128 or 512, a MobileFaceNet 3 ms a face (one thread, 2026-11-21).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.models import Pack
from workers.gpu_face.sessions import as_values, run_model


def embed_faces(pack: Pack, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the embeddings of aligned faces: (N, D) float32, unit length, so that a dot product is a cosine.

    Where the pack says so, N faces are run as 2 N chips, each face and its mirror image.
    """
    embedder = pack.embedder
    if not len(chips):
        return np.empty((0, embedder.session.get_outputs()[0].shape[1]), np.float32)
    spec = embedder.spec
    shown = np.concatenate([chips, chips[:, :, ::-1]]) if spec.mirrored else chips
    values = as_values(shown, spec.colour, spec.mean, spec.scale)
    (raw,) = run_model(embedder.session, values)
    if spec.mirrored:
        raw = raw[: len(chips)] + raw[len(chips) :]
    unit: NDArray[np.float32] = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return unit
