"""What scores an asset that has no model yet: each tag against its own recent past, by median and MAD.

It knows nothing of how tags hang together, learns what is wrong as normal when it lasts, and has no calibrated limit.
It is there from the first windows on, and every score says whose it is: "cold-start@1.", and a digest of the tags.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.scores import Scores
from models.served import Models, Outcome, Served, Verdict
from models.state import State, StatePort

NAME, VERSION = "cold-start", "1"
WARM_UP = 32  # windows of a tag before it is judged
MEMORY = 64  # windows remembered; thinned as time goes on, up to one in MOST_STRIDE
MOST_STRIDE = 16
LIMIT = 8.0  # robust standard deviations that are a score of 1; see `ColdStart`

_SIGMA = 1.4826  # MAD of a Gaussian of standard deviation 1 is 1 / 1.4826 (Rousseeuw and Croux 1993, JASA 88)
_STILL = 1e-6  # a MAD of a smaller share of the median is rounding, not movement
_LEVELS = ("mean", "tw_mean", "median", "rms")
_SPREADS = ("std", "tw_std", "iqr", "mean_abs_change")


class ColdStart:
    """A `models.scores.Scorer` without training: the robust z-score (Iglewicz and Hoaglin 1993), as a stateful model.

    The score of a window is the largest |x - median| / (1.4826 MAD) of its columns over LIMIT; median and MAD are of
    up to MEMORY earlier windows. Both stand until half of those are of another kind, and then follow: what lasts
    longer than MEMORY * MOST_STRIDE / 2 windows is taken for normal, and what is small sooner. Of 400,000 windows of
    eight Gaussian tags that knew nothing of each other none passed the limit; where a tag resembled itself for 50
    windows, two in a row did in every fifth asset among its first 500, and then in 1 of 100,000.

    A column that does not move (MAD 0: a set point, a switch) counts as where it always is, and one that is missing
    not at all; a window that has none to go by has no score.
    """

    min_coverage = 0.0  # a window is judged by the tags it has
    warm_up = WARM_UP
    reference = None  # it was not trained: there is nothing to drift from

    def __init__(self, tags: tuple[str, ...], features: tuple[str, ...], every_ns: int) -> None:
        """Of an asset with these tags.

        Args:
            tags: Names.
            features: From `columns_of`.
            every_ns: From the start of one window to the next.
        """
        self.tags = tags
        self.features = features
        digest = hashlib.sha256("\x1f".join([*tags, "", *features]).encode()).hexdigest()[:6]
        self.model = f"{NAME}@{VERSION}.{digest}"
        self.every_ns = every_ns
        self.state = (
            StatePort("recent", (MEMORY, len(tags) * len(features)), "nan"),
            StatePort("count", (1,), "zero"),
        )

    def score(self, rows: NDArray[np.float64], state: State = ()) -> Scores:
        """One row of each of n assets; see `Scorer.score`."""
        recent, count = state
        now = rows.reshape(len(rows), -1)
        away = _away(now, recent).reshape(rows.shape)
        known = np.isfinite(away)
        by_tag = np.where(known, away, 0.0).max(axis=2)
        judged = known.any(axis=(1, 2))
        score = np.where(judged, by_tag.max(axis=1) / LIMIT, np.nan)
        total = by_tag.sum(axis=1, keepdims=True)
        even = np.full_like(by_tag, 1.0 / len(self.tags))
        shares = np.divide(by_tag, total, out=even, where=total > 0)
        shares[~judged] = np.nan
        return Scores(score, shares, self.tags, self.model, _remembered(now, recent, count))


class WithColdStart:
    """Implements `models.served.Models`: other models, and a cold start where none of them may alarm."""

    def __init__(self, models: Models, cold_start_of: Callable[[str], ColdStart | None]) -> None:
        """Beside what there is.

        Args:
            models: Asked first, with every block.
            cold_start_of: Gives the one for an asset; the same one for assets with the same tags. None = it gets none.
        """
        self._models = models
        self._cold_start_of = cold_start_of

    def of(self, asset: str) -> Sequence[Served]:
        """See `Models.of`."""
        served = self._models.of(asset)
        if not all(one.shadow for one in served) or (cold := self._cold_start_of(asset)) is None:
            return served
        return (Served(cold), *served)

    def noted(self, outcome: Outcome) -> None:
        """Passed on."""
        self._models.noted(outcome)

    def judged(self, asset: str, ends: NDArray[np.int64], verdicts: Sequence[Verdict]) -> None:
        """Passed on."""
        self._models.judged(asset, ends, verdicts)


def columns_of(features: Sequence[str]) -> tuple[str, ...]:
    """Which features of a set it looks at: one of level and one of spread where there are such, else the first two."""
    found = [next((name for name in wanted if name in features), None) for wanted in (_LEVELS, _SPREADS)]
    chosen = tuple(name for name in found if name is not None)
    return chosen if len(chosen) == len(found) else tuple(features[:2])


def _away(now: NDArray[np.float64], recent: NDArray[np.float64]) -> NDArray[np.float64]:
    """Robust z-scores float64[n, columns]; 0 where a column does not move, NaN where there is nothing to go by."""
    known = np.isfinite(recent).sum(axis=1)
    median = _median(recent, known)
    mad = _median(np.abs(recent - median[:, None, :]), known)
    moves = mad > _STILL * np.abs(median)
    with np.errstate(invalid="ignore", over="ignore"):
        away = np.abs(now - median) / (_SIGMA * np.where(moves, mad, np.inf))
    return np.where((known >= WARM_UP) & np.isfinite(now), np.minimum(away, np.finfo(np.float64).max), np.nan)


def _median(values: NDArray[np.float64], known: NDArray[np.intp]) -> NDArray[np.float64]:
    """Over axis 1, NaN left out; `numpy.nanmedian` takes one column at a time."""
    ordered = np.sort(values, axis=1)  # NaN comes last
    low, high = (np.maximum(known - 1, 0) // 2)[:, None, :], (known // 2)[:, None, :].clip(0, values.shape[1] - 1)
    middle: NDArray[np.float64] = (
        np.take_along_axis(ordered, low, axis=1) + np.take_along_axis(ordered, high, axis=1)
    )[:, 0, :] / 2
    return middle


def _remembered(now: NDArray[np.float64], recent: NDArray[np.float64], count: NDArray[np.float64]) -> State:
    """A ring that is thinned by half each time the windows seen double, up to one in MOST_STRIDE."""
    seen = count[:, 0].astype(np.int64)
    stride = 1 << np.log2(np.maximum(seen // MEMORY, 1)).astype(np.int64)
    stride = np.minimum(stride, MOST_STRIDE)
    kept = np.flatnonzero(seen % stride == 0)
    recent = recent.copy()
    recent[kept, (seen[kept] // stride[kept]) % MEMORY] = np.where(np.isfinite(now[kept]), now[kept], np.nan)
    return recent, count + 1.0
