"""The largest deviation of any single column: what every control room judges by, and hard to beat on sharp faults."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.detectors.row_detector import RowDetector


class LargestDeviationDetector(RowDetector):
    """Square of the largest deviation over the columns, in standard deviations (Shewhart's chart, one per column).

    Squared, so that a margin on the limit means the same here as for a squared distance. All blame goes to the tag of
    that column. Parameters are those of `RowDetector`.
    """

    def _learn(self, z: NDArray[np.float64]) -> None:
        """Centre and scale are all there is to learn."""

    def _terms(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        squares = z**2
        return np.where(np.arange(z.shape[1]) == squares.argmax(axis=1)[:, None], squares, 0.0)
