"""Reads the parts of a .tflite file that a converter needs, without TensorFlow and without generated code.

Source: the public TensorFlow Lite schema (schema.fbs, version 3), whose field numbers stand below.
"""

from __future__ import annotations

from dataclasses import dataclass

import flatbuffers.encode
import numpy as np
from flatbuffers import number_types, packer
from flatbuffers.table import Table
from numpy.typing import NDArray

# Fields by table, in the schema's numbering.
MODEL_OPERATOR_CODES, MODEL_SUBGRAPHS, MODEL_BUFFERS = 1, 2, 4
CODE_DEPRECATED, CODE_BUILTIN = 0, 3
SUBGRAPH_TENSORS, SUBGRAPH_INPUTS, SUBGRAPH_OUTPUTS, SUBGRAPH_OPERATORS = 0, 1, 2, 3
TENSOR_SHAPE, TENSOR_TYPE, TENSOR_BUFFER = 0, 1, 2
OPERATOR_CODE, OPERATOR_INPUTS, OPERATOR_OUTPUTS, OPERATOR_OPTIONS = 0, 1, 2, 4
BUFFER_DATA = 0
DTYPES = {0: np.float32, 1: np.float16, 2: np.int32, 4: np.int64}


class Record:
    """One table of a flatbuffer; absent fields read as 0 or empty, as the format defines."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def byte(self, field: int) -> int:
        """Return an 8-bit field."""
        return self._scalar(field, number_types.Int8Flags)

    def number(self, field: int) -> int:
        """Return a 32-bit field."""
        return self._scalar(field, number_types.Int32Flags)

    def numbers(self, field: int) -> tuple[int, ...]:
        """Return a vector of 32-bit numbers."""
        offset = self._offset(field)
        return tuple(self._table.GetVectorAsNumpy(number_types.Int32Flags, offset).tolist()) if offset else ()

    def content(self, field: int) -> bytes:
        """Return a vector of bytes."""
        offset = self._offset(field)
        return self._table.GetVectorAsNumpy(number_types.Uint8Flags, offset).tobytes() if offset else b""

    def record(self, field: int) -> Record | None:
        """Return the table in a field, or None when it is absent."""
        offset = self._offset(field)
        return (
            Record(Table(self._table.Bytes, self._table.Indirect(offset + self._table.Pos)))
            if offset
            else None
        )

    def records(self, field: int) -> list[Record]:
        """Return a vector of tables."""
        offset = self._offset(field)
        if not offset:
            return []
        start = self._table.Vector(offset)
        places = range(start, start + 4 * self._table.VectorLen(offset), 4)
        return [Record(Table(self._table.Bytes, self._table.Indirect(place))) for place in places]

    def _offset(self, field: int) -> int:
        return int(self._table.Offset(4 + 2 * field))

    def _scalar(self, field: int, kind: type) -> int:
        offset = self._offset(field)
        return int(self._table.Get(kind, offset + self._table.Pos)) if offset else 0


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value of the network: its shape, and its content when it is a constant."""

    shape: tuple[int, ...]
    constant: NDArray[np.generic] | None


@dataclass(frozen=True, slots=True)
class Operator:
    """One step: the schema's operator code, the tensors it reads and writes, and its options."""

    code: int
    inputs: tuple[int, ...]
    output: int
    options: Record | None


@dataclass(frozen=True, slots=True)
class Network:
    """A network as stored: tensors by number, operators in order."""

    tensors: list[Tensor]
    operators: list[Operator]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_network(content: bytes) -> Network:
    """Return the first (only) graph of a .tflite file."""
    root = flatbuffers.encode.Get(packer.uoffset, content, 0)
    model = Record(Table(content, root))
    graph = model.records(MODEL_SUBGRAPHS)[0]
    buffers = [buffer.content(BUFFER_DATA) for buffer in model.records(MODEL_BUFFERS)]
    codes = [
        max(code.byte(CODE_DEPRECATED), code.number(CODE_BUILTIN))
        for code in model.records(MODEL_OPERATOR_CODES)
    ]
    return Network(
        [_tensor(record, buffers) for record in graph.records(SUBGRAPH_TENSORS)],
        [_operator(record, codes) for record in graph.records(SUBGRAPH_OPERATORS)],
        graph.numbers(SUBGRAPH_INPUTS),
        graph.numbers(SUBGRAPH_OUTPUTS),
    )


def _tensor(record: Record, buffers: list[bytes]) -> Tensor:
    shape, content = record.numbers(TENSOR_SHAPE), buffers[record.number(TENSOR_BUFFER)]
    if not content:
        return Tensor(shape, None)
    return Tensor(shape, np.frombuffer(content, DTYPES[record.byte(TENSOR_TYPE)]).reshape(shape))


def _operator(record: Record, codes: list[int]) -> Operator:
    return Operator(
        code=codes[record.number(OPERATOR_CODE)],
        inputs=record.numbers(OPERATOR_INPUTS),
        output=record.numbers(OPERATOR_OUTPUTS)[0],
        options=record.record(OPERATOR_OPTIONS),
    )
