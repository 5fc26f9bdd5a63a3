"""What the graphs of all detectors of rows share: columns brought to one scale before, score, alarm and blame after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.detectors.row_detector import TINY, Z_LIMIT, RowDetector
from models.export.graph import BOOL, FIRST, INT32, Graph
from models.manifest import THRESHOLD
from models.onnx_names import ALARM, CONTRIBUTIONS, SCORE


@dataclass(frozen=True, slots=True)
class Shape:
    """Columns are tag-major.

    Attributes:
        tags: Number of them.
        features: Columns of each.
    """

    tags: int
    features: int


@dataclass(frozen=True, slots=True)
class Judged:
    """Names of what a detector made of its rows.

    Attributes:
        score: float64[n, 1], over the limit; NaN where the row has a hole.
        blame: float64[n, tags], what each tag adds to it; may be negative, and anything where the row has a hole
            unless `hole` is "".
        hole: bool[n, 1], which rows those are; "" = their score and blame are NaN already.
    """

    score: str
    blame: str
    hole: str = ""


def scaled(add: Graph, detector: RowDetector, rows: str) -> str:
    """`RowDetector._scaled`: float64[n, columns], NaN where a row has a hole."""
    judged = rows
    if detector.log_.any():
        judged = add("Where", detector.log_, add("Log", add("Add", add("Abs", rows), detector.floor_)), rows)
    away = add("Div", add("Sub", judged, detector.centre_), detector.scale_)
    return add("Clip", away, -Z_LIMIT, Z_LIMIT)


def filled(add: Graph, z: str) -> tuple[str, str]:
    """Rows with their holes at the centre, and which rows had one, bool[n, 1]: for what does not pass NaN on."""
    holes = add("IsNaN", z)
    hole = add("Cast", add("ReduceMax", add("Cast", holes, to=INT32), axes=[1], keepdims=1), to=BOOL)
    return add("Where", holes, 0.0, z), hole


def per_tag(add: Graph, terms: str, shape: Shape) -> str:
    """Terms of columns float64[n, columns], summed: float64[n, tags]."""
    if shape.features == 1:
        return terms
    return add("MatMul", terms, np.repeat(np.eye(shape.tags), shape.features, axis=0))


def finish(add: Graph, judged: Judged, tags: int) -> None:
    """Score, alarm, and contributions as `RowDetector.contributions`.

    An alarm is what is not known to be normal: `NaN > 1` is false, and would be silence.
    """
    parts = add("Add", add("Max", judged.blame, 0.0), TINY)
    whole = add.total(parts, tags)
    if judged.hole:
        add("Squeeze", add("Where", judged.hole, np.nan, judged.score), FIRST, out=SCORE)
        add("Where", judged.hole, np.nan, add("Div", parts, whole), out=CONTRIBUTIONS)
    else:
        add("Squeeze", judged.score, FIRST, out=SCORE)
        add("Div", parts, whole, out=CONTRIBUTIONS)
    add("Not", add("LessOrEqual", SCORE, THRESHOLD), out=ALARM)
