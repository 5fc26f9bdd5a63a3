"""Stuck: a tag that always moved stands still. A sensor that died leaves its last value behind."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.detectors.raw_rows import Runs
from models.detectors.tag_detector import State, TagDetector


class StuckDetector(TagDetector):
    """Rows without a change, over `factor` times the longest rest in training.

    A tag that stood still for more than a quarter of the training rows (a set-point, a counter at night) says nothing
    by resting and scores 0. Missing values neither move nor rest. Parameters are those of `TagDetector`, and:

    Args:
        factor: Rests this much longer than any before score 1.
        least: Rows; shorter rests never score 1.

    Attributes:
        rest_: float64[tags], rows at rest that become score 1; infinite where resting says nothing.
    """

    def __init__(self, *, factor: float = 3.0, least: int = 10, limit: float = 1.0) -> None:
        super().__init__(limit=limit)
        self.factor = factor
        self.least = least

    def _learn(self, runs: Runs) -> None:
        tags = runs[0].shape[1]
        self.rest_ = np.ones(tags)
        longest = np.zeros(tags)
        for resting, _ in self._replay(runs):
            longest = np.fmax(longest, resting)
        rest = np.maximum(self.factor * longest, float(self.least))
        self.rest_ = np.where(longest > sum(map(len, runs)) / 4, np.inf, rest)

    def _begin(self, tags: int) -> State:
        return np.full(tags, np.nan), np.zeros(tags)

    def _step(self, row: NDArray[np.float64], state: State) -> tuple[NDArray[np.float64], State]:
        last, resting = state
        missing = np.isnan(row)
        resting = np.where(missing, resting, np.where(row == last, resting + 1.0, 0.0))
        return np.where(missing, np.nan, resting / self.rest_), (np.where(missing, last, row), resting)
