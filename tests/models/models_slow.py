"""Bundles of models that pass every look and then misbehave: one takes its time, one says NaN."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from models.baseline import baseline_of
from models.bundle import Bundle, Golden
from models.features import STANDARD
from models.manifest import SCHEMA, THRESHOLD, Calibration, FeatureSetId, Manifest
from models.onnx_names import ALARM, CONTRIBUTIONS, ROWS, SCORE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

WIDTH, LINKS = 400, 40
TAGS = ("current",)


def slow_bundle() -> Bundle:
    """About half a millisecond for one row, a second for two thousand. The score is the value, whatever it took."""
    node = helper.make_node
    chain = [node("MatMul", [f"x{at}", "square"], [f"x{at + 1}"]) for at in range(LINKS)]
    nodes = [
        node("MatMul", [ROWS, "wide"], ["x0"]),
        *chain,
        node("MatMul", [f"x{LINKS}", "narrow"], ["sum"]),
        node("Mul", ["sum", "nothing"], ["little"]),
        node("ReduceSum", [ROWS, "axis"], ["value"], keepdims=0),
        node("Add", ["value", "little"], [SCORE]),
    ]
    constants = {
        "wide": np.ones((1, WIDTH)),
        "square": np.eye(WIDTH),
        "narrow": np.ones(WIDTH),
        "nothing": np.array(0.0),
        "axis": np.array([1], dtype=np.int64),
    }
    return _bundle("slow", nodes, constants, lambda value: value)


def root_bundle() -> Bundle:
    """The score is the root of the value: no number for what is below 0."""
    nodes = [
        helper.make_node("ReduceSum", [ROWS, "axis"], ["value"], keepdims=0),
        helper.make_node("Sqrt", ["value"], [SCORE]),
    ]
    return _bundle("root", nodes, {"axis": np.array([1], dtype=np.int64)}, np.sqrt)


def _bundle(
    name: str,
    nodes: list[Any],
    constants: dict[str, NDArray[Any]],
    reference: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> Bundle:
    nodes += [
        helper.make_node("LessOrEqual", [SCORE, "threshold"], ["normal"]),
        helper.make_node("Not", ["normal"], [ALARM]),
        helper.make_node("Sub", [ROWS, ROWS], ["zeros"]),
        helper.make_node("Add", ["zeros", "threshold"], [CONTRIBUTIONS]),
    ]
    constants = {**constants, "threshold": np.array(THRESHOLD)}
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        name,
        [value(ROWS, TensorProto.DOUBLE, ["n", 1])],
        [
            value(SCORE, TensorProto.DOUBLE, ["n"]),
            value(ALARM, TensorProto.BOOL, ["n"]),
            value(CONTRIBUTIONS, TensorProto.DOUBLE, ["n", 1]),
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    said = {"name": name, "version": "1", "tags": json.dumps(list(TAGS)), "features": json.dumps(["mean"])}
    helper.set_model_props(model, said)
    manifest = Manifest(
        schema=SCHEMA,
        name=name,
        version="1",
        detector=name,
        tags=TAGS,
        units=("",),
        features=("mean",),
        feature_set=FeatureSetId(STANDARD.name, STANDARD.version, STANDARD.hash),
        window_length_ns=2 * 10**9,
        window_every_ns=2 * 10**9,
        threshold=THRESHOLD,
        calibration=Calibration(1.0, "max_times_margin", 1.5, 4, 20, 100, 1.0, 1.0, 1.0, 1.0),
        min_coverage=0.5,
        state=(),
        warm_up=0,
        fingerprint="0" * 64,
        counter=1,
        trained_from_ns=0,
        trained_to_ns=1,
        rows=100,
        warnings=(),
        libraries={},
    )
    golden = np.array([0.5, 1.5])
    known = Golden(golden[:, None, None], reference(golden))
    return Bundle(manifest, model.SerializeToString(), known, baseline_of(known.rows, known.score), "")


def slower(bundle: Bundle) -> Bundle:
    """The same with 2,000 golden rows: it is slow from the first look on."""
    many = np.linspace(0.1, 2.0, 2000)
    return replace(bundle, golden=Golden(many[:, None, None], many))
