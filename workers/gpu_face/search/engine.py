"""Engines: multiply 8-bit codes of probes with blocks of codes; the faster one on this machine is taken.

(P, D) uint8 by (B, D, 512) int8 → (B, P, 512) integers, exactly, and the largest of each 64 of them: whichever engine
runs, the search finds the same.

- `Int8Engine`: onnxruntime's MatMulInteger. About 730 GOP/s a core with AVX-512 VNNI, 1,000 with AMX (2026-11-21).
- `Float32Engine`: a BLAS product of the same codes in float32, where every sum stays below 2^24 and hence exact. For
  processors whose 8-bit instructions saturate (AVX2 without VNNI) or are slower.

One call multiplies many blocks and finds their maxima too, without Python's lock: what Python does beside is paid once
for megabytes of products. A single probe is multiplied without a zero point, which is onnxruntime's fast path for one
row (it reads the codes once, in place, as fast as memory gives them); the 128 added to each of its codes is taken off
again with the faces' sums.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from workers.gpu_face.search.quantise import BLOCK, MOST_CODE, ZERO_CODE

GROUP = 64  # faces one maximum is of: finding them costs 4 % of the products, looking at 64 instead of 512 saves more
GROUPS = BLOCK // GROUP  # of a block


@dataclass(frozen=True, slots=True)
class Products:
    """Where an engine writes to, used again and again: for B blocks and P probes.

    products: (B, P, 512), int32 or float32, whole numbers below 2^24. maxima: (B, P, 8), the largest of each 64.
    """

    products: NDArray[Any]  # of the engine's type
    maxima: NDArray[Any]

    def part(self, start: int, stop: int) -> Products:
        """Return the place of some of the blocks."""
        return Products(self.products[start:stop], self.maxima[start:stop])


# Codes of blocks (B, D, 512) and the sums of their faces (B, 512); the products go to as many blocks of a place.
Multiply = Callable[[NDArray[np.int8], NDArray[np.int32], Products], None]

TRIAL_DIMENSIONS, TRIAL_PROBES, TRIALS = 512, 256, 5


class Engine(Protocol):
    """Something that multiplies codes; one may be used by several threads, what it returns by one."""

    def place(self, block_count: int, probe_count: int) -> Products:
        """Return a place for so many products."""

    def for_probes(self, codes: NDArray[np.uint8]) -> Multiply:
        """Return the multiplication of these probes, (P, D)."""


class Int8Engine:
    """MatMulInteger of onnxruntime, one thread a call: the scan has threads of its own."""

    def __init__(self) -> None:
        self._together, self._alone = _session(alone=False), _session(alone=True)

    def place(self, block_count: int, probe_count: int) -> Products:
        """Return a place for so many products."""
        return _place(block_count, probe_count, np.int32)

    def for_probes(self, codes: NDArray[np.uint8]) -> Multiply:
        """Return the multiplication of these probes."""
        alone = len(codes) == 1
        session = self._alone if alone else self._together
        binding = session.io_binding()
        binding.bind_cpu_input("probes", codes)

        def multiply(blocks: NDArray[np.int8], sums: NDArray[np.int32], place: Products) -> None:
            binding.bind_cpu_input("faces", blocks)
            if alone:
                binding.bind_cpu_input("sums", sums[:, None])
            for name, value in (("products", place.products), ("maxima", place.maxima)):
                binding.bind_output(name, "cpu", 0, np.int32, value.shape, value.ctypes.data)
            session.run_with_iobinding(binding)

        return multiply


class Float32Engine:
    """The same products by numpy's BLAS."""

    def place(self, block_count: int, probe_count: int) -> Products:
        """Return a place for so many products."""
        return _place(block_count, probe_count, np.float32)

    def for_probes(self, codes: NDArray[np.uint8]) -> Multiply:
        """Return the multiplication of these probes."""
        probes = codes.astype(np.float32) - np.float32(ZERO_CODE)

        def multiply(blocks: NDArray[np.int8], _: NDArray[np.int32], place: Products) -> None:
            for block, products in zip(blocks, place.products, strict=True):
                np.matmul(probes, block.astype(np.float32), out=products)
            find_maxima(place)

        return multiply


@dataclass(frozen=True, slots=True)
class Choice:
    """The engine taken, with what was measured: GOP/s of one call by name; an inexact engine has none."""

    engine: Engine
    rates: dict[str, float]

    def __str__(self) -> str:
        rates = ", ".join(f"{name} {rate:.0f} GOP/s" for name, rate in self.rates.items())
        return f"{type(self.engine).__name__} ({rates})"


