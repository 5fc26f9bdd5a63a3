"""Shrinkage Mahalanobis distance: how far a row lies from the training rows, in units of how they vary together."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.covariance import LedoitWolf
from sklearn.utils.validation import check_is_fitted, validate_data

Z_LIMIT = 1e9
"""Standard deviations beyond which a column says no more: keeps every finite row's score finite, so that a wild value
can never turn into NaN and silence an alarm. Above the 1e7 up to which scores must be exact."""

TINY = 1e-30
"""Added to each tag's contribution: a row exactly at the centre then has equal shares instead of 0/0."""

LOG_FLOOR = 1e-3
"""Added before the logarithm, in units of the column's median: a spread of 0 then lies 6.9 below the usual one, where
usual windows scatter by about 0.1, and is not infinitely far away."""

_CONSTANT = 1e-12
"""A column that spreads less than this, relative to the largest value of its tag, holds only the rounding errors of
float64 (2e-16, grown by sums over a window)."""

_CONSTANT_SCALE = 0.01
"""Scale of a constant column, relative to the largest value of its tag: a change of 1 % then counts as one standard
deviation. A choice, not a measurement: nothing in the rows says how much a constant may change."""


class MahalanobisDetector(OutlierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Squared Mahalanobis distance over the calibrated limit; the covariance is shrunk (Ledoit and Wolf, 2004).

    Columns are tag-major: all features of the first tag, then of the second. A column that was constant in training
    gets a scale of its own (1 % of the largest value of its tag, or 1 where that is 0) and no correlation, so that a
    constant by nature may move a little; a column that did vary keeps its standard deviation, so that a sensor that
    sticks (its standard deviation falls to 0) is seen.

    Columns that measure spread are judged on a logarithmic scale, on which a spread scatters evenly and halving counts
    as much as doubling. Measured on the simulated pump: a stuck temperature sensor scores 44 instead of 0.4, everything
    else as before.

    Args:
        features_per_tag: Columns of each tag.
        log_features: Positions, among the features of a tag, of those that measure spread (never negative).
        limit: Squared distance that becomes score 1.0, from `models.calibrate`. Needs no new fit.
        scale: float64[p], where the spread of the columns is known from more rows than those of the fit: a quantised
            column that happens not to move in a block of the cross-validation would otherwise make the others of it
            look a thousand standard deviations away. None = the spread of the rows of the fit.

    Attributes:
        log_: bool[p], columns on a logarithmic scale.
        floor_: float64[p], added before the logarithm; 1 elsewhere.
        centre_: float64[p], of the columns as they are judged.
        scale_: float64[p], all > 0.
        constant_: bool[p], columns that did not vary.
        precision_: float64[p, p], inverse of the shrunk covariance of the scaled columns.
        shrinkage_: Of Ledoit and Wolf, 0..1.
        offset_: scikit-learn's: `score_samples` at the limit, always -1.
    """

    def __init__(
        self,
        *,
        features_per_tag: int = 1,
        log_features: tuple[int, ...] = (),
        limit: float = 1.0,
        scale: NDArray[np.float64] | None = None,
    ) -> None:
        self.features_per_tag = features_per_tag
        self.log_features = log_features
        self.limit = limit
        self.scale = scale

    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: ARG002, N803 - scikit-learn's signature
        """Fit on rows of normal operation, float[n >= 2, tags * features], finite.

        Raises:
            ValueError: Not such rows, or the columns are not a multiple of `features_per_tag`.
        """
        rows: NDArray[np.float64] = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        columns = rows.shape[1]
        if columns % self.features_per_tag:
            msg = f"{columns} columns: must be a multiple of features_per_tag = {self.features_per_tag}"
            raise ValueError(msg)
        self.log_ = np.isin(np.arange(columns) % self.features_per_tag, self.log_features)
        usual = np.median(np.abs(rows), axis=0)
        self.floor_ = np.where(self.log_ & (usual > 0), LOG_FLOOR * usual, 1.0)
        judged = self._judged(rows)
        self.centre_ = judged.mean(axis=0)
        spread = judged.std(axis=0)
        largest = np.where(self.log_, 0.0, np.abs(rows)).max(axis=0).reshape(-1, self.features_per_tag).max(axis=1)
        largest = np.where(self.log_, 1.0, np.repeat(largest, self.features_per_tag))
        self.constant_ = spread <= _CONSTANT * largest
        still = np.where(self.log_ | (largest == 0), 1.0, _CONSTANT_SCALE * largest)  # in logarithms 1 is a factor of e
        own = np.where(self.constant_, still, spread)
        self.scale_ = own if self.scale is None else self.scale
        self.offset_ = -1.0
        self.precision_ = np.eye(columns)
        self.shrinkage_ = 0.0
        varying = np.flatnonzero(~self.constant_)
        if len(varying):
            shrunk = LedoitWolf(assume_centered=True).fit(self._scaled(rows)[:, varying])
            self.precision_[np.ix_(varying, varying)] = shrunk.precision_
            self.shrinkage_ = float(shrunk.shrinkage_)
        return self

    def anomaly_score(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Scores float64[n] of rows float[n, p]; higher = more anomalous, 1.0 = the limit, NaN in = NaN out."""
        return self._score(X, holes=True)

    def contributions(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Share of each tag in the score, float64[n, tags], rows sum to 1.

        The terms z_i * (P z)_i sum exactly to the squared distance; here they are summed per tag, cut at 0 and
        normalised. They smear across correlated tags: a deviation of one tag shows in part at the tags that usually
        move with it, and a tag that breaks a correlation shares the blame with its partner.
        """
        terms = self._terms(X, holes=True)
        per_tag = np.maximum(terms.reshape(len(terms), -1, self.features_per_tag).sum(axis=2), 0.0) + TINY
        shares: NDArray[np.float64] = per_tag / per_tag.sum(axis=1, keepdims=True)
        return shares

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """scikit-learn's convention: the negative of `anomaly_score`; like all of its kind it refuses NaN."""
        return -self._score(X, holes=False)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """scikit-learn's convention: negative for outliers, 0 at the limit."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:  # noqa: N803
        """scikit-learn's convention: -1 = anomalous, 1 = normal."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _score(self, X: ArrayLike, *, holes: bool) -> NDArray[np.float64]:  # noqa: N803
        score: NDArray[np.float64] = self._terms(X, holes=holes).sum(axis=1)
        return score

    def _terms(self, X: ArrayLike, *, holes: bool) -> NDArray[np.float64]:  # noqa: N803
        """z_i * (P z)_i over the limit, float64[n, p]."""
        check_is_fitted(self)
        allowed = "allow-nan" if holes else True
        rows = validate_data(self, X, dtype=np.float64, reset=False, ensure_all_finite=allowed)
        z = self._scaled(rows)
        terms: NDArray[np.float64] = z * (z @ (self.precision_ / self.limit))
        return terms

    def _scaled(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standard deviations from the centre. Subtracts in float64: float32 would lose the rows of a large offset."""
        z: NDArray[np.float64] = np.clip((self._judged(rows) - self.centre_) / self.scale_, -Z_LIMIT, Z_LIMIT)
        return z

    def _judged(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The columns on the scale they are judged on. No spread is negative; `abs` keeps the logarithm defined."""
        return np.where(self.log_, np.log(np.abs(rows) + self.floor_), rows)
