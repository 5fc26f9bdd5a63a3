"""What detectors share that make other rows of raw rows, and have these judged by a detector of rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import validate_data

from models.detectors.raw_rows import RawRowDetector, Runs, runs_of
from models.detectors.row_detector import RowDetector


class PreparedRowDetector(RawRowDetector):
    """A subclass says how rows are prepared, and which detector judges them.

    Attributes:
        detector_: Fitted, on prepared rows.
        bounds_: float64[2, tags], see `bounds`.
    """

    detector_: RowDetector
    bounds_: NDArray[np.float64]

    def fit(self, X: ArrayLike, y: object = None, *, lengths: Sequence[int] | None = None) -> Self:  # noqa: ARG002, N803
        """Fit on normal operation, float[n, tags] in time order, NaN = missing.

        The first rows of each run, which rest on rows that are not there (a quarter of it at most), are prepared but
        not learnt from, and neither are rows that rest on a missing value.

        Args:
            X: The rows.
            y: Not used; scikit-learn's habit.
            lengths: Rows of each of the runs they are made of, one after the other; None = one run. No run knows of
                another: assets of one kind, or a recording with holes in it.

        Raises:
            ValueError: Fewer than two rows are left.
        """
        rows = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        prepared, learnt = self.prepared(runs_of(rows, lengths))
        whole = prepared[learnt]
        if len(whole) < 2:
            msg = f"{len(rows)} rows: 2 must be left after the first {self.memory} and without missing values"
            raise ValueError(msg)
        self.bounds_ = self.bounds(rows)
        self.detector_ = self.inner().fit(whole)
        return self

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are made of each tag."""

    def prepared(self, runs: Runs) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """All runs one after the other as the inner detector sees them, and which of the rows it learns from."""
        parts, learnt = [], []
        bounds = self.bounds(np.concatenate(runs))
        for run in runs:
            part = self._prepare(run, bounds)
            unsettled = min(self.memory, len(run) // 4)
            settled: NDArray[np.bool_] = np.asarray(~np.isnan(part).any(axis=1))
            settled[:unsettled] = False
            parts.append(part)
            learnt.append(settled)
        return np.concatenate(parts), np.concatenate(learnt)

    def bounds(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Lowest and highest value of each tag that counts in full, float64[2, tags]: what preparing learns of rows."""
        return np.full((2, rows.shape[1]), [[-np.inf], [np.inf]])

    @abstractmethod
    def inner(self) -> RowDetector:
        """A new detector of prepared rows, not fitted."""

    @abstractmethod
    def _prepare(self, rows: NDArray[np.float64], bounds: NDArray[np.float64]) -> NDArray[np.float64]:
        """All rows float64[n, tags] of one run: float64[n, columns], tag-major; NaN where nothing can be said."""
