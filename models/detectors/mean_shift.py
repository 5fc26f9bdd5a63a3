"""Mean shift: the last rows against the rows before them. Tells when something changes, and not how long it lasts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.detectors.raw_rows import Runs
from models.detectors.tag_detector import State, TagDetector, extremes, span_of


class MeanShiftDetector(TagDetector):
    """Square of (mean of the last `short` values - mean of the `long` before), in mean squares of it in training.

    Two adjacent windows; unlike `LevelShiftDetector` it remembers nothing older, so that it tells every change alike.
    Parameters are those of `TagDetector`, and:

    Args:
        short: Values in the recent mean.
        long: Values in the mean before.

    Attributes:
        deviation_: float64[tags], root mean square of the difference in training, > 0.
    """

    def __init__(self, *, short: int = 20, long: int = 60, limit: float = 1.0) -> None:
        super().__init__(limit=limit)
        self.short = short
        self.long = long

    def _learn(self, runs: Runs) -> None:
        tags = runs[0].shape[1]
        self.deviation_ = np.ones(tags)
        total, count = np.zeros(tags), np.zeros(tags)
        for square, _ in self._replay(runs):
            total, count = total + np.nan_to_num(square), count + (np.nan_to_num(square) > 0)
        deviation = np.sqrt(total / np.maximum(count, 1.0))
        self.deviation_ = np.where(deviation > 0, deviation, span_of(*extremes(runs)))

    @property
    def memory(self) -> int:
        """Both windows."""
        return self.short + self.long

    def _begin(self, tags: int) -> State:
        return (np.full((self.short + self.long, tags), np.nan),)

    def _step(self, row: NDArray[np.float64], state: State) -> tuple[NDArray[np.float64], State]:
        (ring,) = state
        seen = ~np.isnan(row)
        ring = np.where(seen, np.concatenate([ring[1:], row[None]]), ring)  # of the last values, however long ago
        shift = ring[-self.short :].sum(axis=0) / self.short - ring[: self.long].sum(axis=0) / self.long
        square = (shift / self.deviation_) ** 2
        return np.where(seen, np.where(np.isnan(square), 0.0, square), np.nan), (ring,)  # too few to compare: no news
