"""Processes that are not request handlers.

Importing this keeps onnxruntime from telling its maker of every model it loads: since 1.31 it does so unless it is told
not to before its own import, keeps an id of the machine in the home folder and sends what it gathered (its Privacy.md).
"""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
