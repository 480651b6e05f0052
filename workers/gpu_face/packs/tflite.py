"""Turns a MediaPipe .tflite network into ONNX: only the operators that BlazeFace and FaceMesh are made of.

TensorFlow Lite keeps pictures as (N, height, width, channels), ONNX as (N, channels, height, width); every
value with four dimensions is therefore carried with its channels second.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.packs.flatbuffer import Network, Operator, Record, read_network
from workers.gpu_face.packs.graph import Graph
from workers.gpu_face.packs.manifest import PackError

PICTURE_RANK = 4
SAME_PADDING, RELU, RELU6 = 0, 1, 3
NO_ACTIVATION = 0
# Option fields, in the schema's numbering.
PADDING, STRIDE_WIDTH, STRIDE_HEIGHT = 0, 1, 2
CONVOLUTION_ACTIVATION, DEPTHWISE_ACTIVATION = 3, 4
POOL_WIDTH, POOL_HEIGHT = 3, 4
ADD_ACTIVATION, CONCATENATION_AXIS = 0, 0


def convert_tflite(content: bytes, output_names: Sequence[str]) -> bytes:
    """Return a .tflite network with one picture as input, as an ONNX model with a free batch.

    The input `input` is (N, channels, height, width) float32; outputs get `output_names` in their order.

    Raises:
        PackError: the network has an operator that is not translated here.
    """
    translation = _Translation(read_network(content))
    for operator in translation.network.operators:
        translation.translate(operator)
    return translation.finish(output_names)


class _Translation:
    """One conversion under way: names of the values so far, and of the constants with their content."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.graph = Graph()
        self.names = {network.inputs[0]: "input"}
        self.constants = {
            i: tensor.constant for i, tensor in enumerate(network.tensors) if tensor.constant is not None
        }

    def translate(self, operator: Operator) -> None:
        if operator.code not in TRANSLATORS:
            raise PackError(f"TensorFlow Lite operator {operator.code} is not translated")
        if operator.code == DEQUANTIZE and operator.inputs[0] in self.constants:
            self.constants[operator.output] = self.weights(operator.inputs[0])
            return
        self.names[operator.output] = TRANSLATORS[operator.code](self, operator)

    def shape(self, tensor: int) -> tuple[int, ...]:
        return self.network.tensors[tensor].shape

    def weights(self, tensor: int) -> NDArray[np.float32]:
        return self.constants[tensor].astype(np.float32)

    def value(self, tensor: int) -> str:
        return self.names[tensor]

    def activate(self, value: str, activation: int) -> str:
        if activation == NO_ACTIVATION:
            return value
        if activation == RELU:
            return self.graph.add("Relu", value)
        if activation == RELU6:
            limits = [self.graph.constant(np.array(limit, np.float32)) for limit in (0.0, 6.0)]
            return self.graph.add("Clip", value, *limits)
        raise PackError(f"TensorFlow Lite activation {activation} is not translated")

    def finish(self, output_names: Sequence[str]) -> bytes:
        height, width, channels = self.shape(self.network.inputs[0])[1:]
        outputs = {}
        for public, tensor in zip(output_names, self.network.outputs, strict=True):
            value, shape = self.names[tensor], self.shape(tensor)[1:]
            if len(shape) == PICTURE_RANK - 1:  # (1, 1, values): a plain vector
                value, shape = self.graph.add("Flatten", value, axis=1), (int(np.prod(shape)),)
            outputs[public] = (value, shape)
        return self.graph.finish("mediapipe", (channels, height, width), outputs)


def _options(operator: Operator) -> Record:
    if operator.options is None:
        raise PackError(f"TensorFlow Lite operator {operator.code} came without its options")
    return operator.options


def _strides(options: Record) -> tuple[int, int]:
    return options.number(STRIDE_HEIGHT), options.number(STRIDE_WIDTH)


