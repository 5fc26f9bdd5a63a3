"""Gaussian mixture: a plant with several modes of operation, each with a shape of its own."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from models.detectors.row_detector import RowDetector, row_by_row

RIDGE = 1e-2  # added to each variance of scaled columns: a mode of few rows must not become a needle


class MixtureDetector(RowDetector):
    """Squared Mahalanobis distance to the nearest mode of a Gaussian mixture fitted by expectation-maximisation.

    Dempster, Laird and Rubin (J. R. Stat. Soc. B 39, 1977). The distance to the nearest mode, not the likelihood: it
    ignores how rare a mode is (a mode that was seen is normal), is never negative, and is a quadratic form, so
    contributions are exact. Parameters are those of `RowDetector`, and:

    Args:
        modes: Most there may be; as many as the Bayesian information criterion (Schwarz, 1978) prefers.
        seed: Of the start of the fit.

    Attributes:
        means_: float64[modes, p], scaled.
        precisions_: float64[modes, p, p].
    """

    def __init__(
        self,
        *,
        modes: int = 4,
        seed: int = 0,
        features_per_tag: int = 1,
        log_features: tuple[int, ...] = (),
        limit: float = 1.0,
        scale: NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__(features_per_tag=features_per_tag, log_features=log_features, limit=limit, scale=scale)
        self.modes = modes
        self.seed = seed

    def _learn(self, z: NDArray[np.float64]) -> None:
        most = max(1, min(self.modes, len(z) // (2 * z.shape[1])))  # two rows a column at least for each
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than modes: the criterion decides
            fits = [
                GaussianMixture(count, reg_covar=RIDGE, random_state=self.seed).fit(z) for count in range(1, most + 1)
            ]
        best = min(fits, key=lambda fit: float(fit.bic(z)))
        self.means_: NDArray[np.float64] = best.means_
        self.precisions_: NDArray[np.float64] = best.precisions_

    def _terms(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        ways = [z - mean for mean in self.means_]
        terms = np.stack([way * row_by_row(way, form) for way, form in zip(ways, self.precisions_, strict=True)])
        nearest = terms.sum(axis=2).argmin(axis=0)
        chosen: NDArray[np.float64] = terms[nearest, np.arange(len(z))]
        return chosen
