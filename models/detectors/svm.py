"""One-class support vector machine: a soft border around the training rows, as far away as they allow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import OneClassSVM

from models.detectors.row_detector import RowDetector


class SvmDetector(RowDetector):
    """-log of the kernel expansion of a one-class SVM (Schoelkopf et al., Neural Computation 13, 2001), RBF kernel.

    The decision function itself is flat far from the training rows, where every kernel is 0: a margin on its limit
    means nothing there, and a row a thousand deviations away scores as one of ten. The logarithm ranks rows alike and
    grows with the squared distance for ever. Blame by occlusion. Parameters are those of `RowDetector`, and:

    Args:
        nu: Upper bound on the share of training rows outside the border.

    Attributes:
        support_: float64[vectors, p], scaled.
        log_weights_: float64[vectors], of the weights, which sum to 1.
        gamma_: 1 / p: rows have about p times unit variance.
    """

    def __init__(
        self,
        *,
        nu: float = 0.05,
        features_per_tag: int = 1,
        log_features: tuple[int, ...] = (),
        limit: float = 1.0,
        scale: NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__(features_per_tag=features_per_tag, log_features=log_features, limit=limit, scale=scale)
        self.nu = nu

    def _learn(self, z: NDArray[np.float64]) -> None:
        self.gamma_ = 1.0 / z.shape[1]
        machine = OneClassSVM(nu=self.nu, gamma=self.gamma_).fit(z)
        weights = machine.dual_coef_[0]
        self.support_ = machine.support_vectors_
        self.log_weights_ = np.log(weights / weights.sum())

    def _measure(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        score = np.empty(len(z))
        for at, row in enumerate(z):
            exponent = self.log_weights_ - self.gamma_ * ((row - self.support_) ** 2).sum(axis=1)
            top = exponent.max()
            score[at] = -(top + np.log(np.exp(exponent - top).sum()))
        return score

    def _terms(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._without_each_tag(z)
