"""Dynamic PCA: principal components of a row together with the rows before it, so that timing counts, too."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from models.detectors.pca import PcaDetector
from models.detectors.prepared import PreparedRowDetector
from models.detectors.row_detector import RowDetector


class DynamicPcaDetector(PreparedRowDetector):
    """`PcaDetector` on [x(t), x(t-1), ... x(t-lags)] (Ku, Storer and Georgakis, Chemom. Intell. Lab. Syst. 30, 1995).

    Scores raw rows in time order; the first `lags` rows have no score (NaN), and neither has a row that rests on a
    missing value. Nothing looks ahead.

    Args:
        lags: Rows before the current one.
        explained: See `PcaDetector`.
        limit: What becomes score 1.0.

    Attributes:
        detector_: Fitted, on rows of `lagged`.
    """

    def __init__(self, *, lags: int = 2, explained: float = 0.9, limit: float = 1.0) -> None:
        self.lags = lags
        self.explained = explained
        self.limit = limit

    @property
    def memory(self) -> int:
        """The rows before."""
        return self.lags

    @property
    def warm_up(self) -> int:
        """The rows before."""
        return self.lags

    @property
    def columns(self) -> tuple[str, ...]:
        """The row, and those before it."""
        return ("now", *(f"{lag} before" for lag in range(1, self.lags + 1)))

    def inner(self) -> PcaDetector:
        """Of rows of `lagged`."""
        return PcaDetector(explained=self.explained, features_per_tag=self.lags + 1)

    def _prepare(self, rows: NDArray[np.float64], bounds: NDArray[np.float64]) -> NDArray[np.float64]:  # noqa: ARG002
        return lagged(rows, self.lags)

    def anomaly_score(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Scores float64[n] of rows float[n, tags]; higher = more anomalous, 1.0 = the limit."""
        return self._fitted().anomaly_score(self._wide(X))

    def contributions(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Share of each tag, with all its lags, in the score: float64[n, tags]."""
        return self._fitted().contributions(self._wide(X))

    def _wide(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        return lagged(validate_data(self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan"), self.lags)

    def _fitted(self) -> RowDetector:
        check_is_fitted(self)
        self.detector_.set_params(limit=self.limit)
        return self.detector_


def lagged(rows: NDArray[np.float64], lags: int) -> NDArray[np.float64]:
    """Each row beside those before it: float64[n, tags * (lags + 1)], tag-major, newest first, NaN before the start."""
    wide = np.full((*rows.shape, lags + 1), np.nan)
    for lag in range(lags + 1):
        wide[lag:, :, lag] = rows[: len(rows) - lag]
    return wide.reshape(len(rows), -1)
