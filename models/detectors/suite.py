"""The default detector: four members that fail on different faults, each against its own limit, and the worst counts.

No single detector wins everywhere: T2 + SPE is best on a water-circulation rig, the largest deviation of windowed mean
and spread on a chemical plant, the shrunk Mahalanobis distance on a refinery unit. The largest ratio to the members'
own calibrated limits was first or level on all three with the same settings.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from models.calibrate import heldout_scores
from models.detectors.largest import LargestDeviationDetector
from models.detectors.mahalanobis import MahalanobisDetector
from models.detectors.pca import PcaDetector
from models.detectors.row_detector import RowDetector
from models.detectors.smoothing import FEATURES
from models.training_rows import least_rows

MEMBER_QUANTILE = 0.99  # of the held-out scores of a member: what becomes its ratio 1

MEMBERS = {
    "pca of ewma": (PcaDetector, ("ewma",)),
    "mahalanobis of ewma": (MahalanobisDetector, ("ewma",)),
    "mahalanobis of mean and std": (MahalanobisDetector, ("mean", "std")),
    "largest of mean and std": (LargestDeviationDetector, ("mean", "std")),
}


class SuiteDetector(RowDetector):
    """Largest ratio of a member's score to its own limit, on smoothed rows (`Smoothing`: ewma, mean, std of each tag).

    Members: T2 + SPE and shrunk Mahalanobis on the EWMA, shrunk Mahalanobis and largest deviation on mean and spread.
    The limit of a member is the 99 % quantile of its scores by blocked cross-validation with an embargo. Fewer rows
    than that needs (`training_rows.least_rows`) give in-sample limits, which lie; `train` refuses such recordings.

    The blame is that of the member with the largest ratio. Parameters are those of `RowDetector`, and:

    Args:
        embargo: Rows left out on both sides of a scored block: those that share raw rows with it.

    Attributes:
        members_: Fitted members by name, with their limits.
        columns_: Columns of each, int64.
    """

    def __init__(
        self,
        *,
        embargo: int = 20,
        features_per_tag: int = 3,
        log_features: tuple[int, ...] = (),
        limit: float = 1.0,
        scale: NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__(features_per_tag=features_per_tag, log_features=log_features, limit=limit, scale=scale)
        self.embargo = embargo

    def winners(self, X: NDArray[np.float64]) -> list[str]:  # noqa: N803
        """Name of the member that decided each row; "" where a hole left nothing to decide."""
        z, hole = self._rows(X)
        names = np.array([*self.members_, ""])
        best = np.where(hole, len(self.members_), self._ratios(z).argmax(axis=1))
        return [str(name) for name in names[best]]

    def _learn(self, z: NDArray[np.float64]) -> None:
        self.members_: dict[str, RowDetector] = {}
        self.columns_: dict[str, NDArray[np.int64]] = {}
        kind = np.arange(z.shape[1]) % self.features_per_tag
        for name, (make, features) in MEMBERS.items():
            wanted = [FEATURES.index(feature) for feature in features]
            columns = np.flatnonzero(np.isin(kind, wanted))
            member = make(features_per_tag=len(wanted))
            rows = z[:, columns]
            if len(rows) < least_rows(self.embargo):
                scores = clone(member).fit(rows).anomaly_score(rows)
            else:
                scores = heldout_scores(member, rows, self.embargo)
            level = float(np.quantile(scores, MEMBER_QUANTILE))
            member.set_params(limit=level if level > 0 else 1.0)  # nothing varied: one deviation is the limit
            self.members_[name], self.columns_[name] = member.fit(rows), columns

    def _ratios(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score of each member over its limit, float64[n, members]."""
        ratios = [member.score_unchecked(z[:, self.columns_[name]]) for name, member in self.members_.items()]
        return np.stack(ratios, axis=1)

    def _measure(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        largest: NDArray[np.float64] = self._ratios(z).max(axis=1)
        return largest

    def _terms(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        best = self._ratios(z).argmax(axis=1)
        terms = np.zeros_like(z)
        for at, (name, member) in enumerate(self.members_.items()):
            won = np.flatnonzero(best == at)
            if len(won):
                columns = self.columns_[name]
                terms[np.ix_(won, columns)] = member.column_terms(z[np.ix_(won, columns)])
        return terms
