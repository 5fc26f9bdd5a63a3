"""Scores of training rows by detectors that have not seen them: blocked cross-validation for every kind of detector.

A detector of rows is fitted on the other blocks of rows. One that prepares rows has them prepared once, causally, and
the detector inside is fitted on the other blocks of those. One that remembers as it goes is fitted on the runs before
and after the block, and begins the block afresh.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

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

R = TypeVar("R", bound=RawRowDetector)


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
    runs = rows.runs(detector.warm_up)
    prepared, learnt = detector.prepared([rows.flat[run] for run in runs])
    back = np.argsort(np.concatenate(runs))
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
        seen = fit_runs(clone(detector), rows[: max(0, start - embargo)], rows[end + embargo :])
        scores[start:end] = run_scores(seen, rows[start:end])
    in_sample = float(np.nanmax(run_scores(fit_runs(clone(detector), rows), rows), initial=0.0))
    whole = np.isfinite(scores)
    return HeldOut([scores[whole & (rows.assets == asset)] for asset in np.unique(rows.assets)], in_sample)


def fit_runs(detector: R, *parts: FeatureRows) -> R:
    """Fit a detector that remembers on all runs of all parts."""
    runs = [part.flat[run] for part in parts for run in part.runs(detector.warm_up)]
    fitted: R = detector.fit(np.concatenate(runs), lengths=[len(run) for run in runs])
    return fitted


def run_scores(detector: RawRowDetector, rows: FeatureRows) -> NDArray[np.float64]:
    """Scores in the order of the rows, each run from its beginning."""
    scores = np.empty(len(rows))
    for run in rows.runs(detector.warm_up):
        scores[run] = detector.anomaly_score(rows.flat[run])
    return scores
