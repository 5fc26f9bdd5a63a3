"""Distance to the nearest states the plant has been in, of a few hundred that stand for all of training."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from models.detectors.row_detector import RowDetector


class NearestDetector(RowDetector):
    """Mean squared distance to the `neighbours` nearest of `references` k-means centres of the training rows.

    The distance to nearest neighbours is that of Ramaswamy, Rastogi and Shim (SIGMOD 2000), its mean over k that of
    Angiulli and Pizzuti (PKDD 2002); centres in place of all rows keep the graph small and its cost fixed. Exact
    contributions: the squared distance is a sum over columns. Parameters are those of `RowDetector`, and:

    Args:
        neighbours: k.
        references: Centres; all rows where there are fewer.
        seed: Of k-means.

    Attributes:
        references_: float64[references, p], scaled.
    """

    def __init__(
        self,
        *,
        neighbours: int = 5,
        references: int = 256,
        seed: int = 0,
        features_per_tag: int = 1,
        log_features: tuple[int, ...] = (),
        limit: float = 1.0,
        scale: NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__(features_per_tag=features_per_tag, log_features=log_features, limit=limit, scale=scale)
        self.neighbours = neighbours
        self.references = references
        self.seed = seed

    def _learn(self, z: NDArray[np.float64]) -> None:
        states = np.unique(z, axis=0)
        if len(states) > self.references:
            states = KMeans(self.references, n_init=1, random_state=self.seed).fit(z).cluster_centers_
        self.references_: NDArray[np.float64] = states

    def _terms(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        k = min(self.neighbours, len(self.references_))
        terms = np.empty_like(z)
        for at, row in enumerate(z):  # one at a time: n x references x p does not fit for long recordings
            squares = (row - self.references_) ** 2
            near = np.argsort(squares.sum(axis=1), kind="stable")[:k]
            terms[at] = squares[near].mean(axis=0)
        return terms
