"""What all detectors of feature rows share: columns brought to one scale, a limit, holes, blame per tag."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

Z_LIMIT = 1e9
"""Standard deviations beyond which a column says no more: keeps every finite row's score finite, so that a wild value
can never turn into NaN and silence an alarm. Above the 1e7 up to which scores must be exact."""

TINY = 1e-30
"""Added to each tag's contribution: a row exactly at the centre then has equal shares instead of 0/0."""

LOG_FLOOR = 1e-3
"""Added before the logarithm, in units of the column's median: a spread of 0 then lies 6.9 below the usual one, where
usual windows scatter by about 0.1, and is not infinitely far away."""

CONSTANT = 1e-12
"""A column that spreads less than this, relative to the largest value of its tag, holds only the rounding errors of
float64 (2e-16, grown by sums over a window)."""

_CONSTANT_SCALE = 0.01
"""Scale of a constant column, relative to the largest value of its tag: a change of 1 % then counts as one standard
deviation. A choice, not a measurement: nothing in the rows says how much a constant may change."""


class RowDetector(OutlierMixin, BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn has no types
    """A detector that judges each feature row by itself; a subclass says what it learns and what it measures.

    Columns are tag-major: all features of the first tag, then of the second. A column that was constant in training
    gets a scale of its own (1 % of the largest value of its tag, or 1 where that is 0) and no correlation, so that a
    constant by nature may move a little; a column that did vary keeps its standard deviation, so that a sensor that
    sticks (its standard deviation falls to 0) is seen.

    Columns that measure spread can be judged on a logarithmic scale, on which a spread scatters evenly and halving
    counts as much as doubling. Measured on the simulated pump: a stuck temperature sensor scores 44 instead of 0.4,
    everything else as before.

    A subclass implements `_learn` and `_terms`, or, where its score is no sum over columns, `_measure` as well.

    Args:
        features_per_tag: Columns of each tag.
        log_features: Positions, among the features of a tag, of those that measure spread (never negative).
        limit: What becomes score 1.0, from `models.calibrate`. Needs no new fit.
        scale: float64[p], where the spread of the columns is known from more rows than those of the fit: a quantised
            column that happens not to move in a block of the cross-validation would otherwise make the others of it
            look a thousand standard deviations away. None = the spread of the rows of the fit.

    Attributes:
        log_: bool[p], columns on a logarithmic scale.
        floor_: float64[p], added before the logarithm; 1 elsewhere.
        centre_: float64[p], of the columns as they are judged.
        scale_: float64[p], all > 0.
        constant_: bool[p], columns that did not vary.
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
        self.constant_ = spread <= CONSTANT * largest
        still = np.where(self.log_ | (largest == 0), 1.0, _CONSTANT_SCALE * largest)  # in logarithms 1 is a factor of e
        own = np.where(self.constant_, still, spread)
        self.scale_ = own if self.scale is None else self.scale
        self.offset_ = -1.0
        self._learn(self._scaled(rows))
        return self

    def anomaly_score(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Scores float64[n] of rows float[n, p]; higher = more anomalous, 1.0 = the limit, NaN in = NaN out.

        A row scores the same to the last bit in any company.
        """
        check_is_fitted(self)
        return self.score_unchecked(
            validate_data(self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan")
        )

    def score_unchecked(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """`anomaly_score` of what is known to be float64[n, p]: the checks of scikit-learn cost more than the score."""
        z, hole = self._rows(rows)
        score = self._measure(z) / self.limit
        score[hole] = np.nan
        return score

    def contributions(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """Share of each tag in the score, float64[n, tags], rows sum to 1; NaN in = NaN out.

        The terms of the columns are summed per tag, cut at 0 and normalised. For a quadratic form they are
        z_i * (M z)_i and sum exactly to the score; they smear across correlated tags: a deviation of one tag shows in
        part at the tags that usually move with it, and a tag that breaks a correlation shares the blame with its
        partner.
        """
        terms = self.column_terms(X)
        per_tag = np.maximum(terms.reshape(len(terms), -1, self.features_per_tag).sum(axis=2), 0.0) + TINY
        shares: NDArray[np.float64] = per_tag / per_tag.sum(axis=1, keepdims=True)
        return shares

    def column_terms(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """What each column adds to the score, float64[n, p]; NaN in = NaN out.

        Sums to the score where the score is a sum over columns (quadratic forms, distances, squared errors); elsewhere
        it is how far the score falls without the columns of a tag, laid at its first column.
        """
        check_is_fitted(self)
        z, hole = self._rows(validate_data(self, X, dtype=np.float64, reset=False, ensure_all_finite="allow-nan"))
        terms = self._terms(z) / self.limit
        terms[hole] = np.nan
        return terms

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """scikit-learn's convention: the negative of `anomaly_score`; like all of its kind it refuses NaN."""
        check_is_fitted(self)
        return -self.score_unchecked(validate_data(self, X, dtype=np.float64, reset=False))

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:  # noqa: N803
        """scikit-learn's convention: negative for outliers, 0 at the limit."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:  # noqa: N803
        """scikit-learn's convention: -1 = anomalous, 1 = normal."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    @abstractmethod
    def _learn(self, z: NDArray[np.float64]) -> None:
        """Learn from scaled rows float64[n, p]; constant columns are 0."""

    @abstractmethod
    def _terms(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each column adds to the score, float64[n, p], before the limit. z is finite."""

    def _measure(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """The score float64[n] before the limit: the sum of the terms, where a subclass does not know better."""
        measured: NDArray[np.float64] = self._terms(z).sum(axis=1)
        return measured

    def _without_each_tag(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Terms of a score that is no sum: how far it falls when the columns of a tag are put on their centre.

        Occlusion (Zeiler and Fergus, ECCV 2014). Two tags that are each enough for the score share nothing by it.
        """
        terms = np.zeros_like(z)
        whole = self._measure(z)
        for first in range(0, z.shape[1], self.features_per_tag):
            without = z.copy()
            without[:, first : first + self.features_per_tag] = 0.0
            terms[:, first] = whole - self._measure(without)
        return terms

    def _rows(self, rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Scaled rows, and which of them have a hole; these are put on the centre, for the mathematics."""
        z = self._scaled(rows)
        hole = np.asarray(np.isnan(z).any(axis=1))
        z[hole] = 0.0
        return z, hole

    def _scaled(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standard deviations from the centre. Subtracts in float64: float32 would lose the rows of a large offset."""
        z = np.clip((self._judged(rows) - self.centre_) / self.scale_, -Z_LIMIT, Z_LIMIT)
        return np.ascontiguousarray(z)  # sums over columns run in the order of memory, and their last bits with it

    def _judged(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """The columns on the scale they are judged on. No spread is negative; `abs` keeps the logarithm defined."""
        return np.where(self.log_, np.log(np.abs(rows) + self.floor_), rows)


def row_by_row(rows: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """`rows @ matrix`, each row by a product of its own.

    A product of all rows at once sums in an order that depends on their number: the last bits of a row's score would
    depend on the rows that come after it.
    """
    product: NDArray[np.float64] = np.matmul(rows[:, None, :], matrix)[:, 0, :]
    return product
