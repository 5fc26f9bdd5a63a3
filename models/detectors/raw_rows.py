"""What all detectors of raw rows in time order share: verdicts as scikit-learn gives them; no score is no peace."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin

Runs = list[NDArray[np.float64]]
"""Rows float64[n, tags] in time order, of runs that know nothing of each other."""


class RawRowDetector(OutlierMixin, BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn has no types
    """A detector of raw rows, one per sampling moment, float[n, tags], NaN = missing; nothing looks ahead.

    Rows of one call are one stream from its start. A row without a score (NaN) is never called normal.

    Attributes:
        offset_: scikit-learn's: `score_samples` at the limit, always -1.
    """

    offset_ = -1.0

    @property
    def memory(self) -> int:
        """Rows before a row that its score may rest on: what must lie between two rows to be judged apart."""
        return 0

    @property
    def least_rows(self) -> int:
        """Fewest rows of an asset to learn from, whatever calibration needs."""
        return 0

    @property
    def warm_up(self) -> int:
        """Rows at the beginning that get no score."""
        return 0

    @abstractmethod
    def anomaly_score(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Scores float64[n]; higher = more anomalous, 1.0 = the limit, NaN = none."""

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """scikit-learn's convention: the negative of `anomaly_score`."""
        return -self.anomaly_score(X)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """scikit-learn's convention: negative for outliers, 0 at the limit; NaN without a score."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:  # noqa: N803
        """scikit-learn's convention: 1 = normal, -1 = anomalous or without a score."""
        return np.where(self.decision_function(X) >= 0, 1, -1)


def runs_of(rows: NDArray[np.float64], lengths: Sequence[int] | None) -> Runs:
    """Cut rows into runs, without the empty ones.

    Raises:
        ValueError: The lengths do not add up to the rows.
    """
    if lengths is None:
        return [rows]
    if sum(lengths) != len(rows):
        msg = f"lengths add up to {sum(lengths)}: there are {len(rows)} rows"
        raise ValueError(msg)
    return [run for run in np.split(rows, np.cumsum(lengths)[:-1]) if len(run)]
