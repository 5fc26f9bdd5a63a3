"""Detectors of single tags as stateful graphs: a few numbers a tag. What was learnt is a constant, never a state."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.detectors.ewma_residual import EwmaResidualDetector
from models.detectors.level_shift import LevelShiftDetector
from models.detectors.mean_shift import MeanShiftDetector
from models.detectors.missing import MissingDetector
from models.detectors.range_novelty import RangeNoveltyDetector
from models.detectors.stuck import StuckDetector
from models.detectors.tag_detector import STILL_SCALE, TagDetector
from models.detectors.tag_suite import TagSuiteDetector
from models.export.graph import DOUBLE, FIRST, Graph
from models.manifest import THRESHOLD
from models.onnx_names import ALARM, CONTRIBUTIONS, ROWS, SCORE, next_of
from models.state import StatePort


def add_tag_detector(detector: TagDetector, add: Graph) -> None:
    """Add the nodes of a fitted detector: the worst tag that has a score counts, and has all the blame."""
    ratio = add("Div", measure(detector, add), detector.limit)
    none = add("IsNaN", ratio)
    known = add("Where", none, -1.0, ratio)  # no score is below 0
    worst = add("ReduceMax", known, axes=[1], keepdims=1)
    silent = add("Less", worst, 0.0)
    add("Squeeze", add("Where", silent, np.nan, worst), FIRST, out=SCORE)
    add("Not", add("LessOrEqual", SCORE, THRESHOLD), out=ALARM)
    blamed = add("Cast", add("Equal", known, worst), to=DOUBLE)
    shares = add("Div", blamed, add.total(blamed, detector.n_features_in_))
    add("Where", silent, np.nan, shares, out=CONTRIBUTIONS)


@singledispatch
def measure(detector: TagDetector, add: Graph) -> str:  # noqa: ARG001
    """Add what a detector measures of each tag before its limit, float64[n, tags], NaN where it has nothing to say.

    Raises:
        TypeError: No graph is known of this kind.
    """
    msg = f"{type(detector).__name__} has no graph: one must be written in models/export"
    raise TypeError(msg)


@measure.register
def _(detector: RangeNoveltyDetector, add: Graph) -> str:
    low, high = _learnt(add, "low", detector.low_), _learnt(add, "high", detector.high_)
    out = add("Max", add("Sub", ROWS, high), add("Sub", low, ROWS), 0.0)
    still = add("Mul", add("Max", add("Abs", low), add("Abs", high)), STILL_SCALE)
    flat = add("Where", add("Greater", still, 0.0), still, 1.0)
    span = add("Where", add("Greater", high, low), add("Sub", high, low), flat)
    _smaller(add, low, ROWS, next_of("low"))
    _larger(add, high, ROWS, next_of("high"))
    return _seen(add, add("Where", add("IsNaN", low), 0.0, add("Div", out, span)))


@measure.register
def _(detector: LevelShiftDetector, add: Graph) -> str:
    largest = _learnt(add, "largest", detector.largest_)
    tags = detector.n_features_in_
    before = add.remember(StatePort("ring", (detector.short, tags), "nan"))
    long_run = add.remember(StatePort("ewma", (tags,), "nan"))
    leaving = add("Gather", before, np.array(0, dtype=np.int64), axis=1)
    step = add("Mul", add("Sub", leaving, long_run), 2.0 / (detector.long + 1.0))
    ahead = add("Where", add("IsNaN", long_run), leaving, add("Add", long_run, step))
    kept = add("Where", add("IsNaN", leaving), long_run, ahead)
    ewma = add("Where", add("IsNaN", ROWS), long_run, kept, out=next_of("ewma"))
    ring = _ring(add, before, detector.short)
    mean = add("Div", add("ReduceSum", ring, FIRST, keepdims=0), float(detector.short))
    shift = _seen(add, add("Abs", add("Sub", mean, ewma)))
    _larger(add, largest, shift, next_of("largest"))
    unit = add("Where", add("Greater", largest, 0.0), largest, 1.0)
    return _or_no_news(add, add("Div", add("Max", add("Sub", shift, largest), 0.0), unit))


@measure.register
def _(detector: EwmaResidualDetector, add: Graph) -> str:
    before = add.remember(StatePort("ewma", (detector.n_features_in_,), "nan"))
    first = add("IsNaN", before)
    error = add("Sub", ROWS, before)
    ahead = add("Where", first, ROWS, add("Add", before, add("Mul", error, 2.0 / (detector.span + 1.0))))
    add("Where", add("IsNaN", ROWS), before, ahead, out=next_of("ewma"))
    ratio = add("Div", add("Where", first, 0.0, error), detector.deviation_)
    return _seen(add, add("Mul", ratio, ratio))


@measure.register
def _(detector: MeanShiftDetector, add: Graph) -> str:
    rows = detector.short + detector.long
    ring = _ring(add, add.remember(StatePort("ring", (rows, detector.n_features_in_), "nan")), rows)
    cut = np.array([detector.long], dtype=np.int64)
    older = add("Slice", ring, np.array([0], dtype=np.int64), cut, FIRST)
    recent = add("Slice", ring, cut, np.array([rows], dtype=np.int64), FIRST)
    shift = add(
        "Sub",
        add("Div", add("ReduceSum", recent, FIRST, keepdims=0), float(detector.short)),
        add("Div", add("ReduceSum", older, FIRST, keepdims=0), float(detector.long)),
    )
    ratio = add("Div", shift, detector.deviation_)
    return _or_no_news(add, add("Mul", ratio, ratio))


@measure.register
def _(detector: StuckDetector, add: Graph) -> str:
    tags = detector.n_features_in_
    last = add.remember(StatePort("last", (tags,), "nan"))
    before = add.remember(StatePort("resting", (tags,), "zero"))
    missing = add("IsNaN", ROWS)
    longer = add("Where", add("Equal", ROWS, last), add("Add", before, 1.0), 0.0)
    resting = add("Where", missing, before, longer, out=next_of("resting"))
    add("Where", missing, last, ROWS, out=next_of("last"))
    return _seen(add, add("Div", resting, detector.rest_))


@measure.register
def _(detector: MissingDetector, add: Graph) -> str:
    before = add.remember(StatePort("gap", (detector.n_features_in_,), "zero"))
    gap = add("Where", add("IsNaN", ROWS), add("Add", before, 1.0), 0.0, out=next_of("gap"))
    return add("Div", gap, detector.gap_)


@measure.register
def _(detector: TagSuiteDetector, add: Graph) -> str:
    beyond, shifted = (add("Div", measure(member, add), member.limit) for member in detector.members_)
    return _larger(add, beyond, shifted)


def _learnt(add: Graph, name: str, learnt: NDArray[Any]) -> str:
    """A state that starts at what was learnt: a port that starts with NaN, in whose place the constant stands."""
    port = add.remember(StatePort(name, learnt.shape, "nan"))
    return add("Where", add("IsNaN", port), learnt, port)


def _ring(add: Graph, before: str, rows: int) -> str:
    """The last values of each tag, however long ago, oldest first: float64[n, rows, tags]; the output `ring_next`."""
    older = add("Slice", before, FIRST, np.array([rows], dtype=np.int64), FIRST)
    moved = add("Concat", older, add("Unsqueeze", ROWS, FIRST), axis=1)
    missing = add("Unsqueeze", add("IsNaN", ROWS), FIRST)
    return add("Where", missing, before, moved, out=next_of("ring"))


def _seen(add: Graph, measured: str) -> str:
    """NaN where there is no value."""
    return add("Where", add("IsNaN", ROWS), np.nan, measured)


def _or_no_news(add: Graph, measured: str) -> str:
    """0 where there is a value and too little to compare it with."""
    return _seen(add, add("Where", add("IsNaN", measured), 0.0, measured))


def _smaller(add: Graph, one: str, other: str, out: str = "") -> str:
    """`numpy.fmin`."""
    both = add("Where", add("IsNaN", one), other, add("Min", one, other))
    return add("Where", add("IsNaN", other), one, both, out=out)


def _larger(add: Graph, one: str, other: str, out: str = "") -> str:
    """`numpy.fmax`."""
    both = add("Where", add("IsNaN", one), other, add("Max", one, other))
    return add("Where", add("IsNaN", other), one, both, out=out)