def _pads(sizes: Sequence[int], kernel: Sequence[int], strides: Sequence[int], padding: int) -> list[int]:
    """Return TensorFlow's padding as ONNX lists it: begins, then ends; the odd pixel goes to the end."""
    if padding != SAME_PADDING:
        return [0] * (2 * len(sizes))
    totals = [
        max((-(-size // stride) - 1) * stride + length - size, 0)
        for size, length, stride in zip(sizes, kernel, strides, strict=True)
    ]
    return [total // 2 for total in totals] + [total - total // 2 for total in totals]


def _convolution(translation: _Translation, operator: Operator) -> str:
    weights = translation.weights(operator.inputs[1]).transpose(0, 3, 1, 2)
    return _convolve(translation, operator, weights, (1, CONVOLUTION_ACTIVATION))


def _depthwise_convolution(translation: _Translation, operator: Operator) -> str:
    weights = translation.weights(operator.inputs[1]).transpose(3, 0, 1, 2)
    channels = translation.shape(operator.inputs[0])[3]
    return _convolve(translation, operator, weights, (channels, DEPTHWISE_ACTIVATION))


def _convolve(
    translation: _Translation,
    operator: Operator,
    weights: NDArray[np.float32],
    group_and_activation: tuple[int, int],
) -> str:
    group, activation = group_and_activation
    options, kernel, graph = _options(operator), weights.shape[2:], translation.graph
    strides = _strides(options)
    sizes = translation.shape(operator.inputs[0])[1:3]
    output = graph.add(
        "Conv",
        translation.value(operator.inputs[0]),
        graph.constant(weights),
        graph.constant(translation.weights(operator.inputs[2]).ravel()),
        kernel_shape=kernel,
        strides=strides,
        group=group,
        pads=_pads(sizes, kernel, strides, options.byte(PADDING)),
    )
    return translation.activate(output, options.byte(activation))


def _max_pool(translation: _Translation, operator: Operator) -> str:
    options = _options(operator)
    kernel = (options.number(POOL_HEIGHT), options.number(POOL_WIDTH))
    strides = _strides(options)
    pads = _pads(translation.shape(operator.inputs[0])[1:3], kernel, strides, options.byte(PADDING))
    value = translation.value(operator.inputs[0])
    return translation.graph.add("MaxPool", value, kernel_shape=kernel, strides=strides, pads=pads)


def _add(translation: _Translation, operator: Operator) -> str:
    output = translation.graph.add("Add", *(translation.value(tensor) for tensor in operator.inputs))
    return translation.activate(
        output, operator.options.byte(ADD_ACTIVATION) if operator.options else NO_ACTIVATION
    )


def _relu(translation: _Translation, operator: Operator) -> str:
    return translation.graph.add("Relu", translation.value(operator.inputs[0]))


def _logistic(translation: _Translation, operator: Operator) -> str:
    return translation.graph.add("Sigmoid", translation.value(operator.inputs[0]))


def _prelu(translation: _Translation, operator: Operator) -> str:
    slope = translation.graph.constant(translation.weights(operator.inputs[1]).reshape(-1, 1, 1))
    return translation.graph.add("PRelu", translation.value(operator.inputs[0]), slope)


def _pad(translation: _Translation, operator: Operator) -> str:
    amounts = translation.constants[operator.inputs[1]].astype(np.int64)[[0, 3, 1, 2]]
    pads = translation.graph.constant(amounts.T.ravel())
    zero = translation.graph.constant(np.array(0, np.float32))
    return translation.graph.add("Pad", translation.value(operator.inputs[0]), pads, zero, mode="constant")


def _reshape(translation: _Translation, operator: Operator) -> str:
    value = translation.value(operator.inputs[0])
    if len(translation.shape(operator.inputs[0])) == PICTURE_RANK:
        value = translation.graph.add("Transpose", value, perm=[0, 2, 3, 1])
    shape = (-1, *translation.shape(operator.output)[1:])
    return translation.graph.add("Reshape", value, translation.graph.constant(np.array(shape, np.int64)))


def _concatenation(translation: _Translation, operator: Operator) -> str:
    if len(translation.shape(operator.output)) == PICTURE_RANK:
        raise PackError("a concatenation of pictures is not translated")
    values = [translation.value(tensor) for tensor in operator.inputs]
    return translation.graph.add("Concat", *values, axis=_options(operator).number(CONCATENATION_AXIS))


def _same(translation: _Translation, operator: Operator) -> str:
    return translation.value(operator.inputs[0])


# The schema's operator codes.
DEQUANTIZE = 6
TRANSLATORS: dict[int, Callable[[_Translation, Operator], str]] = {
    0: _add,
    2: _concatenation,
    3: _convolution,
    4: _depthwise_convolution,
    DEQUANTIZE: _same,  # of a computed value: everything is computed in float32 already
    14: _logistic,
    17: _max_pool,
    19: _relu,
    22: _reshape,
    34: _pad,
    54: _prelu,
}
