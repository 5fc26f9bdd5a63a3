"""Shrinkage Mahalanobis distance: how far a row lies from the training rows, in units of how they vary together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

from models.detectors.row_detector import RowDetector, row_by_row


class MahalanobisDetector(RowDetector):
    """Squared Mahalanobis distance over the calibrated limit; the covariance is shrunk (Ledoit and Wolf, 2004).

    Columns and parameters are those of `RowDetector`.

    Attributes:
        precision_: float64[p, p], inverse of the shrunk covariance of the scaled columns.
        shrinkage_: Of Ledoit and Wolf, 0..1.
    """

    def _learn(self, z: NDArray[np.float64]) -> None:
        self.precision_ = np.eye(z.shape[1])
        self.shrinkage_ = 0.0
        varying = np.flatnonzero(~self.constant_)
        if len(varying):
            shrunk = LedoitWolf(assume_centered=True).fit(z[:, varying])
            self.precision_[np.ix_(varying, varying)] = shrunk.precision_
            self.shrinkage_ = float(shrunk.shrinkage_)

    @property
    def form_(self) -> NDArray[np.float64]:
        """The score of scaled columns z is z' form_ z."""
        return self.precision_

    def _terms(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        terms: NDArray[np.float64] = z * row_by_row(z, self.precision_)
        return terms
