"""What is measured, and drills."""

import workers  # noqa: F401 - keeps onnxruntime silent
