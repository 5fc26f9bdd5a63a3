"""VUS-PR: the area under the precision-recall curve, averaged over how exactly an event must be hit.

Paparrizos et al., "Volume Under the Surface: A New Accuracy Evaluation Measure for Time-Series Anomaly Detection",
PVLDB 15(11), 2022. Labels are soft around each event: a row at distance d from it has sqrt(1 - d / l) up to l / 2 away,
where l is the buffer. With these labels, precision = TP / flagged and recall = min(1, TP / P) x the share of (widened)
events with a flagged row, P = mean of the hard and the soft sum of labels; the area is that of the steps, and VUS-PR
its mean over buffers 0..L. Here every distinct score is a threshold, where the authors' code samples 250 of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.evaluate.events import runs
from models.evaluate.ranking import steps


def vus_pr(score: NDArray[np.float64], truth: NDArray[np.bool_], *, longest: int, buffers: int = 11) -> float:
    """Volume under the surface of precision, recall and buffer.

    Args:
        score: float64[n], finite; higher = more anomalous.
        truth: bool[n].
        longest: L, rows; about the length of what is hunted for (the authors take the period of the series).
        buffers: Number of buffers from 0 to L, both included.

    Returns:
        0..1; NaN without anomalous rows.
    """
    lengths = np.unique(np.linspace(0, longest, buffers).astype(np.int64))
    return float(np.mean([range_pr_auc(score, truth, int(length)) for length in lengths]))


def range_pr_auc(score: NDArray[np.float64], truth: NDArray[np.bool_], buffer: int) -> float:
    """Area for one buffer, in rows. With buffer 0 it is the average precision times what the events add."""
    if not truth.any():
        return float("nan")
    label = soft_labels(truth, buffer)
    positives = (float(truth.sum()) + float(label.sum())) / 2.0
    hits, flagged = steps(score, label)
    thresholds = np.unique(-score)
    peaks = np.sort([-score[start:end].max() for start, end in runs(label > 0)])
    existence = np.searchsorted(peaks, thresholds, side="right") / len(peaks)
    recall = np.minimum(hits / positives, 1.0) * existence
    return float(np.sum(np.diff(recall, prepend=0.0) * hits / flagged))


def soft_labels(truth: NDArray[np.bool_], buffer: int) -> NDArray[np.float64]:
    """Labels float64[n] in 0..1: 1 in events, sqrt(1 - d / buffer) at d = 1 .. buffer / 2 from one, sums cut at 1."""
    label = truth.astype(np.float64)
    n = len(truth)
    for start, end in runs(truth):
        for distance in range(1, buffer // 2 + 1):
            value = np.sqrt(1.0 - distance / buffer)
            for row in (start - distance, end - 1 + distance):
                if 0 <= row < n:
                    label[row] += value
    return np.minimum(label, 1.0)
