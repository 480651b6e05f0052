"""The converters say no to what they do not know; that they are right is shown by the pack's hashes and its tests."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest

from workers.gpu_face.packs.dlib import convert_dlib
from workers.gpu_face.packs.flatbuffer import Network, Operator, Tensor
from workers.gpu_face.packs.graph import Graph
from workers.gpu_face.packs.manifest import PackError
from workers.gpu_face.packs.tflite import TRANSLATORS, _pads, _Translation

CONVOLUTION_HEADER = b"\x01\x15input_rgb_image_sized" + b"\x01\x00\x01\x00" * 3


def test_a_file_that_is_no_dlib_network_is_refused():
    with pytest.raises(PackError, match="not a dlib network"):
        convert_dlib(b"something else", ("embedding",))


def test_a_dlib_network_of_another_shape_is_refused():
    one_value = b"\x01\x05con_4\x01\x02\x01\x01\x01\x01\x01\x01\x01\x01" + np.float32(1).tobytes()

    with pytest.raises(PackError, match="does not hold the face recognition network"):
        convert_dlib(CONVOLUTION_HEADER + one_value, ("embedding",))


def test_an_unknown_dlib_tensor_version_is_refused():
    with pytest.raises(PackError, match="tensor version 9"):
        convert_dlib(CONVOLUTION_HEADER + b"\x01\x05con_4\x01\x09", ("embedding",))


def test_an_unknown_tflite_operator_is_refused():
    translation = _Translation(Network([Tensor((1, 2, 2, 3), None)], [], (0,), (0,)))

    with pytest.raises(PackError, match="operator 99"):
        translation.translate(Operator(max(TRANSLATORS) + 45, (0,), 1, None))


@pytest.mark.parametrize(
    ("size", "length", "stride", "expected"),
    [(4, 3, 1, (1, 1)), (4, 3, 2, (0, 1)), (5, 3, 2, (1, 1)), (128, 5, 2, (1, 2)), (2, 2, 2, (0, 0))],
)
def test_tensorflows_same_padding_puts_the_odd_pixel_at_the_end(size, length, stride, expected):
    pads = _pads((size, size), (length, length), (stride, stride), 0)

    assert (pads[0], pads[2]) == expected


def test_a_finished_graph_runs_on_any_batch():
    graph = Graph()
    doubled = graph.add("Mul", "input", graph.constant(np.array(2, np.float32)))

    session = ort.InferenceSession(
        graph.finish("doubling", (3,), {"output": (doubled, (3,))}), providers=["CPUExecutionProvider"]
    )

    for count in (1, 5):
        values = np.ones((count, 3), np.float32)
        np.testing.assert_array_equal(session.run(["output"], {"input": values})[0], 2 * values)