def choose_engine() -> Choice:
    """Return the faster of the engines that multiply the largest codes exactly, measured now (some 30 ms)."""
    engines: tuple[Engine, ...] = (Int8Engine(), Float32Engine())
    rates = {type(engine).__name__: _rate(engine) for engine in engines if is_exact(engine)}
    return Choice(max(engines, key=lambda engine: rates.get(type(engine).__name__, 0.0)), rates)


def is_exact(engine: Engine) -> bool:
    """Say whether the engine neither saturates nor rounds at the largest codes of either sign, alone or together."""
    probes = np.full((2, TRIAL_DIMENSIONS), ZERO_CODE + MOST_CODE, np.uint8)
    probes[1] = ZERO_CODE - MOST_CODE
    faces = np.full((1, TRIAL_DIMENSIONS, BLOCK), MOST_CODE, np.int8)
    faces[:, :, 1::2] = -MOST_CODE
    wanted = (probes.astype(np.int64) - ZERO_CODE) @ faces[0].astype(np.int64)
    return all(
        np.array_equal(_multiplied(engine, probes[some], faces), wanted[some])
        for some in (slice(2), slice(1), slice(1, 2))
    )


def find_maxima(place: Products) -> None:
    """Find the largest of each 64 products anew."""
    np.max(place.products.reshape(*place.maxima.shape, GROUP), axis=-1, out=place.maxima)


def _multiplied(engine: Engine, probes: NDArray[np.uint8], faces: NDArray[np.int8]) -> NDArray[Any]:
    place = engine.place(1, len(probes))
    engine.for_probes(probes)(faces, faces.sum(axis=1, dtype=np.int32), place)
    products: NDArray[Any] = place.products[0]  # of the engine's type
    return products


def _rate(engine: Engine) -> float:
    multiply = engine.for_probes(np.full((TRIAL_PROBES, TRIAL_DIMENSIONS), ZERO_CODE + 1, np.uint8))
    faces, place = np.ones((1, TRIAL_DIMENSIONS, BLOCK), np.int8), engine.place(1, TRIAL_PROBES)
    sums = faces.sum(axis=1, dtype=np.int32)
    multiply(faces, sums, place)
    seconds = []
    for _ in range(TRIALS):
        started = time.perf_counter()
        multiply(faces, sums, place)
        seconds.append(time.perf_counter() - started)
    return 2e-9 * TRIAL_PROBES * TRIAL_DIMENSIONS * BLOCK / min(seconds)


def _place(block_count: int, probe_count: int, kind: type[np.generic]) -> Products:
    return Products(
        np.empty((block_count, probe_count, BLOCK), kind), np.empty((block_count, probe_count, GROUPS), kind)
    )


def _session(*, alone: bool) -> ort.InferenceSession:
    """Return the products and their maxima: of one probe with the faces' sums, of several with a zero point."""
    constants = [
        numpy_helper.from_array(np.array(ZERO_CODE, np.uint8), "zero"),
        numpy_helper.from_array(np.array(ZERO_CODE, np.int32), "raise"),
        numpy_helper.from_array(np.array([0, 0, -1, GROUP], np.int64), "groups"),
        numpy_helper.from_array(np.array([3], np.int64), "within"),
    ]
    together = [helper.make_node("MatMulInteger", ["probes", "faces", "zero"], ["products"])]
    by_sums = [
        helper.make_node("MatMulInteger", ["probes", "faces"], ["raised"]),
        helper.make_node("Mul", ["sums", "raise"], ["by"]),
        helper.make_node("Sub", ["raised", "by"], ["products"]),
    ]
    nodes = [
        *(by_sums if alone else together),
        helper.make_node("Reshape", ["products", "groups"], ["grouped"]),
        helper.make_node("ReduceMax", ["grouped", "within"], ["maxima"], keepdims=0),
    ]
    used = {name for node in nodes for name in node.input}
    inputs = {"probes": TensorProto.UINT8, "faces": TensorProto.INT8, "sums": TensorProto.INT32}
    graph = helper.make_graph(
        nodes,
        "products",
        [helper.make_tensor_value_info(name, kind, None) for name, kind in inputs.items() if name in used],
        [helper.make_tensor_value_info(name, TensorProto.INT32, None) for name in ("products", "maxima")],
        [constant for constant in constants if constant.name in used],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
