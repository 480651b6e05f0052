"""Turns dlib's face recognition network (.dat) into ONNX, without dlib.

The file holds the layers' tensors from the input to the last layer, each after its layer's name; the network
around them is rebuilt here and asks for every tensor's exact size, so that no other file can pass.

Source: the network is `anet_type` of dlib's dnn_face_recognition_ex.cpp (Davis King; weights CC0-1.0): a
ResNet of 29 convolutions, its input an RGB picture of 150 x 150 px.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.gpu_face.packs.graph import Graph
from workers.gpu_face.packs.manifest import PackError

SIDE_PX = 150
STEM_CHANNELS, EMBEDDING_SIZE = 32, 128
# Each further level: channels, and how many blocks keep the size after the one that halves it.
FIRST_LEVEL_BLOCKS = 3
LEVELS = ((64, 3), (128, 2), (256, 2), (256, 0))
INPUT_TAG, LAYER_TAGS = (
    b"\x01\x15input_rgb_image_sized",
    (b"\x01\x05con_4", b"\x01\x07affine_", b"\x01\x04fc_2"),
)
TENSOR_VERSION, TENSOR_RANK, FLOAT_BYTES, SIGN_BIT = 2, 4, 4, 0x80
COLOUR_SCALE = 1 / 256  # dlib's input layer divides by this after taking off the mean colour


def convert_dlib(content: bytes, output_names: Sequence[str]) -> bytes:
    """Return dlib's face recognition network as an ONNX model with a free batch.

    The input `input` is (N, 3, 150, 150) float32 RGB 0..255; the output is (N, 128) float32, of any length.

    Raises:
        PackError: the file does not hold exactly this network.
    """
    mean, tensors = _read(content)
    network = _Network(Graph(), iter(tensors))
    output = network.build(mean)
    if next(network.tensors, None) is not None:
        raise PackError("the dlib file holds more layers than the face recognition network has")
    return network.graph.finish("dlib", (3, SIDE_PX, SIDE_PX), {output_names[0]: (output, (EMBEDDING_SIZE,))})


def _read(content: bytes) -> tuple[NDArray[np.float32], list[NDArray[np.float32]]]:
    """Return the mean colour (3,) and the tensors, flat, from the input to the last layer."""
    place = content.find(INPUT_TAG)
    if place < 0:
        raise PackError("not a dlib network over pictures")
    place += len(INPUT_TAG)
    mean = []
    for _ in range(3):
        mantissa, place = _integer(content, place)
        exponent, place = _integer(content, place)
        mean.append(mantissa * 2.0**exponent)
    tensors = []
    while (found := _next_layer(content, place)) is not None:
        tensor, place = found
        tensors.append(tensor)
    return np.array(mean, np.float32), tensors


def _next_layer(content: bytes, place: int) -> tuple[NDArray[np.float32], int] | None:
    starts = [(content.find(tag, place), tag) for tag in LAYER_TAGS]
    start, tag = min(((start, tag) for start, tag in starts if start >= 0), default=(-1, b""))
    if start < 0:
        return None
    place = start + len(tag)
    if tag.endswith(b"fc_2"):  # how many outputs and inputs, before the tensor
        _, place = _integer(content, place)
        _, place = _integer(content, place)
    return _tensor(content, place)


def _tensor(content: bytes, place: int) -> tuple[NDArray[np.float32], int]:
    version, place = _integer(content, place)
    if version != TENSOR_VERSION:
        raise PackError(f"dlib tensor version {version} is not known")
    size = 1
    for _ in range(TENSOR_RANK):
        length, place = _integer(content, place)
        size *= length
    return np.frombuffer(content, "<f4", size, place), place + FLOAT_BYTES * size


def _integer(content: bytes, place: int) -> tuple[int, int]:
    """Return dlib's packed integer and where it ends: the first byte says how many follow, and the sign."""
    control = content[place]
    end = place + 1 + (control & 0x0F)
    size = int.from_bytes(content[place + 1 : end], "little")
    return (-size if control & SIGN_BIT else size), end


@dataclass(frozen=True, slots=True)
class _Value:
    """A value under construction: name in the graph, channels and side in px."""

    name: str
    channels: int
    side: int


