"""A small ONNX graph under construction, shared by the converters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 13
IR_VERSION = (
    8  # written explicitly: with the opset it keeps the bytes, and so the hash, the same on every machine
)


class Graph:
    """Nodes and constants in the order they were added; values are known by name."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:  # noqa: ANN401  ONNX attributes are of any type
        """Add a node and return the name of its output."""
        output = f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, array: NDArray[Any]) -> str:
        """Add a constant, with its own type and shape, and return its name."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def finish(
        self, name: str, input_shape: Sequence[int], outputs: Mapping[str, tuple[str, Sequence[int]]]
    ) -> bytes:
        """Return the checked model as bytes; its input is called `input`.

        Shapes leave out the batch, which is free. `outputs` maps each public name to the value it stands for
        and the value's shape.
        """
        for public, (value, _) in outputs.items():
            self._nodes.append(helper.make_node("Identity", [value], [public]))
        graph = helper.make_graph(
            self._nodes,
            name,
            [_value("input", input_shape)],
            [_value(public, shape) for public, (_, shape) in outputs.items()],
            self._constants,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            producer_name="gelombang",
            ir_version=IR_VERSION,
        )
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString(deterministic=True))


def _value(name: str, shape: Sequence[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])
