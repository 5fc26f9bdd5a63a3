"""Every row judged by itself: F1, false alarm rate, missed alarm rate, as the board of SKAB defines them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows by what was true and what was said. Add the counts of several files to pool them.

    Attributes:
        tp: Anomalous and flagged.
        fp: Normal and flagged.
        fn: Anomalous and not flagged.
        tn: Normal and not flagged.
    """

    tp: int = 0
    fp: int = 0
    fn: int = 0
    tn: int = 0

    def __add__(self, other: Self) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN) (van Rijsbergen, 1979); 0 without rows.

        Says little alone: where 54 % of the rows are anomalous, "always" has 0.70.
        """
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def far(self) -> float:
        """False alarm rate: share of the normal rows that were flagged, FP / (FP + TN) (README of waico/SKAB)."""
        return _ratio(self.fp, self.fp + self.tn)

    @property
    def mar(self) -> float:
        """Missed alarm rate: share of the anomalous rows not flagged, FN / (FN + TP) (README of waico/SKAB)."""
        return _ratio(self.fn, self.fn + self.tp)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the share of anomalous rows flagged and of normal rows not flagged (Brodersen et al., ICPR 2010).

        0.5 for whatever knows nothing, always-on included.
        """
        return 1.0 - (self.far + self.mar) / 2.0


def counts(truth: NDArray[np.bool_], flagged: NDArray[np.bool_]) -> Counts:
    """Compare bool[n] with bool[n].

    Raises:
        ValueError: They are not of one length.
    """
    if truth.shape != flagged.shape:
        msg = f"{truth.shape} labels and {flagged.shape} verdicts: must be one of each per row"
        raise ValueError(msg)
    tp = int(np.count_nonzero(truth & flagged))
    fp = int(np.count_nonzero(flagged)) - tp
    fn = int(np.count_nonzero(truth)) - tp
    return Counts(tp, fp, fn, len(truth) - tp - fp - fn)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
