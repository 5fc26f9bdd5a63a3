"""Missing: a tag that has no value. Silence must never look like peace."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.detectors.raw_rows import Runs
from models.detectors.tag_detector import State, TagDetector


class MissingDetector(TagDetector):
    """Rows without a value in a row, over `factor` times the longest gap in training.

    Always has a score, in whatever row. Parameters are those of `TagDetector`, and:

    Args:
        factor: Gaps this much longer than any before score 1.
        least: Rows; shorter gaps never score 1.

    Attributes:
        gap_: float64[tags], rows missing that become score 1.
    """

    def __init__(self, *, factor: float = 3.0, least: int = 5, limit: float = 1.0) -> None:
        super().__init__(limit=limit)
        self.factor = factor
        self.least = least

    def _learn(self, runs: Runs) -> None:
        tags = runs[0].shape[1]
        self.gap_ = np.ones(tags)
        longest = np.zeros(tags)
        for gap, _ in self._replay(runs):
            longest = np.maximum(longest, gap)
        self.gap_ = np.maximum(self.factor * longest, float(self.least))

    def _begin(self, tags: int) -> State:
        return (np.zeros(tags),)

    def _step(self, row: NDArray[np.float64], state: State) -> tuple[NDArray[np.float64], State]:
        gap = np.where(np.isnan(row), state[0] + 1.0, 0.0)
        return gap / self.gap_, (gap,)
