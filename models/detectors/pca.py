"""Principal components: deviation within the plane in which the tags move together, and away from it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.detectors.row_detector import RowDetector, row_by_row

QUANTILE = 0.99  # of the training rows, by which T2 and SPE are made comparable before they are added


class PcaDetector(RowDetector):
    """Hotelling's T2 within the plane plus the squared prediction error (SPE) away from it, each over its 99 % level.

    The combined index of Yue and Qin, "Reconstruction-Based Fault Identification Using a Combined Index", Ind. Eng.
    Chem. Res. 40 (2001), with empirical quantiles for the two levels. It is a quadratic form, so contributions are
    exact. Parameters are those of `RowDetector`, and:

    Args:
        explained: Share of the variance the plane must hold, 0..1. With all of it SPE is empty and does not count.

    Attributes:
        components_: Number of them.
        form_: float64[p, p]; the score of scaled columns z is z' form_ z.
    """

    def __init__(
        self,
        *,
        explained: float = 0.9,
        features_per_tag: int = 1,
        log_features: tuple[int, ...] = (),
        limit: float = 1.0,
        scale: NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__(features_per_tag=features_per_tag, log_features=log_features, limit=limit, scale=scale)
        self.explained = explained

    def _learn(self, z: NDArray[np.float64]) -> None:
        variance, axes = np.linalg.eigh(z.T @ z / len(z))
        variance, axes = np.maximum(variance[::-1], 0.0), axes[:, ::-1]
        held = np.cumsum(variance) / max(float(variance.sum()), np.finfo(float).tiny)
        # Directions without any variance belong to the error: a deviation there would be infinite in T2.
        rank = int(np.count_nonzero(variance > variance[0] * np.finfo(float).eps * len(variance)))
        self.components_ = min(int(np.searchsorted(held, self.explained - 1e-12)) + 1, rank)
        plane = axes[:, : self.components_] / np.sqrt(variance[: self.components_])
        within = plane @ plane.T
        away = np.eye(len(variance)) - axes[:, : self.components_] @ axes[:, : self.components_].T
        self.form_ = np.zeros_like(within)
        for form in (within, away):
            level = float(np.quantile(np.einsum("np,pq,nq->n", z, form, z, optimize=True), QUANTILE))
            # Columns that never vary leave an error of 0; one deviation of theirs then counts as the level.
            self.form_ += form / (level if level > np.finfo(float).eps else 1.0)

    def _terms(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        terms: NDArray[np.float64] = z * row_by_row(z, self.form_)
        return terms
