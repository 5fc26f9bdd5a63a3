"""The suite on a stream as one ONNX graph: raw row and state in, score, alarm, blame and new state out.

All of it in float64, as `onnx_export` explains: offsets of 1e7 deviations cost nothing. One row of each of n assets a
call; whoever calls hands back the state of the call before. No score is ever silently "normal": `alarm` is the negation
of `score <= 1`, which NaN does not fulfil.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.detectors.largest import LargestDeviationDetector
from models.detectors.row_detector import TINY, Z_LIMIT, RowDetector
from models.detectors.smoothing import FEATURES, Smoothing
from models.detectors.stream import StreamDetector
from models.detectors.suite import SuiteDetector
from models.manifest import THRESHOLD
from models.onnx_export import IR_VERSION, OPSET
from models.onnx_names import ALARM, CONTRIBUTIONS, ROWS, SCORE, next_of
from models.state import StatePort

FEATURE = "mean"
"""What a row holds of each tag: one sampling moment of a stream, served as the mean of a window."""


class _Graph:
    """Collects nodes and constants; a number or an array used as an input becomes a constant."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def __call__(self, operator: str, *inputs: str | float | NDArray[Any], out: str = "", **attributes: Any) -> str:
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        name = out or f"{operator.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, names, [name], **attributes))
        return name

    def constant(self, value: float | NDArray[Any]) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)), name))
        return name


def suite_state(detector: StreamDetector, tags: int) -> tuple[StatePort, ...]:
    """What the graph of a fitted stream remembers of an asset: the window, the EWMA, ages of values, the centre."""
    return (
        StatePort("ring", (detector.smoothing_.window, tags), "nan"),
        StatePort("ewma", (tags,), "nan"),
        StatePort("age", (tags,), "zero"),
        StatePort("shift", (tags * len(FEATURES),), "zero"),
    )


def export_suite(detector: StreamDetector, *, name: str, version: str, tags: Sequence[str]) -> bytes:
    """Serialise a fitted stream whose detector is the suite.

    Inputs, float64: `rows` [n, tags] with NaN = missing, and those of `suite_state`. Outputs: `score` float64[n]
    (1.0 = the limit, NaN = none), `alarm` bool[n] (true also without a score), `contributions` float64[n, tags] (rows
    sum to 1), and the states with "_next".

    Args:
        detector: Fitted, on the plain columns: a logarithmic scale is not exported. `gate` is one number.
        name: Of the model.
        version: Of the model.
        tags: Names, in order.

    Returns:
        The same bytes for the same arguments.

    Raises:
        ValueError: The stream is not of this kind.
    """
    suite = detector.detector_
    if not isinstance(suite, SuiteDetector) or suite.log_features or np.ndim(detector.gate):
        msg = "must be a stream of a SuiteDetector without log_features and with one gate: that is what is exported"
        raise ValueError(msg)
    add = _Graph()
    smoothed = _smooth(add, detector.smoothing_)
    flat = add("Reshape", smoothed, np.array([-1, len(tags) * len(FEATURES)], dtype=np.int64))
    away = add("Sub", add("Sub", flat, "shift"), suite.centre_)
    z = add("Clip", add("Div", away, suite.scale_), -Z_LIMIT, Z_LIMIT)
    holes = add("IsNaN", z)
    hole = add(
        "Cast", add("ReduceMax", add("Cast", holes, to=TensorProto.INT32), axes=[1], keepdims=1), to=TensorProto.BOOL
    )
    _judge(add, suite, add("Where", holes, 0.0, z), hole, len(tags))
    _follow(add, detector, flat)
    graph = helper.make_graph(add.nodes, "suite", *_ends(detector, len(tags)), add.constants)
    exported = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="sluicegate"
    )
    said = {"name": name, "version": version, "tags": json.dumps(list(tags)), "features": json.dumps([FEATURE])}
    helper.set_model_props(exported, said)
    onnx.checker.check_model(exported, full_check=True)
    serialised: bytes = exported.SerializeToString(deterministic=True)
    return serialised


