"""Level shift: the last rows lie away from the long run as they never did, be it within the range of the values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.detectors.raw_rows import Runs
from models.detectors.tag_detector import STILL_SCALE, State, TagDetector, extremes


class LevelShiftDetector(TagDetector):
    """How far the shift of the mean exceeds every shift before it, in largest shifts.

    The shift is |mean of the last `short` values - EWMA of span `long` of the values before these|, and it is judged as
    `RangeNoveltyDetector` judges a value: what a tag usually does, seasons and all, raises the bar by itself. The
    largest shift grows with what it sees. Parameters are those of `TagDetector`, and:

    Args:
        short: Values in the mean.
        long: Span of the EWMA, which starts at the first value.
    """

    def __init__(self, *, short: int = 10, long: int = 300, limit: float = 1.0) -> None:
        super().__init__(limit=limit)
        self.short = short
        self.long = long

    def _learn(self, runs: Runs) -> None:
        self.largest_ = np.full(runs[0].shape[1], np.nan)
        largest = self.largest_
        for _, state in self._replay(runs):
            largest = np.fmax(largest, state[0])
        level = np.fmax.reduce(np.abs(extremes(runs)), axis=0)
        still = np.where(level > 0, STILL_SCALE * level, 1.0)
        self.largest_ = np.where(largest > 0, largest, still)

    @property
    def memory(self) -> int:
        """Of the recent mean; the long run is remembered for ever, and judged against."""
        return self.short

    def _begin(self, tags: int) -> State:
        nothing = np.full((self.short, tags), np.nan)
        return self.largest_, nothing, nothing[0]

    def _step(self, row: NDArray[np.float64], state: State) -> tuple[NDArray[np.float64], State]:
        largest, ring, ewma = state
        seen = ~np.isnan(row)
        leaving = ring[0]
        ahead = np.where(np.isnan(ewma), leaving, ewma + 2.0 / (self.long + 1.0) * (leaving - ewma))
        ewma = np.where(seen & ~np.isnan(leaving), ahead, ewma)
        ring = np.where(seen, np.concatenate([ring[1:], row[None]]), ring)  # of the last values, however long ago
        shift = np.where(seen, np.abs(ring.sum(axis=0) / self.short - ewma), np.nan)
        beyond = np.maximum(shift - largest, 0.0) / np.where(largest > 0, largest, 1.0)
        beyond = np.where(seen, np.where(np.isnan(beyond), 0.0, beyond), np.nan)  # nothing to compare with is no news
        return beyond, (np.fmax(largest, shift), ring, ewma)
