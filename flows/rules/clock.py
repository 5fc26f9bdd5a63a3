"""Event time of one asset, as its samples move it on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NEVER = -(2**62)  # before every time; the difference of two times and it still fits 64 bits


class Clock:
    """The newest source time, and how far time has passed for those who were not heard.

    A sample at t does not say that the other tags are silent at t: in one poll they follow right behind it. What has
    passed is therefore the newest time before the last one that moved it on.

    Attributes:
        newest: Of the live samples so far, ns; `NEVER` before the first.
    """

    __slots__ = ("_later", "_passed", "newest")

    def __init__(self, newest: int = NEVER, passed: int = NEVER) -> None:
        self.newest = newest
        self._passed = passed
        self._later: tuple[int, NDArray[np.int64]] | None = None  # the last step on, not worked out yet

    @property
    def passed(self) -> int:
        """ns; `NEVER` before the second time."""
        if self._later is not None:
            before, times = self._later
            self._later = None
            self._passed = int(_passed(before, self._passed, times)[-1])
        return self._passed

    def step(self, times: NDArray[np.int64], newest: int) -> None:
        """Go on by these samples, of which `newest` is the newest; `times` is copied."""
        if newest > self.newest:
            # The step before matters only as far as its newest time: this one moves time on beyond it
            self._later = self.newest, times.copy()
            self.newest = newest

    def trace(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """What will have passed after each of these samples; ascending. Does not go on."""
        return _passed(self.newest, self.passed, times)

    def jump(self, now: int) -> NDArray[np.int64]:
        """Nothing older than `now` will come: it has passed. Returns what has passed then, as one row."""
        self._passed = max(self.passed, now)
        self.newest = max(self.newest, now)
        return np.array([self._passed], dtype=np.int64)


def _passed(newest: int, passed: int, times: NDArray[np.int64]) -> NDArray[np.int64]:
    after = np.maximum.accumulate(np.maximum(times, newest))
    before = np.concatenate([[newest], after[:-1]])
    moved: NDArray[np.int64] = np.maximum.accumulate(np.where(after > before, before, passed))
    return np.maximum(moved, passed)
