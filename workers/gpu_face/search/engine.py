"""Engines: multiply 8-bit codes of probes with a block's codes; the faster one on this machine is taken.

(P, D) uint8 by (D, 512) int8 → (P, 512) integers, exactly: whichever engine runs, the search finds the same.

- `Int8Engine`: onnxruntime's MatMulInteger. About 700 GOP/s a core with AVX-512 VNNI, 1,000 with AMX (2026-11-21).
- `Float32Engine`: a BLAS product of the same codes in float32, where every sum stays below 2^24 and hence exact. For
  processors whose 8-bit instructions saturate (AVX2 without VNNI) or are slower.

A single probe is multiplied without a zero point, which is onnxruntime's fast path for one row (it reads the codes
once, in place); the 128 added to each of its codes is taken off again with the faces' sums.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper

from workers.gpu_face.search.quantise import BLOCK, MOST_CODE, ZERO_CODE

# Codes of one block (D, 512) → products (P, 512), int32 or float32; the array is used again by the next call.
Multiply = Callable[[NDArray[np.int8]], NDArray[np.int32] | NDArray[np.float32]]
# Codes of blocks (B, D, 512) and their sums (B, 512) → products (B, 512).
MultiplyOne = Callable[[NDArray[np.int8], NDArray[np.int32]], NDArray[np.int32] | NDArray[np.float32]]

TRIAL_DIMENSIONS, TRIAL_PROBES, TRIALS = 512, 256, 5


class Engine(Protocol):
    """Something that multiplies codes; one may be used by several threads, what it returns by one."""

    def for_probes(self, codes: NDArray[np.uint8]) -> Multiply:
        """Return the multiplication of these probes, (P, D), with one block at a time."""

    def for_one(self, codes: NDArray[np.uint8]) -> MultiplyOne:
        """Return the multiplication of one probe, (1, D), with several blocks at a time."""


class Int8Engine:
    """MatMulInteger of onnxruntime, one thread a call: the scan has threads of its own."""

    def __init__(self) -> None:
        self._session = _one_node_session()

    def for_probes(self, codes: NDArray[np.uint8]) -> Multiply:
        """Return the multiplication of these probes with one block at a time."""
        products = np.empty((len(codes), BLOCK), np.int32)
        binding = self._binding(codes, ZERO_CODE)
        _bind_output(binding, products)

        def multiply(block: NDArray[np.int8]) -> NDArray[np.int32]:
            binding.bind_cpu_input("faces", block)
            self._session.run_with_iobinding(binding)
            return products

        return multiply

    def for_one(self, codes: NDArray[np.uint8]) -> MultiplyOne:
        """Return the multiplication of one probe with several blocks at a time."""
        binding = self._binding(codes, 0)

        def multiply(blocks: NDArray[np.int8], sums: NDArray[np.int32]) -> NDArray[np.int32]:
            products = np.empty((len(blocks), 1, BLOCK), np.int32)
            binding.bind_cpu_input("faces", blocks)
            _bind_output(binding, products)
            self._session.run_with_iobinding(binding)
            return products[:, 0] - ZERO_CODE * sums

        return multiply

    def _binding(self, codes: NDArray[np.uint8], zero: int) -> ort.IOBinding:
        binding = self._session.io_binding()
        binding.bind_cpu_input("probes", codes)
        binding.bind_cpu_input("zero", np.array(zero, np.uint8))
        return binding


class Float32Engine:
    """The same products by numpy's BLAS."""

    def for_probes(self, codes: NDArray[np.uint8]) -> Multiply:
        """Return the multiplication of these probes with one block at a time."""
        probes = codes.astype(np.float32) - np.float32(ZERO_CODE)
        products = np.empty((len(codes), BLOCK), np.float32)

        def multiply(block: NDArray[np.int8]) -> NDArray[np.float32]:
            return np.matmul(probes, block.astype(np.float32), out=products)

        return multiply

    def for_one(self, codes: NDArray[np.uint8]) -> MultiplyOne:
        """Return the multiplication of one probe with several blocks at a time."""
        probe = codes[0].astype(np.float32) - np.float32(ZERO_CODE)

        def multiply(blocks: NDArray[np.int8], sums: NDArray[np.int32]) -> NDArray[np.float32]:  # noqa: ARG001 - no zero point to take off
            return np.stack([probe @ block.astype(np.float32) for block in blocks])

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
    """Return the faster of the engines that multiply the largest codes exactly, measured now (some 10 ms)."""
    engines: tuple[Engine, ...] = (Int8Engine(), Float32Engine())
    rates = {type(engine).__name__: _rate(engine) for engine in engines if is_exact(engine)}
    return Choice(max(engines, key=lambda engine: rates.get(type(engine).__name__, 0.0)), rates)


def is_exact(engine: Engine) -> bool:
    """Say whether the engine neither saturates nor rounds at the largest codes of either sign."""
    probes = np.full((2, TRIAL_DIMENSIONS), ZERO_CODE + MOST_CODE, np.uint8)
    probes[1] = ZERO_CODE - MOST_CODE
    faces = np.full((1, TRIAL_DIMENSIONS, BLOCK), MOST_CODE, np.int8)
    faces[:, :, 1::2] = -MOST_CODE
    wanted = (probes.astype(np.int64) - ZERO_CODE) @ faces[0].astype(np.int64)
    sums = faces.sum(axis=1, dtype=np.int32)
    one = np.stack([engine.for_one(probe[None])(faces, sums)[0] for probe in probes])
    return np.array_equal(engine.for_probes(probes)(faces[0]), wanted) and np.array_equal(one, wanted)


def _rate(engine: Engine) -> float:
    probes = np.full((TRIAL_PROBES, TRIAL_DIMENSIONS), ZERO_CODE + 1, np.uint8)
    faces = np.ones((TRIAL_DIMENSIONS, BLOCK), np.int8)
    multiply = engine.for_probes(probes)
    multiply(faces)
    seconds = []
    for _ in range(TRIALS):
        started = time.perf_counter()
        multiply(faces)
        seconds.append(time.perf_counter() - started)
    return 2e-9 * TRIAL_PROBES * TRIAL_DIMENSIONS * BLOCK / min(seconds)


def _one_node_session() -> ort.InferenceSession:
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["probes", "faces", "zero"], ["products"])],
        "products",
        [
            helper.make_tensor_value_info("probes", TensorProto.UINT8, None),
            helper.make_tensor_value_info("faces", TensorProto.INT8, None),
            helper.make_tensor_value_info("zero", TensorProto.UINT8, []),
        ],
        [helper.make_tensor_value_info("products", TensorProto.INT32, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _bind_output(binding: ort.IOBinding, products: NDArray[np.int32]) -> None:
    binding.bind_output("products", "cpu", 0, np.int32, products.shape, products.ctypes.data)
