"""The one-machine run: engine, deployment, registers' simulator, demo and command line."""

import workers  # noqa: F401 - keeps onnxruntime silent
