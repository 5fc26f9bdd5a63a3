"""How well a score ranks rows, whatever the threshold: ROC AUC and average precision."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def roc_auc(score: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Chance that an anomalous row scores above a normal one, ties counted half (Hanley and McNeil, Radiology 1982).

    Args:
        score: float64[n], finite; higher = more anomalous.
        truth: bool[n].

    Returns:
        0..1, 0.5 for a score that knows nothing; NaN where all rows are of one kind.
    """
    positives = int(np.count_nonzero(truth))
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    _, kind, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2  # mean rank of each distinct score, from 1
    return float((rank[kind][truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(score: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Area under the precision-recall curve as the sum of recall steps times precision, never interpolated.

    Davis and Goadrich (ICML 2006) say why a straight line between two points would flatter. Arguments as `roc_auc`.

    Returns:
        0..1; the share of anomalous rows for a score that knows nothing; NaN without anomalous rows.
    """
    positives = int(np.count_nonzero(truth))
    if not positives:
        return float("nan")
    hits, flagged = steps(score, truth.astype(np.float64))
    return float(np.sum(np.diff(hits, prepend=0.0) / positives * hits / flagged))


def steps(score: NDArray[np.float64], weight: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What lies at or above each distinct score, from the highest down.

    Returns:
        Sum of the weights and number of rows, float64[distinct scores] each.
    """
    values, kind, count = np.unique(-score, return_inverse=True, return_counts=True)
    return np.cumsum(np.bincount(kind, weights=weight, minlength=len(values))), np.cumsum(count).astype(np.float64)
