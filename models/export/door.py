"""The one function that makes a graph of any fitted detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.detectors.lagged import DynamicPcaDetector
from models.detectors.raw_rows import RawRowDetector
from models.detectors.row_detector import RowDetector
from models.detectors.stream import StreamDetector
from models.detectors.tag_detector import TagDetector
from models.export.graph import Graph
from models.export.lagged import add_lagged
from models.export.measures import judge
from models.export.rows import Shape, finish, scaled
from models.export.stream import add_stream
from models.export.tags import add_tag_detector
from models.onnx_names import ROWS
from models.state import StatePort


@dataclass(frozen=True, slots=True)
class Exported:
    """A detector as a graph.

    Attributes:
        model: The serialised ONNX model.
        state: What it remembers from row to row; empty for a detector that judges each row by itself.
        warm_up: Rows at the beginning that get no score.
    """

    model: bytes
    state: tuple[StatePort, ...]
    warm_up: int


def export(
    detector: RowDetector | RawRowDetector, *, name: str, version: str, tags: Sequence[str], features: Sequence[str]
) -> Exported:
    """Make a graph of a fitted and calibrated detector.

    Inputs `rows` float64[n, tags * features], tag-major, and each state float64[n, *shape]. Outputs `score` float64[n]
    (1.0 = the limit, NaN = none), `alarm` bool[n] (true also without a score), `contributions` float64[n, tags] (rows
    sum to 1), and each state as "name_next". A hole in a row touches no other row; every finite row of a detector
    without state has a finite score.

    Args:
        detector: Fitted. One that remembers takes one feature of each tag, and n rows are one row of each of n assets.
        name: Of the model.
        version: Of the model.
        tags: Names, in order.
        features: Names, in order.

    Returns:
        The same bytes for the same arguments.

    Raises:
        TypeError: No graph is known of this kind of detector.
    """
    add = Graph()
    match detector:
        case StreamDetector():
            add_stream(detector, add)
        case DynamicPcaDetector():
            add_lagged(detector, add)
        case TagDetector():
            add_tag_detector(detector, add)
        case RowDetector():
            shape = Shape(len(tags), len(features))
            finish(add, judge(detector, add, scaled(add, detector, ROWS), shape), shape.tags)
        case _:
            msg = f"{type(detector).__name__} has no graph: one must be written in models/export"
            raise TypeError(msg)
    warm_up = detector.warm_up if isinstance(detector, RawRowDetector) else 0
    return Exported(add.serialise(name=name, version=version, tags=tags, features=features), tuple(add.ports), warm_up)
