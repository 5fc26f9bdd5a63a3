"""The words between the flow and any model: rows in, scores out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True, eq=False)
class Scores:
    """What a model says about n rows.

    Attributes:
        score: float64[n]; higher = more anomalous, always; 1.0 = the calibrated threshold. NaN = the model abstained
            (a tag it needs is missing or under-covered): never an alarm by itself, never silence either.
        contributions: float64[n, tags]: share of each tag in the score, rows sum to 1 (NaN where it abstained).
        tags: Names of the tags in the order of the columns of `contributions`.
        model: "name@version" of the bundle that scored.
    """

    score: NDArray[np.float64]
    contributions: NDArray[np.float64]
    tags: tuple[str, ...]
    model: str


class Scorer(Protocol):
    """Scores the feature vectors of one asset type. Implementations: the ONNX bundle; lists in tests."""

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags the model wants, in order."""
        ...

    @property
    def features(self) -> tuple[str, ...]:
        """Features the model wants of each tag, in order."""
        ...

    @property
    def min_coverage(self) -> float:
        """Smallest share of expected good samples per tag below which the model abstains, 0..1."""
        ...

    def score(self, rows: NDArray[np.float64]) -> Scores:
        """Score rows of shape (n, len(tags), len(features)). NaN anywhere in a row: that row abstains."""
        ...
