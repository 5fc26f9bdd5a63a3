"""A row detector on a stream of raw rows: smoothing before it, and a centre that may follow a plant that drifts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted, validate_data

from models.detectors.prepared import PreparedRowDetector
from models.detectors.row_detector import RowDetector
from models.detectors.smoothing import FEATURES, Smoothing, SmoothingState
from models.detectors.suite import SuiteDetector

LEAST_WINDOWS = 20


@dataclass(frozen=True, slots=True, eq=False)
class StreamState:
    """What is remembered between rows of several assets.

    Attributes:
        smoothing: Of the smoothing.
        shift: float64[assets, columns], how far the centre has followed the plant.
    """

    smoothing: SmoothingState
    shift: NDArray[np.float64]


class StreamDetector(PreparedRowDetector):
    """Scores raw rows, one per sampling moment, in time order; nothing looks ahead.

    A row has no score (NaN) until the window is full, and while a value has been missing for longer than the smoothing
    holds it; whoever compares must not take `NaN > 1` for "normal".

    Where `follow_rows` is set, the centre follows the smoothed rows with that time constant, but only while the score
    is below `gate`: an adaptation without a gate learns the faults (measured on SKAB: F1 0.64 instead of 0.83). It is
    for plants that warm up or wear slowly; leave it off for tags that guard people. A fault slower than the time
    constant is absorbed, and a gate that shuts on a plant that has really moved stays shut: train again then.

    Args:
        detector: Of smoothed rows; None = `SuiteDetector`. Not touched.
        smoothing: None = `Smoothing()`.
        follow_rows: Time constant of the centre in rows; None = it stays.
        gate: Score from which on the centre stays; one for all assets, or one each.

    Attributes:
        detector_: Fitted.
    """

    def __init__(
        self,
        detector: RowDetector | None = None,
        smoothing: Smoothing | None = None,
        *,
        follow_rows: float | None = None,
        gate: float | NDArray[np.float64] = 1.0,
    ) -> None:
        self.detector = detector
        self.smoothing = smoothing
        self.follow_rows = follow_rows
        self.gate = gate

    @property
    def smoothing_(self) -> Smoothing:
        """In use."""
        return self.smoothing or Smoothing()

    @property
    def memory(self) -> int:
        """Of the smoothing."""
        return self.smoothing_.memory

    @property
    def least_rows(self) -> int:
        """Twenty windows that share no row."""
        return LEAST_WINDOWS * self.smoothing_.window

    @property
    def warm_up(self) -> int:
        """Until the window is full."""
        return self.smoothing_.window - 1

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the smoothing."""
        return FEATURES

    def inner(self) -> RowDetector:
        """A clone of `detector`, or the suite."""
        made: RowDetector = clone(self.detector) if self.detector is not None else SuiteDetector()
        return made

    def bounds(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of the smoothing."""
        return self.smoothing_.bounds(rows)

    def _prepare(self, rows: NDArray[np.float64], bounds: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.smoothing_.smooth(rows, bounds)

    def start(self, assets: int = 1) -> StreamState:
        """Nothing seen yet."""
        check_is_fitted(self)
        tags = self.n_features_in_
        shift = np.zeros((assets, tags * self.smoothing_.features))
        return StreamState(self.smoothing_.start(tags, assets), shift)

    def step(self, row: NDArray[np.float64], state: StreamState) -> tuple[NDArray[np.float64], StreamState]:
        """One row of each asset, float64[assets, tags]: scores float64[assets] and the new state."""
        smoothed, remembered = self.smoothing_.step(row, state.smoothing, self.bounds_)
        flat = smoothed.reshape(len(row), -1)
        score = self.detector_.score_unchecked(flat - state.shift)
        return score, StreamState(remembered, self._followed(flat, score, state.shift))

    def anomaly_score(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Scores float64[n] of rows float[n, tags] of one asset, from the start; 1.0 = the limit."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan")
        return self._centred(self.smoothing_.smooth(rows, self.bounds_))[1]

    def contributions(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Share of each tag in the score, float64[n, tags]; see the detector's own."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan")
        return self.detector_.contributions(self._centred(self.smoothing_.smooth(rows, self.bounds_))[0])

    def _centred(self, smoothed: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Smoothed rows less what the centre had moved when each of them came, and their scores."""
        if self.follow_rows is None:
            return smoothed, self.detector_.score_unchecked(smoothed)
        shift = np.zeros((1, smoothed.shape[1]))
        centred, scores = np.empty_like(smoothed), np.empty(len(smoothed))
        for at in range(len(smoothed)):
            centred[at] = smoothed[at] - shift[0]
            scores[at : at + 1] = score = self.detector_.score_unchecked(centred[at : at + 1])
            shift = self._followed(smoothed[at : at + 1], score, shift)
        return centred, scores

    def _followed(
        self, smoothed: NDArray[np.float64], score: NDArray[np.float64], shift: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        if self.follow_rows is None:
            return shift
        nearer = shift + (smoothed - self.detector_.centre_ - shift) / self.follow_rows
        return np.where((score < self.gate)[:, None], nearer, shift)  # NaN < gate is false: without a score it stays
