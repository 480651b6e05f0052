"""Who is compared in `search.py`: this project's search, FAISS in two ways, and a plain float32 product.

Each answers (P, D) float32 probes with their (P, 5) most similar rows and similarities, over the same vectors, with
the same number of threads. All hold the gallery in memory.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import faiss
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from workers.gpu_face.search.engine import Engine
from workers.gpu_face.search.quantise import ZERO_CODE, quantise_faces
from workers.gpu_face.search.scan import Part, nearest
from workers.gpu_face.search.segments import SEGMENT_ROWS

COUNT = 5
PRODUCT_ROWS = 65_536  # of the gallery in one float32 product, so that its result stays below 1 GB
QUANTISERS = {
    "int8": faiss.ScalarQuantizer.QT_8bit,
    "int8 uniform": faiss.ScalarQuantizer.QT_8bit_uniform,
    "fp16": faiss.ScalarQuantizer.QT_fp16,
    "bf16": faiss.ScalarQuantizer.QT_bf16,
}
REFINE_FACTOR = 4  # rows that are compared again with float32, times COUNT
TRAINING_ROWS = 20_000
RATE_SIZE, RATE_ROUNDS = 512, 200  # rows, columns and depth of a product; products a thread

Answer = tuple[NDArray[np.int64], NDArray[np.float32]]
Search = Callable[[NDArray[np.float32]], Answer]


def parts_of(gallery: NDArray[np.float32]) -> list[Part]:
    """Return the gallery as this project keeps it, in parts the size of a segment."""
    pieces = [gallery[start : start + SEGMENT_ROWS] for start in range(0, len(gallery), SEGMENT_ROWS)]
    with ThreadPoolExecutor() as pool:
        return [Part(blocks, np.ones(len(blocks), np.bool_)) for blocks in pool.map(quantise_faces, pieces)]


def ours(parts: list[Part], engine: Engine, threads: int) -> Search:
    """Return this project's search."""
    starts = np.cumsum([0, *(len(part.alive) for part in parts)])

    def search(probes: NDArray[np.float32]) -> Answer:
        found = nearest(probes, parts, COUNT, engine, threads=threads)
        firsts = np.searchsorted(found.probes, np.arange(len(probes)))
        some = firsts[:, None] + np.arange(
            COUNT
        )  # by probe, best first; what ties with the last comes after it
        rows = starts[found.parts] + found.rows
        return rows[some], found.similarities[some].astype(np.float32)

    return search


def faiss_flat(flat: faiss.IndexFlatIP) -> Search:
    """Return FAISS's exact search."""

    def search(probes: NDArray[np.float32]) -> Answer:
        similarities, rows = flat.search(probes, COUNT)
        return rows, similarities

    return search


def faiss_refined(quantiser: str, gallery: NDArray[np.float32], flat: faiss.IndexFlatIP) -> Search:
    """Return FAISS's scalar quantiser whose best rows are compared again with the flat index."""
    dimension_count = gallery.shape[1]
    coarse = faiss.IndexScalarQuantizer(dimension_count, QUANTISERS[quantiser], faiss.METRIC_INNER_PRODUCT)
    coarse.train(gallery[:TRAINING_ROWS])
    coarse.add(gallery)
    refined = faiss.IndexRefine(coarse, flat)
    refined.k_factor = REFINE_FACTOR

    def search(probes: NDArray[np.float32]) -> Answer:
        similarities, rows = refined.search(probes, COUNT)
        return rows, similarities

    return search


def float32_product(gallery: NDArray[np.float32]) -> Search:
    """Return numpy's product with argpartition, the best of each stretch kept."""

    def search(probes: NDArray[np.float32]) -> Answer:
        rows, similarities = [], []
        for start in range(0, len(gallery), PRODUCT_ROWS):
            products = probes @ gallery[start : start + PRODUCT_ROWS].T
            best = np.argpartition(products, -COUNT, axis=1)[:, -COUNT:]
            rows.append(best + start)
            similarities.append(np.take_along_axis(products, best, axis=1))
        all_rows, alike = np.concatenate(rows, axis=1), np.concatenate(similarities, axis=1)
        order = np.argsort(-alike, axis=1)[:, :COUNT]
        return np.take_along_axis(all_rows, order, axis=1), np.take_along_axis(alike, order, axis=1)

    return search


def int8_rate(threads: int) -> Callable[[], float]:
    """Return what measures 8-bit operations a second, of nothing but `MatMulInteger` in the cache."""
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["probes", "faces", "zero"], ["products"])],
        "products",
        [
            helper.make_tensor_value_info("probes", TensorProto.UINT8, None),
            helper.make_tensor_value_info("faces", TensorProto.INT8, None),
        ],
        [helper.make_tensor_value_info("products", TensorProto.INT32, None)],
        [numpy_helper.from_array(np.array(ZERO_CODE, np.uint8), "zero")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    probes = random.integers(1, 256, (RATE_SIZE, RATE_SIZE), np.uint8)
    faces = random.integers(-127, 128, (RATE_SIZE, RATE_SIZE), np.int8)

    def work(_: int) -> None:
        for _ in range(RATE_ROUNDS):
            session.run(None, {"probes": probes, "faces": faces})

    def measure() -> float:
        started = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))
        return 2 * threads * RATE_ROUNDS * RATE_SIZE**3 / (time.perf_counter() - started)

    return measure


def core_count() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
