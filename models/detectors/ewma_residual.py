"""EWMA residual: a value away from where its tag has just been."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.detectors.raw_rows import Runs
from models.detectors.tag_detector import State, TagDetector, extremes, span_of


class EwmaResidualDetector(TagDetector):
    """Square of the one-step error of an EWMA, in standard deviations of the training rows.

    The one-step forecast of Roberts' chart (Technometrics 1, 1959). Parameters are those of `TagDetector`, and:

    Args:
        span: alpha = 2 / (span + 1).

    Attributes:
        deviation_: float64[tags], root mean square error in training, > 0.
    """

    def __init__(self, *, span: int = 30, limit: float = 1.0) -> None:
        super().__init__(limit=limit)
        self.span = span

    def _learn(self, runs: Runs) -> None:
        tags = runs[0].shape[1]
        self.deviation_ = np.ones(tags)
        total, count = np.zeros(tags), np.zeros(tags)
        for square, _ in self._replay(runs):
            total, count = total + np.nan_to_num(square), count + ~np.isnan(square)
        deviation = np.sqrt(total / np.maximum(count, 1.0))
        self.deviation_ = np.where(deviation > 0, deviation, span_of(*extremes(runs)))

    def _begin(self, tags: int) -> State:
        return (np.full(tags, np.nan),)

    def _step(self, row: NDArray[np.float64], state: State) -> tuple[NDArray[np.float64], State]:
        (ewma,) = state
        error = np.where(np.isnan(ewma), 0.0 * row, row - ewma)  # the first value is its own forecast
        ahead = np.where(np.isnan(ewma), row, ewma + 2.0 / (self.span + 1.0) * error)
        return (error / self.deviation_) ** 2, (np.where(np.isnan(row), ewma, ahead),)
