"""A detector of smoothed rows on a stream, the suite above all, as one stateful graph: raw row in, score and state out.

One row of each of n assets a call; whoever calls hands back the state of the call before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.detectors.largest import LargestDeviationDetector
from models.detectors.row_detector import RowDetector
from models.detectors.smoothing import FEATURES, Smoothing
from models.detectors.stream import StreamDetector
from models.detectors.suite import SuiteDetector
from models.export.graph import DOUBLE, FIRST, Graph
from models.export.measures import judge
from models.export.rows import Judged, Shape, filled, finish, per_tag, scaled
from models.onnx_names import ROWS, SCORE, next_of
from models.state import StatePort


def add_stream(detector: StreamDetector, add: Graph) -> None:
    """Add the nodes of a fitted stream whose `gate` is one number.

    Raises:
        ValueError: `gate` is one for each asset.
    """
    if np.ndim(detector.gate):
        msg = "gate must be one number: a graph has one for all assets"
        raise ValueError(msg)
    shape = Shape(detector.n_features_in_, len(FEATURES))
    columns = shape.tags * shape.features
    smoothed = _smooth(add, detector.smoothing_, detector.bounds_)
    flat = add("Reshape", smoothed, np.array([-1, columns], dtype=np.int64))
    centred = flat
    if detector.follow_rows is not None:
        shift = add.remember(StatePort("shift", (columns,), "zero"))
        centred = add("Sub", flat, shift)
    z = scaled(add, detector.detector_, centred)
    finish(add, judge(detector.detector_, add, z, shape), shape.tags)
    if detector.follow_rows is not None:
        _follow(add, detector, flat, float(detector.follow_rows))


@judge.register
def _(detector: SuiteDetector, add: Graph, z: str, shape: Shape) -> Judged:
    """Ratio of each member, the largest of them, and the blame of the member that has it."""
    whole, hole = filled(add, z)
    ratios, blames = [], []
    for name, member in detector.members_.items():
        columns = detector.columns_[name]
        away = add("Sub", add("Gather", whole, columns, axis=1), member.centre_)
        blame = per_tag(add, _terms(add, member, away), Shape(shape.tags, len(columns) // shape.tags))
        ratios.append(add.total(blame, shape.tags))
        blames.append(add("Unsqueeze", blame, FIRST))
    every = add("Concat", *ratios, axis=1)
    won = add("ArgMax", every, axis=1, keepdims=1)
    largest = add("Div", add("ReduceMax", every, axes=[1], keepdims=1), detector.limit)
    one_hot = add("Cast", add("Equal", won, np.arange(len(ratios), dtype=np.int64)), to=DOUBLE)
    chosen = add("MatMul", add("Unsqueeze", one_hot, FIRST), add("Concat", *blames, axis=1))  # [n, 1, tags]
    return Judged(largest, add("Squeeze", chosen, FIRST), hole)


def _terms(add: Graph, member: RowDetector, away: str) -> str:
    """What each column adds to the ratio of a member, its scale and limit folded into one matrix."""
    if isinstance(member, LargestDeviationDetector):
        size = add("Mul", add("Abs", away), 1.0 / (member.scale_ * member.limit))
        best = add("ArgMax", size, axis=1, keepdims=1)
        here = add("Equal", best, np.arange(len(member.scale_), dtype=np.int64))
        return add("Where", here, size, 0.0)
    form = member.form_ / np.outer(member.scale_, member.scale_) / member.limit
    return add("Mul", away, add("MatMul", away, form))


def _smooth(add: Graph, smoothing: Smoothing, bounds: NDArray[np.float64]) -> str:
    """`Smoothing.step`; float64[n, tags, 3]."""
    tags = bounds.shape[1]
    before = add.remember(StatePort("ring", (smoothing.window, tags), "nan"))
    level = add.remember(StatePort("ewma", (tags,), "nan"))
    rows_missed = add.remember(StatePort("age", (tags,), "zero"))
    missing = add("IsNaN", ROWS)
    age = add("Where", missing, add("Add", rows_missed, 1.0), 0.0, out=next_of("age"))
    last = add("Gather", before, np.array(smoothing.window - 1, dtype=np.int64), axis=1)
    held = add("Where", add("LessOrEqual", age, float(smoothing.hold)), last, np.nan)
    value = add("Where", missing, held, ROWS)
    older = add("Slice", before, FIRST, np.array([smoothing.window], dtype=np.int64), FIRST)
    ring = add("Concat", older, add("Unsqueeze", value, FIRST), axis=1, out=next_of("ring"))
    bounded = add("Min", add("Max", value, bounds[0]), bounds[1])
    ahead = add("Add", level, add("Mul", add("Sub", bounded, level), 2.0 / (smoothing.span + 1.0)))
    kept = add("Where", add("IsNaN", value), level, ahead)
    ewma = add("Where", add("IsNaN", level), bounded, kept, out=next_of("ewma"))
    mean = add("Div", add("ReduceSum", ring, FIRST, keepdims=1), float(smoothing.window))  # [n, 1, tags]
    away = add("Sub", ring, mean)
    variance = add("Div", add("ReduceSum", add("Mul", away, away), FIRST, keepdims=1), float(smoothing.window))
    now = add("Unsqueeze", ewma, FIRST)  # the mean is NaN where the window is not full, and enough
    return add("Transpose", add("Concat", now, mean, add("Sqrt", variance), axis=1), perm=[0, 2, 1])


def _follow(add: Graph, detector: StreamDetector, flat: str, follow_rows: float) -> None:
    """`StreamDetector`'s gated centre."""
    way = add("Sub", add("Sub", flat, detector.detector_.centre_), "shift")
    nearer = add("Add", "shift", add("Div", way, follow_rows))
    below = add("Unsqueeze", add("Less", SCORE, float(detector.gate)), FIRST)
    add("Where", below, nearer, "shift", out=next_of("shift"))
