"""Turns aligned faces into embeddings: (N, size, size, 3) uint8 BGR → (N, D) float32, unit length.

Models: dlib ResNet, 150 px, D = 128, 8 ms a face; face-reid-retail-0095, 128 px, D = 256, 5 ms a face.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.models import Pack

FACES_PER_RUN = 32


def embed_faces(pack: Pack, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the embeddings of aligned faces: (N, D) float32, unit length, so that a dot product is a cosine."""
    embedder = pack.embedder
    ordered = chips[..., ::-1] if embedder.spec.colour == "RGB" else chips
    values = ordered.astype(np.float32).transpose(0, 3, 1, 2)
    output = embedder.session.get_outputs()[0]
    runs = [
        embedder.session.run([output.name], {"input": values[start : start + FACES_PER_RUN]})[0]
        for start in range(0, len(values), FACES_PER_RUN)
    ]
    raw: NDArray[np.float32] = np.concatenate([np.empty((0, output.shape[1]), np.float32), *runs])
    unit: NDArray[np.float32] = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return unit