@dataclass(frozen=True, slots=True)
class _Network:
    """The network being rebuilt; every layer takes the next tensor."""

    graph: Graph
    tensors: Iterator[NDArray[np.float32]]

    def build(self, mean: NDArray[np.float32]) -> str:
        graph = self.graph
        centred = graph.add("Sub", "input", graph.constant(mean.reshape(1, 3, 1, 1)))
        scaled = graph.add("Mul", centred, graph.constant(np.array(COLOUR_SCALE, np.float32)))
        value = self.affine(self.convolution(_Value(scaled, 3, SIDE_PX), STEM_CHANNELS, (7, 2, 0)))
        value = self.pool("MaxPool", self.relu(value), 3)
        for _ in range(FIRST_LEVEL_BLOCKS):
            value = self.block(value)
        for channels, block_count in LEVELS:
            value = self.halving_block(value, channels)
            for _ in range(block_count):
                value = self.block(value)
        flat = graph.add("Flatten", graph.add("GlobalAveragePool", value.name), axis=1)
        return graph.add(
            "MatMul",
            flat,
            graph.constant(self.take(value.channels * EMBEDDING_SIZE).reshape(value.channels, -1)),
        )

    def take(self, size: int) -> NDArray[np.float32]:
        tensor = next(self.tensors, None)
        if tensor is None or tensor.size != size:
            raise PackError("the dlib file does not hold the face recognition network")
        return tensor

    def convolution(self, value: _Value, channels: int, shape: tuple[int, int, int]) -> _Value:
        length, stride, pad = shape
        weight_count = channels * value.channels * length * length
        tensor = self.take(weight_count + channels)
        weights = tensor[:weight_count].reshape(channels, value.channels, length, length)
        name = self.graph.add(
            "Conv",
            value.name,
            self.graph.constant(weights),
            self.graph.constant(tensor[weight_count:]),
            kernel_shape=[length, length],
            strides=[stride, stride],
            pads=[pad] * 4,
        )
        return _Value(name, channels, (value.side + 2 * pad - length) // stride + 1)

    def affine(self, value: _Value) -> _Value:
        gain, offset = self.take(2 * value.channels).reshape(2, 1, value.channels, 1, 1)
        scaled = self.graph.add("Mul", value.name, self.graph.constant(gain))
        return _Value(self.graph.add("Add", scaled, self.graph.constant(offset)), value.channels, value.side)

    def relu(self, value: _Value) -> _Value:
        return _Value(self.graph.add("Relu", value.name), value.channels, value.side)

    def pool(self, operator: str, value: _Value, length: int) -> _Value:
        name = self.graph.add(operator, value.name, kernel_shape=[length, length], strides=[2, 2])
        return _Value(name, value.channels, (value.side - length) // 2 + 1)

    def residual(self, value: _Value, channels: int, stride: int) -> _Value:
        first = (3, stride, 1 if stride == 1 else 0)
        inner = self.relu(self.affine(self.convolution(value, channels, first)))
        return self.affine(self.convolution(inner, channels, (3, 1, 1)))

    def block(self, value: _Value) -> _Value:
        return self.sum(self.residual(value, value.channels, 1), value)

    def halving_block(self, value: _Value, channels: int) -> _Value:
        return self.sum(self.residual(value, channels, 2), self.pool("AveragePool", value, 2))

    def sum(self, left: _Value, right: _Value) -> _Value:
        """Return the rectified sum; the smaller one is filled with zeros, in channels and at far edges."""
        channels, side = max(left.channels, right.channels), max(left.side, right.side)
        names = [self.widen(value, channels, side) for value in (left, right)]
        return self.relu(_Value(self.graph.add("Add", *names), channels, side))

    def widen(self, value: _Value, channels: int, side: int) -> str:
        if (value.channels, value.side) == (channels, side):
            return value.name
        more = (0, 0, 0, 0, 0, channels - value.channels, side - value.side, side - value.side)
        zero = self.graph.constant(np.array(0, np.float32))
        return self.graph.add(
            "Pad", value.name, self.graph.constant(np.array(more, np.int64)), zero, mode="constant"
        )
