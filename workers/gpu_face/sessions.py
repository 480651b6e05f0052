"""Opens a model on exactly the provider that was asked for: falling back to the CPU in silence is a fault."""

from __future__ import annotations

from pathlib import Path

import onnxruntime as ort

from gelombang.domain.errors import GelombangError

QUIET = 3  # onnxruntime's severity "error": its warnings about unused constants say nothing to an operator


class ProviderError(GelombangError):
    """onnxruntime does not offer, or did not take, the provider the worker was told to use."""


def open_session(path: Path, provider: str, threads: int) -> ort.InferenceSession:
    """Return a session of the model at `path` that runs on `provider` with `threads` CPU threads.

    Raises:
        ProviderError: the provider is not there, or the session came up on another one.
    """
    if provider not in ort.get_available_providers():
        raise ProviderError(
            f"{provider} is not offered; there are: {', '.join(ort.get_available_providers())}"
        )
    options = ort.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(str(path), options, providers=[provider])
    if session.get_providers()[0] != provider:
        raise ProviderError(f"asked for {provider}, but {path.name} runs on {session.get_providers()[0]}")
    session.disable_fallback()
    return session


def runtime_name(provider: str) -> str:
    """Return the runtime as evidence names it, e.g. "onnxruntime 1.31.1 CPUExecutionProvider"."""
    return f"onnxruntime {ort.__version__} {provider}"
