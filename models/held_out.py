"""Scores of training rows by detectors that have not seen them: blocked cross-validation for every kind of detector.

A detector of rows is fitted on the other blocks of rows. One that prepares rows has them prepared once, causally, and
the detector inside is fitted on the other blocks of those. One that remembers as it goes is fitted on the runs before
and after the block, and begins the block afresh.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from models.calibrate import heldout_scores
from models.detectors.prepared import PreparedRowDetector
from models.detectors.raw_rows import RawRowDetector
from models.detectors.row_detector import RowDetector
from models.detectors.tag_detector import TagDetector
from models.feature_rows import FeatureRows
from models.training_rows import BLOCKS

Report = Callable[[float], None]
"""Told how much of the work is done, 0..1."""


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """What cross-validation saw.

    Attributes:
        scores: Of each asset in time order, finite.
        in_sample: Largest score of the same rows by a detector fitted on all of them.
    """

    scores: list[NDArray[np.float64]]
    in_sample: float


def held_out(detector: RowDetector | RawRowDetector, rows: FeatureRows, embargo: int) -> HeldOut:
    """Cross-validate a detector.

    Args:
        detector: With `limit` 1.0; not touched.
        rows: In time order. For a detector of rows whole ones; for others one feature of each tag, with holes.
        embargo: Rows left out on both sides of a scored block.
    """
    if isinstance(detector, RowDetector):
        return _of_rows(detector, rows.flat, rows.assets, embargo)
    if isinstance(detector, PreparedRowDetector):
        return _of_rows(detector.inner(), *prepared_rows(detector, rows), embargo)
    assert isinstance(detector, TagDetector)
    return _of_runs(detector, rows, embargo)


def prepared_rows(detector: PreparedRowDetector, rows: FeatureRows) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Rows that the detector inside learns from, in time order, and the asset of each."""
    order, lengths = rows.by_asset()
    prepared, learnt = detector.prepared(np.split(rows.flat[order], np.cumsum(lengths)[:-1]))
    back = np.argsort(order)
    prepared, learnt = prepared[back], learnt[back]
    return prepared[learnt], rows.assets[learnt]


def _of_rows(detector: RowDetector, matrix: NDArray[np.float64], assets: NDArray[np.int64], embargo: int) -> HeldOut:
    scores = heldout_scores(detector, matrix, embargo)
    in_sample = clone(detector).fit(matrix).anomaly_score(matrix)
    return HeldOut([scores[assets == asset] for asset in np.unique(assets)], float(in_sample.max()))


def _of_runs(detector: TagDetector, rows: FeatureRows, embargo: int) -> HeldOut:
    scores = np.full(len(rows), np.nan)
    edges = np.linspace(0, len(rows), BLOCKS + 1).astype(np.int64)
    for start, end in pairwise(edges):
        runs = [run for part in (rows[: max(0, start - embargo)], rows[end + embargo :]) for run in _runs(part)]
        seen = clone(detector).fit(np.concatenate(runs), lengths=[len(run) for run in runs])
        scores[start:end] = _scores(seen, rows[start:end])
    order, lengths = rows.by_asset()
    fitted = clone(detector).fit(rows.flat[order], lengths=lengths)
    in_sample = float(np.nanmax(_scores(fitted, rows), initial=0.0))
    whole = np.isfinite(scores)
    return HeldOut([scores[whole & (rows.assets == asset)] for asset in np.unique(rows.assets)], in_sample)


def _runs(rows: FeatureRows) -> list[NDArray[np.float64]]:
    order, lengths = rows.by_asset()
    return np.split(rows.flat[order], np.cumsum(lengths)[:-1]) if len(rows) else []


def _scores(detector: TagDetector, rows: FeatureRows) -> NDArray[np.float64]:
    """In the order of the rows, each asset from its beginning."""
    scores = np.empty(len(rows))
    for asset in np.unique(rows.assets):
        mine = rows.assets == asset
        scores[mine] = detector.anomaly_score(rows.flat[mine])
    return scores
