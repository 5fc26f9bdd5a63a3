"""What rows and scores of normal operation looked like: what drift is measured against."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10  # the usual number for the population stability index; 9 inner edges


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """Deciles of every feature and of the score, and how many rows lay in each.

    Bin b holds edges[b - 1] < x <= edges[b]; the first and the last are open. Where values repeat, edges tie and the
    bins between them are empty: so the shares are counted, never taken for a tenth each.

    Attributes:
        edges: float64[tags, features, 9], never falling.
        shares: float64[tags, features, 10], sum to 1 over the last axis.
        score_edges: float64[9], of rows the model was not fitted on.
        score_shares: float64[10].
    """

    edges: NDArray[np.float64]
    shares: NDArray[np.float64]
    score_edges: NDArray[np.float64]
    score_shares: NDArray[np.float64]

    def misfit(self, tags: int, features: int) -> str | None:
        """What is wrong with it for a model of so many tags and features; None = nothing."""
        shapes = {
            "edges": (tags, features, BINS - 1),
            "shares": (tags, features, BINS),
            "score_edges": (BINS - 1,),
            "score_shares": (BINS,),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.dtype != np.float64 or array.shape != shape:
                return f"{name} must be float64{list(shape)}, it is {array.dtype}{list(array.shape)}"
            if not np.isfinite(array).all():
                return f"{name} must be finite"
        for name in ("edges", "score_edges"):
            if (np.diff(getattr(self, name), axis=-1) < 0).any():
                return f"{name} must never fall"
        for name in ("shares", "score_shares"):
            array = getattr(self, name)
            if (array < 0).any() or not np.allclose(array.sum(axis=-1), 1.0):
                return f"{name} must be shares that sum to 1"
        return None


def baseline_of(rows: NDArray[np.float64], scores: NDArray[np.float64]) -> Baseline:
    """Of training rows and held-out scores.

    Args:
        rows: float64[n >= 1, tags, features]; NaN is left out of its column, and no column has nothing else.
        scores: float64[m >= 1], NaN left out.
    """
    tags, features = rows.shape[1:]
    edges = np.empty((tags, features, BINS - 1))
    shares = np.empty((tags, features, BINS))
    for tag in range(tags):
        for feature in range(features):
            edges[tag, feature], shares[tag, feature] = _deciles(rows[:, tag, feature])
    return Baseline(edges, shares, *_deciles(scores))


def shares_of(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the values in each of the bins between edges float64[9]: float64[10]."""
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=BINS)
    shares: NDArray[np.float64] = counts / max(1, len(values))
    return shares


def _deciles(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = values[~np.isnan(values)]
    edges = np.quantile(known, np.arange(1, BINS) / BINS)
    return edges, shares_of(known, edges)
