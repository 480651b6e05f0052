"""Rewrites a model's graph in memory as it is opened: the same numbers, faster or in more shapes than it was exported.

The file of the pack stays as its manifest names it. A rewriting knows the graphs it is for by their structure and
leaves every other graph as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

Rewriting = Callable[[ModelProto], None]

NCHW_TO_NHWC = [0, 2, 3, 1]
NCHW_TO_HWNC = [2, 3, 0, 1]  # some exports put the batch inside the cells: with two pictures they interleave
RESIZE_SCALES, RESIZE_SIZES = 2, 3  # inputs of the operator


def rewritten(content: bytes, *rewritings: Rewriting) -> bytes:
    """Return the ONNX model in `content` after each of the rewritings; the same bytes where there are none."""
    if not rewritings:
        return content
    model = onnx.load_model_from_string(content)
    for rewrite in rewritings:
        rewrite(model)
    return bytes(model.SerializeToString())


def prelu_as_convolutions(model: ModelProto) -> None:
    """Compute PReLU as x + (1 - a) * max(-x, 0), from two depthwise convolutions.

    onnxruntime's CPU kernel for PReLU broadcasts value by value and takes the tensor out of its blocked layout: two
    thirds of FaceMesh's time. As convolutions it stays blocked: 13.5 → 4.2 ms and 3.7 → 1.3 ms, MobileFaceNet
    5.2 → 3.3 ms, results within 1e-6 of their range (one thread of an EPYC, 2026-11-21).
    """
    constants = _constants(model)
    for node in list(model.graph.node):
        slope = constants.get(node.input[1]) if node.op_type == "PRelu" else None
        if slope is not None and _is_one_a_channel(slope):
            _replace(model, node, _prelu(model, node, slope.astype(np.float32).ravel()))


def free_scrfd(model: ModelProto) -> None:
    """Let an SCRFD export take any number of pictures of any size: outputs become (N, cells * anchors, values).

    Exports fix the batch at 1, some also the size; their last layers put the batch between the cells, and upsampling
    goes to fixed sizes. Sources of the graphs: insightface's scrfd2onnx.py (MIT), exports of 2021 and 2022.
    """
    constants = _constants(model)
    for node in model.graph.node:
        if node.op_type == "Transpose" and list(node.attribute[0].ints) == NCHW_TO_HWNC:
            node.attribute[0].ints[:] = NCHW_TO_NHWC
        elif node.op_type == "Reshape" and node.input[1] in constants:
            values = int(constants[node.input[1]][-1])
            node.input[1] = _constant(model, np.array([0, -1, values], np.int64), f"{node.output[0]}_shape")
        elif node.op_type == "Resize" and len(node.input) > RESIZE_SIZES and node.input[3] in constants:
            node.input[RESIZE_SCALES] = _constant(
                model, np.array([1, 1, 2, 2], np.float32), f"{node.output[0]}_x2"
            )
            del node.input[RESIZE_SIZES]
    for value, sizes in ((model.graph.input[0], (0, 2, 3)), *((out, (0, 1)) for out in model.graph.output)):
        _free(value, sizes)
    del model.graph.value_info[:]  # shapes noted for the batch and size of the export


def _is_one_a_channel(slope: NDArray[np.generic]) -> bool:
    """Say whether a slope is (C, 1, 1) or (1, C, 1, 1); a single one may be for any number of channels."""
    return slope.size > 1 and slope.ndim >= len("CHW") and slope.size == slope.shape[-3]


def _free(value: onnx.ValueInfoProto, axes: Iterable[int]) -> None:
    dimensions = value.type.tensor_type.shape.dim
    for axis in axes:
        dimensions[axis].ClearField("dim_value")
        dimensions[axis].dim_param = f"{value.name}_{axis}"


def _prelu(model: ModelProto, node: NodeProto, slope: NDArray[np.float32]) -> list[NodeProto]:
    (x, _), (y,) = node.input, node.output
    minus = _constant(model, np.full((len(slope), 1, 1, 1), -1, np.float32), f"{y}_minus")
    rest = _constant(model, (1 - slope).reshape(-1, 1, 1, 1), f"{y}_rest")
    return [
        _depthwise(x, minus, f"{y}_negated", len(slope)),
        helper.make_node("Relu", [f"{y}_negated"], [f"{y}_below"], f"{y}_below"),
        _depthwise(f"{y}_below", rest, f"{y}_raised", len(slope)),
        helper.make_node("Add", [x, f"{y}_raised"], [y], f"{y}_sum"),
    ]


def _depthwise(x: str, weights: str, y: str, channels: int) -> NodeProto:
    return helper.make_node("Conv", [x, weights], [y], y, group=channels, kernel_shape=[1, 1])


def _replace(model: ModelProto, node: NodeProto, others: list[NodeProto]) -> None:
    place = list(model.graph.node).index(node)
    model.graph.node.remove(node)
    for offset, other in enumerate(others):
        model.graph.node.insert(place + offset, other)


def _constant(model: ModelProto, value: NDArray[np.generic], name: str) -> str:
    model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
    return name


def _constants(model: ModelProto) -> dict[str, NDArray[np.generic]]:
    """Return the graph's constants by name, wherever the export put them."""
    tensors: dict[str, TensorProto] = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            tensors[node.output[0]] = node.attribute[0].t
    return {name: numpy_helper.to_array(tensor) for name, tensor in tensors.items()}
