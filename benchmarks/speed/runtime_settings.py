"""Measures onnxruntime's settings on the pack's detector and embedder: what each costs, and what it changes.

    python -m benchmarks.speed.runtime_settings '{"pack": "insightface", "pictures": "FOLDER", …}'

prints one JSON object: for each setting the processor's and the clock's milliseconds an item, and what it does to
results: the cosine of embeddings to those of the settings in use, and how far a detector's points move, as a share of
the distance of the eyes. Settings take turns. Integers are tried as weights (dynamic) and throughout (static,
calibrated on every second picture, judged on the others).
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import cv2
import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.version_converter import convert_version
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors
from onnxruntime.quantization import CalibrationDataReader, quantize_dynamic, quantize_static

from benchmarks.speed.pictures import read_pictures
from workers.gpu_face.faces import Face, Picture, Subject
from workers.gpu_face.models import Detector, Pack, load_pack
from workers.gpu_face.packs.manifest import pack_folder, read_manifest
from workers.gpu_face.packs.rewriting import free_scrfd, prelu_as_convolutions, rewritten
from workers.gpu_face.pipeline import SELFIE_SIDE_PX
from workers.gpu_face.sessions import CPU, QUIET, as_values
from workers.gpu_face.stages.align import align_faces, trace_meshes
from workers.gpu_face.stages.decode import decode_picture
from workers.gpu_face.stages.detect import detect_faces
from workers.gpu_face.stages.embed import embed_faces

IN_USE = "in use (sessions.py)"
TURNS, RUNS = 5, 20
CALIBRATION_PICTURES, JUDGED_PICTURES = 32, 100
PER_CHANNEL_OPSET = 13  # the first in which each channel may have its own scale
LEVELS = ort.GraphOptimizationLevel


@dataclass(frozen=True, slots=True)
class Setting:
    """One way to run a graph: how the model's bytes are changed, the session's options, whether values are bound."""

    change: Callable[[bytes], bytes] = lambda content: content
    options: Mapping[str, Any] | None = None
    is_bound: bool = False


def main() -> int:
    """Print what the settings cost and change."""
    warnings.simplefilter("ignore")
    logging.disable()  # of quantisation's advice; what it costs in accuracy is measured here
    ort.set_default_logger_severity(QUIET)
    cv2.setNumThreads(1)
    spec = json.loads(sys.argv[1])
    pack = load_pack(spec["pack"])
    contents = [sample.content for sample in read_pictures(Path(spec["pictures"]))]
    found = [decode_picture(each, Subject.SELFIE, SELFIE_SIDE_PX) for each in contents[: 2 * JUDGED_PICTURES]]
    pictures = [picture for picture in found if isinstance(picture, Picture)]
    compared = {role: _compare(role, spec["pack"], pack, pictures) for role in ("detector", "embedder")}
    print(json.dumps(compared | {"runs_bfloat16": _runs_bfloat16()}))
    return 0


def _compare(role: str, name: str, pack: Pack, pictures: Sequence[Picture]) -> dict[str, dict[str, float]]:
    """Return by setting what it costs and what it changes."""
    manifest = read_manifest(name)
    content = (pack_folder(manifest, os.environ) / manifest.files[role].name).read_bytes()
    if role == "detector" and pack.detector.spec.kind == "scrfd":
        content = rewritten(content, free_scrfd)
    values = _values(role, pack, pictures)
    settings = _settings(values[::2][:CALIBRATION_PICTURES])
    sessions = {words: _session(content, setting) for words, setting in settings.items()}
    costs = _costs({words: _runner(sessions[words], settings[words], values[0]) for words in settings})
    judged = pictures[1::2]
    change = _points_moved if role == "detector" else _cosines
    return {words: costs[words] | change(pack, sessions[words], judged) for words in settings}


def _settings(samples: Sequence[NDArray[np.float32]]) -> dict[str, Setting]:
    return {
        IN_USE: Setting(_faster),
        "PReLU as exported": Setting(),
        "two threads on one item": Setting(_faster, {"intra_op_num_threads": 2}),
        "graph level extended": Setting(_faster, {"graph_optimization_level": LEVELS.ORT_ENABLE_EXTENDED}),
        "graph level basic": Setting(_faster, {"graph_optimization_level": LEVELS.ORT_ENABLE_BASIC}),
        "no arena": Setting(_faster, {"enable_cpu_mem_arena": False}),
        "no memory pattern": Setting(_faster, {"enable_mem_pattern": False}),
        "values bound (io-binding)": Setting(_faster, is_bound=True),
        "8-bit weights (dynamic)": Setting(_dynamic),
        "8 bits throughout (static)": Setting(partial(_static, samples)),
    }


def _faster(content: bytes) -> bytes:
    return rewritten(content, prelu_as_convolutions)


def _dynamic(content: bytes) -> bytes:
    with TemporaryDirectory() as place:
        path = Path(place) / "8-bit.onnx"
        quantize_dynamic(onnx.load_model_from_string(content), path)
        return path.read_bytes()


def _static(samples: Sequence[NDArray[np.float32]], content: bytes) -> bytes:
    with TemporaryDirectory() as place:
        path = Path(place) / "8-bit.onnx"
        model = convert_version(onnx.load_model_from_string(content), PER_CHANNEL_OPSET)
        quantize_static(model, path, _Samples(content, samples), per_channel=True)
        return path.read_bytes()


class _Samples(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime carries no types
    """The inputs that static quantisation takes its ranges from."""

    def __init__(self, content: bytes, samples: Sequence[NDArray[np.float32]]) -> None:
        name = onnx.load_model_from_string(content).graph.input[0].name
        self._feeds = iter([{name: sample} for sample in samples])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """Return the next input by name, or None when there are no more."""
        return next(self._feeds, None)


def _session(content: bytes, setting: Setting) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    for name, value in (setting.options or {}).items():
        setattr(options, name, value)
    return ort.InferenceSession(setting.change(content), options, providers=[CPU])


def _runner(
    session: ort.InferenceSession, setting: Setting, values: NDArray[np.float32]
) -> Callable[[], object]:
    name = session.get_inputs()[0].name
    if not setting.is_bound:
        return partial(session.run, None, {name: values})
    binding = session.io_binding()
    binding.bind_cpu_input(name, values)
    for output in session.get_outputs():
        binding.bind_output(output.name)
    return partial(session.run_with_iobinding, binding)


def _costs(runs: Mapping[str, Callable[[], object]]) -> dict[str, dict[str, float]]:
    """Return the milliseconds of an item by setting: of the processor, all threads together, and by the clock."""
    spent: dict[str, list[tuple[float, float]]] = {words: [] for words in runs}
    for _ in range(TURNS):
        for words, run in runs.items():
            run()
            used_s, started = time.process_time(), time.perf_counter()
            for _ in range(RUNS):
                run()
            spent[words].append((time.process_time() - used_s, time.perf_counter() - started))
    return {
        words: {
            "processor_ms": 1000 / RUNS * statistics.median(used_s for used_s, _ in turns),
            "clock_ms": 1000 / RUNS * statistics.median(clock_s for _, clock_s in turns),
        }
        for words, turns in spent.items()
    }


def _values(role: str, pack: Pack, pictures: Sequence[Picture]) -> list[NDArray[np.float32]]:
    """Return what the graph is given for each picture, one item each and all of one shape."""
    if role == "embedder":
        shown, faces = _largest_faces(pack, pictures)
        spec = pack.embedder.spec
        chips = align_faces(pack, shown, faces)
        return [as_values(chips[i : i + 1], spec.colour, spec.mean, spec.scale) for i in range(len(chips))]
    seen: list[NDArray[np.float32]] = []
    session = _Listening(pack.detector.session, seen)
    listening = replace(pack, detector=Detector(cast("ort.InferenceSession", session), pack.detector.spec))
    detect_faces(listening, pictures)
    return [each for each in seen if each.shape == seen[0].shape]


class _Listening:
    """A session that keeps what it is given."""

    def __init__(self, session: ort.InferenceSession, seen: list[NDArray[np.float32]]) -> None:
        self._session, self._seen = session, seen

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a session has
        return getattr(self._session, name)

    def run(self, names: Sequence[str] | None, feeds: dict[str, NDArray[np.float32]]) -> list[Any]:
        """Run the session and keep the values."""
        self._seen += feeds.values()
        return list(self._session.run(names, feeds))


def _largest_faces(pack: Pack, pictures: Sequence[Picture]) -> tuple[list[Picture], list[Face]]:
    found = [
        (picture, faces[0])
        for picture, faces in zip(pictures, detect_faces(pack, pictures), strict=True)
        if faces
    ]
    shown = [picture for picture, _ in found]
    return shown, trace_meshes(pack, shown, [face for _, face in found])


def _cosines(pack: Pack, session: ort.InferenceSession, pictures: Sequence[Picture]) -> dict[str, float]:
    """Return how near the embeddings stay to those of the settings in use."""
    chips = align_faces(pack, *_largest_faces(pack, pictures))
    other = replace(pack, embedder=replace(pack.embedder, session=session))
    cosines = (embed_faces(pack, chips) * embed_faces(other, chips)).sum(axis=1)
    return {"median_cosine": float(np.median(cosines)), "least_cosine": float(cosines.min())}


def _points_moved(pack: Pack, session: ort.InferenceSession, pictures: Sequence[Picture]) -> dict[str, float]:
    """Return in which share of the pictures no face is found any more, and how far the points of the others move."""
    other = replace(pack, detector=replace(pack.detector, session=session))
    pairs = [
        (before[0], after[0] if after else None)
        for before, after in zip(detect_faces(pack, pictures), detect_faces(other, pictures), strict=True)
        if before
    ]
    moved = [
        np.linalg.norm(after.points - before.points, axis=1).mean()
        / np.linalg.norm(before.points[1] - before.points[0])
        for before, after in pairs
        if after
    ]
    return {
        "lost_share": 1 - len(moved) / len(pairs),
        "median_moved_share": float(np.median(moved)) if moved else 1.0,
    }


def _runs_bfloat16() -> bool:
    """Return whether this onnxruntime has a convolution in bfloat16 on the CPU."""
    kind = TensorProto.BFLOAT16
    inputs = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, shape in (("x", [1, 1, 4, 4]), ("w", [1, 1, 1, 1]))
    ]
    output = helper.make_tensor_value_info("y", kind, [1, 1, 4, 4])
    graph = helper.make_graph([helper.make_node("Conv", ["x", "w"], ["y"])], "one", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10)
    try:
        _session(model.SerializeToString(), Setting())
    except ort_errors.NotImplemented:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