def _smooth(add: _Graph, smoothing: Smoothing) -> str:
    """`Smoothing.step`; float64[n, tags, 3]."""
    first = np.array([1], dtype=np.int64)
    missing = add("IsNaN", ROWS)
    age = add("Where", missing, add("Add", "age", 1.0), 0.0, out=next_of("age"))
    last = add("Gather", "ring", np.array(smoothing.window - 1, dtype=np.int64), axis=1)
    held = add("Where", add("LessOrEqual", age, float(smoothing.hold)), last, np.nan)
    value = add("Where", missing, held, ROWS)
    older = add("Slice", "ring", first, np.array([smoothing.window], dtype=np.int64), first)
    ring = add("Concat", older, add("Unsqueeze", value, first), axis=1, out=next_of("ring"))
    ahead = add("Add", "ewma", add("Mul", add("Sub", value, "ewma"), 2.0 / (smoothing.span + 1.0)))
    kept = add("Where", add("IsNaN", value), "ewma", ahead)
    ewma = add("Where", add("IsNaN", "ewma"), value, kept, out=next_of("ewma"))
    mean = add("Div", add("ReduceSum", ring, first, keepdims=1), float(smoothing.window))  # [n, 1, tags]
    away = add("Sub", ring, mean)
    variance = add("Div", add("ReduceSum", add("Mul", away, away), first, keepdims=1), float(smoothing.window))
    level = add("Unsqueeze", ewma, first)  # the mean is NaN where the window is not full, and enough
    return add("Transpose", add("Concat", level, mean, add("Sqrt", variance), axis=1), perm=[0, 2, 1])


def _judge(add: _Graph, suite: SuiteDetector, z: str, hole: str, tags: int) -> None:
    """Ratio of each member, the largest of them, and the blame of the member that has it."""
    last = np.array([1], dtype=np.int64)
    ratios, blames = [], []
    for name, member in suite.members_.items():
        columns = suite.columns_[name]
        away = add("Sub", add("Gather", z, columns, axis=1), member.centre_)
        terms = _terms(add, member, away)
        to_tags = np.zeros((len(columns), tags))
        to_tags[np.arange(len(columns)), columns // suite.features_per_tag] = 1.0
        blame = add("MatMul", terms, to_tags)
        ratios.append(add("MatMul", blame, np.ones((tags, 1))))
        blames.append(add("Unsqueeze", blame, last))
    every = add("Concat", *ratios, axis=1)
    largest = add("Div", add("ReduceMax", every, axes=[1], keepdims=1), suite.limit)
    score = add("Squeeze", add("Where", hole, np.nan, largest), last, out=SCORE)
    add("Not", add("LessOrEqual", score, THRESHOLD), out=ALARM)
    members = np.arange(len(ratios), dtype=np.int64)
    won = add("Cast", add("Equal", add("ArgMax", every, axis=1, keepdims=1), members), to=TensorProto.DOUBLE)
    chosen = add("MatMul", add("Unsqueeze", won, last), add("Concat", *blames, axis=1))  # [n, 1, tags]
    parts = add("Add", add("Max", add("Squeeze", chosen, last), 0.0), TINY)
    shares = add("Div", parts, add("MatMul", parts, np.ones((tags, 1))))
    add("Where", hole, np.nan, shares, out=CONTRIBUTIONS)


def _terms(add: _Graph, member: RowDetector, away: str) -> str:
    """What each column adds to the ratio of a member, its scale and limit folded into one matrix."""
    if isinstance(member, LargestDeviationDetector):
        squares = add("Mul", add("Mul", away, away), 1.0 / (member.scale_**2 * member.limit))
        best = add("ArgMax", squares, axis=1, keepdims=1)
        here = add("Equal", best, np.arange(len(member.scale_), dtype=np.int64))
        return add("Where", here, squares, 0.0)
    form = member.form_ / np.outer(member.scale_, member.scale_) / member.limit
    return add("Mul", away, add("MatMul", away, form))


def _follow(add: _Graph, detector: StreamDetector, flat: str) -> None:
    """`StreamDetector`'s gated centre."""
    if detector.follow_rows is None:
        add("Identity", "shift", out=next_of("shift"))
        return
    way = add("Sub", add("Sub", flat, detector.detector_.centre_), "shift")
    nearer = add("Add", "shift", add("Div", way, float(detector.follow_rows)))
    below = add("Unsqueeze", add("Less", SCORE, float(detector.gate)), np.array([1], dtype=np.int64))
    add("Where", below, nearer, "shift", out=next_of("shift"))


def _ends(detector: StreamDetector, tags: int) -> tuple[list[Any], list[Any]]:
    """Inputs and outputs of the graph."""
    value, double, ports = helper.make_tensor_value_info, TensorProto.DOUBLE, suite_state(detector, tags)
    inputs = [value(ROWS, double, ["n", tags]), *(value(port.name, double, ["n", *port.shape]) for port in ports)]
    outputs = [
        value(SCORE, double, ["n"]),
        value(ALARM, TensorProto.BOOL, ["n"]),
        value(CONTRIBUTIONS, double, ["n", tags]),
        *(value(next_of(port.name), double, ["n", *port.shape]) for port in ports),
    ]
    return inputs, outputs
