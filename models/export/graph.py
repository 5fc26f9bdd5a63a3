"""A graph under construction, and its bytes. The only file that imports onnx."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.onnx_names import ALARM, CONTRIBUTIONS, ROWS, SCORE, next_of
from models.state import StatePort

OPSET = 17
TREE_OPSET = 3
IR_VERSION = 8  # what came with opset 17: ONNX Runtime 1.14 and later

BOOL, INT32, FLOAT, DOUBLE = TensorProto.BOOL, TensorProto.INT32, TensorProto.FLOAT, TensorProto.DOUBLE
LAST = np.array([-1], dtype=np.int64)
FIRST = np.array([1], dtype=np.int64)  # the axis after that of the rows


@dataclass
class Graph:
    """Collects nodes, constants and state; a number or an array used as an input becomes a constant.

    Attributes:
        ports: What the graph remembers from row to row: inputs of that name, and outputs of that name and "_next".
    """

    ports: list[StatePort] = field(default_factory=list)
    _imports: dict[str, int] = field(default_factory=dict)
    _ir_version: int = IR_VERSION
    _nodes: list[Any] = field(default_factory=list)
    _constants: list[Any] = field(default_factory=list)

    def __call__(self, operator: str, *inputs: str | float | NDArray[Any], out: str = "", **attributes: Any) -> str:
        """Add a node with one output; its name, which is `out` if that is given."""
        return self.split(operator, *inputs, outs=(out or f"{operator.lower()}{len(self._nodes)}",), **attributes)[0]

    def split(
        self, operator: str, *inputs: str | float | NDArray[Any], outs: tuple[str, ...], **attributes: Any
    ) -> tuple[str, ...]:
        """Add a node with several outputs."""
        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        self._nodes.append(helper.make_node(operator, names, list(outs), **attributes))
        return outs

    def total(self, columns: str, width: int, scale: float = 1.0) -> str:
        """Sum over the last axis times a number, float64[..., 1], as one product.

        The engine's ReduceSum adds in an order that depends on where a row happens to lie in memory, so that with an
        odd number of columns the last bits of a score changed with its company. And a number that a product's input or
        output is multiplied with by a node of its own is made part of the product by the engine, in float32.
        """
        return self("MatMul", columns, np.full((width, 1), scale))

    def remember(self, port: StatePort) -> str:
        """Add a state; its name. Whoever calls must also make the output `name_next`."""
        self.ports.append(port)
        return port.name

    def include(self, model: Any) -> None:
        """Add all nodes and weights of an onnx ModelProto, whose names do not meet ours, at its versions."""
        self._nodes += model.graph.node
        self._constants += model.graph.initializer
        self._imports |= {entry.domain: entry.version for entry in model.opset_import}
        self._ir_version = max(self._ir_version, model.ir_version)

    def _constant(self, value: float | NDArray[Any]) -> str:
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)), name))
        return name

    def serialise(
        self, *, name: str, version: str, tags: Sequence[str], features: Sequence[str], one_by_one: bool = False
    ) -> bytes:
        """The model, checked; the same bytes for the same graph.

        Args:
            name: Of the model.
            version: Of the model.
            tags: Names, in order.
            features: Names, in order; the graph's rows are tag-major.
            one_by_one: It must be called with one row at a time.
        """
        value, n = helper.make_tensor_value_info, 1 if one_by_one else "n"
        inputs = [value(ROWS, DOUBLE, [n, len(tags) * len(features)])]
        inputs += [value(port.name, DOUBLE, [n, *port.shape]) for port in self.ports]
        outputs = [
            value(SCORE, DOUBLE, [n]),
            value(ALARM, BOOL, [n]),
            value(CONTRIBUTIONS, DOUBLE, [n, len(tags)]),
            *(value(next_of(port.name), DOUBLE, [n, *port.shape]) for port in self.ports),
        ]
        versions = {"": OPSET} | ({"ai.onnx.ml": TREE_OPSET} if any(node.domain for node in self._nodes) else {})
        imports = [helper.make_opsetid(domain, at) for domain, at in (versions | self._imports).items()]
        graph = helper.make_graph(self._nodes, "detector", inputs, outputs, self._constants)
        exported = helper.make_model(
            graph, opset_imports=imports, ir_version=self._ir_version, producer_name="sluicegate"
        )
        said = {
            "name": name,
            "version": version,
            "tags": json.dumps(list(tags)),
            "features": json.dumps(list(features)),
        }
        helper.set_model_props(exported, said)
        onnx.checker.check_model(exported, full_check=True)
        serialised: bytes = exported.SerializeToString(deterministic=True)
        return serialised
