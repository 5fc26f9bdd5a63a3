"""What all detectors of single tags share: a few numbers of state per tag, one row at a time, the worst tag counts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from models.detectors.raw_rows import RawRowDetector, Runs, runs_of

State = tuple[NDArray[np.float64], ...]
"""What a detector remembers: arrays whose last axis is the tags."""

STILL_SCALE = 0.01
"""Range of a tag that never moved, relative to its value: a change of 1 % then counts as one range (1 where it is 0).
A choice, not a measurement, and the same as for constant feature columns."""


class TagDetector(RawRowDetector):
    """A detector that judges each tag of raw rows by itself; a subclass says what it remembers and what it measures.

    Rows are in time order, float[n, tags], NaN = missing; nothing looks ahead. A subclass implements `_learn`, `_begin`
    and `_step`.

    Args:
        limit: What becomes score 1.0, from `models.calibrate`. Needs no new fit.
    """

    def __init__(self, *, limit: float = 1.0) -> None:
        self.limit = limit

    def fit(self, X: ArrayLike, y: object = None, *, lengths: Sequence[int] | None = None) -> Self:  # noqa: ARG002, N803
        """Fit on rows of normal operation in time order, float[n >= 2, tags], NaN = missing.

        Args:
            X: The rows.
            y: Not used; scikit-learn's habit.
            lengths: Rows of each of the runs they are made of, one after the other; None = one run. No run knows of
                another: assets of one kind, or a recording with holes in it.
        """
        rows = validate_data(self, X, dtype=np.float64, ensure_min_samples=2, ensure_all_finite="allow-nan")
        self._learn(runs_of(rows, lengths))
        return self

    def start(self) -> State:
        """Nothing seen but what was learnt."""
        check_is_fitted(self)
        return self._begin(self.n_features_in_)

    def step(self, row: NDArray[np.float64], state: State) -> tuple[NDArray[np.float64], State]:
        """One row float64[tags]: score of each tag, NaN where it has none, and the new state."""
        measured, state = self._step(row, state)
        return np.asarray(measured / self.limit, dtype=np.float64), state

    def tag_scores(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Scores float64[n, tags] from the start; higher = more anomalous, 1.0 = the limit, NaN = nothing to judge."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan")
        scores: NDArray[np.float64] = np.empty(rows.shape)
        state = self.start()
        for at, row in enumerate(rows):
            scores[at], state = self.step(row, state)
        return scores

    def anomaly_score(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Largest score over the tags that have one, float64[n]; NaN where none has."""
        scores = self.tag_scores(X)
        worst = np.fmax.reduce(scores, axis=1)
        return np.asarray(worst, dtype=np.float64)

    def contributions(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """All blame to the worst tag, float64[n, tags]; alike where all have score 0, NaN where none has one."""
        scores = self.tag_scores(X)
        worst = np.fmax.reduce(scores, axis=1)[:, None]
        blamed = np.where(scores == worst, 1.0, 0.0)
        shares: NDArray[np.float64] = blamed / np.where(np.isnan(worst), np.nan, blamed.sum(axis=1, keepdims=True))
        return shares

    def _replay(self, runs: Runs) -> Iterator[tuple[NDArray[np.float64], State]]:
        """What was measured of each row, and the state after it; each run from the beginning."""
        for rows in runs:
            state = self._begin(rows.shape[1])
            for row in rows:
                measured, state = self._step(row, state)
                yield measured, state

    @abstractmethod
    def _learn(self, runs: Runs) -> None: ...

    @abstractmethod
    def _begin(self, tags: int) -> State: ...

    @abstractmethod
    def _step(self, row: NDArray[np.float64], state: State) -> tuple[NDArray[np.float64], State]:
        """Measure before the limit, and the new state; a missing value must not spoil the state."""


def extremes(runs: Runs) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smallest and largest value of each tag over all runs; NaN where it never had one."""
    low = np.fmin.reduce([np.fmin.reduce(rows, axis=0) for rows in runs], axis=0)
    high = np.fmax.reduce([np.fmax.reduce(rows, axis=0) for rows in runs], axis=0)
    return low, high


def span_of(low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.float64]:
    """Range of each tag, > 0 also where it never moved."""
    still = STILL_SCALE * np.maximum(np.abs(low), np.abs(high))
    return np.where(high > low, high - low, np.where(still > 0, still, 1.0))
