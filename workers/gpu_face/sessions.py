"""Opens a model on exactly the provider that was asked for, and runs it in the few shapes that serve it best.

Falling back to the CPU in silence is a fault. On the CPU one item a run on one thread is fastest: of eleven models
none gained from a larger batch or a second thread on the same item (an L2 cache holds one item's layers, not
sixteen's), and everything below onnxruntime's highest graph level takes 1.2 to 4 times as long (EPYC of 2 cores,
2026-11-21; `make bench-face` measures it again). Cores are kept busy by lanes, see `flow`. A GPU wants large runs of
few sizes: a size never seen before costs it a new plan and new memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from gelombang.domain.errors import GelombangError
from workers.gpu_face.packs.rewriting import Rewriting, prelu_as_convolutions, rewritten

QUIET = 3  # onnxruntime's severity "error": its warnings about unused constants say nothing to an operator
CPU = "CPUExecutionProvider"
CPU_RUNS = (1,)
GPU_RUNS = (16, 4, 1)


class ProviderError(GelombangError):
    """onnxruntime does not offer, or did not take, the provider the worker was told to use."""


def open_session(path: Path, provider: str, *changes: Rewriting) -> ort.InferenceSession:
    """Return a session of the model at `path`, with `changes` made to its graph, that runs on `provider`.

    Raises:
        ProviderError: the provider is not there, or the session came up on another one.
    """
    if provider not in ort.get_available_providers():
        raise ProviderError(
            f"{provider} is not offered; there are: {', '.join(ort.get_available_providers())}"
        )
    options = ort.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    faster = (prelu_as_convolutions,) if provider == CPU else ()
    session = ort.InferenceSession(
        rewritten(path.read_bytes(), *changes, *faster), options, providers=[provider]
    )
    if session.get_providers()[0] != provider:
        raise ProviderError(f"asked for {provider}, but {path.name} runs on {session.get_providers()[0]}")
    session.disable_fallback()
    return session


def run_model(
    session: ort.InferenceSession, values: NDArray[np.float32], outputs: Sequence[str] | None = None
) -> list[NDArray[np.float32]]:
    """Return the outputs (all, or those named) for the items (N, ...) of the model's one input, N at least 1."""
    name = session.get_inputs()[0].name
    runs = [
        [output[: len(part)] for output in session.run(outputs, {name: _filled(part, size)})]
        for part, size in _parts(values, run_sizes(session))
    ]
    return runs[0] if len(runs) == 1 else [np.concatenate(each) for each in zip(*runs, strict=True)]


def as_values(
    pictures: NDArray[np.uint8], colour: Literal["RGB", "BGR"], mean: float = 0.0, scale: float = 1.0
) -> NDArray[np.float32]:
    """Return BGR pictures (N, height, width, 3) as models take them, (N, 3, height, width): (0..255 - mean) * scale."""
    blob = cv2.dnn.blobFromImages(list(pictures), scale, mean=(mean,) * 3, swapRB=colour == "RGB")
    return np.asarray(blob, np.float32)


def run_sizes(session: ort.InferenceSession) -> tuple[int, ...]:
    """Return how many items a run of this session may hold, the most first; no other count is ever run."""
    return CPU_RUNS if session.get_providers()[0] == CPU else GPU_RUNS


def runtime_name(provider: str) -> str:
    """Return the runtime as evidence names it, e.g. "onnxruntime 1.31.1 CPUExecutionProvider"."""
    return f"onnxruntime {ort.__version__} {provider}"


def _parts(values: NDArray[np.float32], sizes: Sequence[int]) -> Iterator[tuple[NDArray[np.float32], int]]:
    """Cut the items into runs: the largest while they fill it, then the smallest that holds the rest."""
    start = 0
    while start < len(values):
        left = len(values) - start
        size = next((size for size in reversed(sizes) if size >= left), sizes[0])
        yield values[start : start + size], size
        start += size


def _filled(part: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    if len(part) == size:
        return part
    empty = np.zeros((size - len(part), *part.shape[1:]), part.dtype)
    return np.concatenate([part, empty])
