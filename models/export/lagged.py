"""Dynamic PCA as a stateful graph: the state is the rows before."""

from __future__ import annotations

import numpy as np

from models.detectors.lagged import DynamicPcaDetector
from models.export.graph import FIRST, Graph
from models.export.measures import judge
from models.export.rows import Shape, finish, scaled
from models.onnx_names import ROWS, next_of
from models.state import StatePort


def add_lagged(detector: DynamicPcaDetector, add: Graph) -> None:
    """Add the nodes of a fitted detector; its state `before` is float64[lags, tags], newest first."""
    tags, rows = detector.n_features_in_, detector.lags + 1
    before = add.remember(StatePort("before", (detector.lags, tags), "nan"))
    newest_first = add("Concat", add("Unsqueeze", ROWS, FIRST), before, axis=1)  # [n, lags + 1, tags]
    none = np.array([0], dtype=np.int64)
    add("Slice", newest_first, none, np.array([detector.lags], dtype=np.int64), FIRST, out=next_of("before"))
    wide = add("Transpose", newest_first, perm=[0, 2, 1])
    flat = add("Reshape", wide, np.array([-1, tags * rows], dtype=np.int64))
    inner = detector.detector_.set_params(limit=detector.limit)
    finish(add, judge(inner, add, scaled(add, inner, flat), Shape(tags, rows)), tags)
