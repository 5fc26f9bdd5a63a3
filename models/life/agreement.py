"""How the scores of a shadow differ from those of the active version, on the windows that both judged. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCHEMA = 1
KEPT_PAIRS = 1440
"""Latest pairs of scores that the rank correlation and the ratio rest on: a day of windows of a minute. The standard
error of a rank correlation of independent pairs is 1 / sqrt(n - 1), here 0.026 (Kendall and Gibbons 1990, 4.7)."""

_LEAST_PAIRS = 3  # below this a rank correlation says nothing
_THRESHOLD = 1.0  # of every model: see `models.manifest`


@dataclass(frozen=True, slots=True)
class Figures:
    """What a shadow showed.

    Attributes:
        windows: Judged by both.
        abstained: In which the shadow had no score and the active one had.
        only_active: Windows above the threshold for the active one alone.
        only_shadow: For the shadow alone.
        both: For both.
        rank_correlation: Spearman's, of the latest `KEPT_PAIRS` pairs, ties by their mean rank; NaN where all scores
            of one side are equal, or there are too few.
        ratio: Median of shadow's score over active's, of the same pairs; NaN where there is none above 0.
        errors: Passes in which the shadow raised, or took longer than it may.
        last_error: In words; "" = none.
    """

    windows: int = 0
    abstained: int = 0
    only_active: int = 0
    only_shadow: int = 0
    both: int = 0
    rank_correlation: float = math.nan
    ratio: float = math.nan
    errors: int = 0
    last_error: str = ""

    @property
    def disagreement(self) -> float:
        """Share of the windows in which one would have alarmed and the other not; NaN without windows."""
        return (self.only_active + self.only_shadow) / self.windows if self.windows else math.nan


@dataclass(slots=True)
class Agreement:
    """Adds up the windows of one shadow, over all its assets. Each window counts once, also where one is replayed.

    Attributes:
        model: "name@version" of the shadow.
        beside: "name@version" of the active one; with another one the count starts anew.
        scores: Asset, end of the window, the active one's score and the shadow's: the latest `KEPT_PAIRS`.

    The other attributes are those of `Figures`.
    """

    model: str
    beside: str
    windows: int = 0
    abstained: int = 0
    only_active: int = 0
    only_shadow: int = 0
    both: int = 0
    errors: int = 0
    last_error: str = ""
    _counted_to: dict[str, int] = field(default_factory=dict)
    scores: list[tuple[str, int, float, float]] = field(default_factory=list)

    def add(
        self, asset: str, ends: NDArray[np.int64], active: NDArray[np.float64], shadow: NDArray[np.float64]
    ) -> None:
        """Count windows of one asset.

        Args:
            asset: Whose.
            ends: int64[w], event time, ns; windows that end no later than one that was counted are left out.
            active: float64[w], scores; NaN = it abstained.
            shadow: float64[w], likewise.
        """
        new = ends > self._counted_to.get(asset, -(1 << 62))
        if not new.any():
            return
        self._counted_to[asset] = int(ends.max())
        judged = new & ~np.isnan(active)
        self.abstained += int(np.count_nonzero(judged & np.isnan(shadow)))
        judged &= ~np.isnan(shadow)
        first, second = active[judged], shadow[judged]
        above, also = first > _THRESHOLD, second > _THRESHOLD
        self.windows += len(first)
        self.both += int(np.count_nonzero(above & also))
        self.only_active += int(np.count_nonzero(above & ~also))
        self.only_shadow += int(np.count_nonzero(also & ~above))
        times = ends[judged].tolist()
        self.scores += zip([asset] * len(times), times, first.tolist(), second.tolist(), strict=True)
        del self.scores[:-KEPT_PAIRS]

    def failed(self, why: str) -> None:
        """The shadow raised, or took too long."""
        self.errors += 1
        self.last_error = why

    def figures(self) -> Figures:
        """As of now."""
        pairs = np.array([row[2:] for row in self.scores], dtype=np.float64).reshape(-1, 2)
        return Figures(
            self.windows,
            self.abstained,
            self.only_active,
            self.only_shadow,
            self.both,
            rank_correlation(pairs[:, 0], pairs[:, 1]),
            _ratio(pairs),
            self.errors,
            self.last_error,
        )

    def encode(self) -> bytes:
        """As JSON; scores to seven digits."""
        head: dict[str, Any] = {"schema": SCHEMA, **{name: getattr(self, name) for name in _COUNTED}}
        head["counted_to"] = self._counted_to
        head["scores"] = [[*row[:2], *(float(f"{score:.7g}") for score in row[2:])] for row in self.scores]
        return json.dumps(head, separators=(",", ":"), allow_nan=False).encode()


_COUNTED = ("model", "beside", "windows", "abstained", "only_active", "only_shadow", "both", "errors", "last_error")


def decode_agreement(data: bytes) -> Agreement:
    """Inverse of `Agreement.encode`.

    Raises:
        ValueError: It is of newer software, or damaged.
    """
    try:
        head = json.loads(data)
        if not isinstance(head, Mapping) or head.get("schema") != SCHEMA:
            msg = "it is of other software, or no such file"
            raise ValueError(msg)
        scores = [(str(row[0]), int(row[1]), float(row[2]), float(row[3])) for row in head["scores"]]
        counted = {str(asset): int(end) for asset, end in head["counted_to"].items()}
        return Agreement(**{name: head[name] for name in _COUNTED}, _counted_to=counted, scores=scores)
    except (KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        msg = f"it is damaged ({error})"
        raise ValueError(msg) from error


def rank_correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Spearman's rank correlation (scipy.stats.spearmanr): Pearson's of the ranks, ties by their mean rank."""
    if len(first) < _LEAST_PAIRS:
        return math.nan
    ranks = [_ranks(one) for one in (first, second)]
    centred = [one - one.mean() for one in ranks]
    spread = math.sqrt(float(centred[0] @ centred[0]) * float(centred[1] @ centred[1]))
    return float(centred[0] @ centred[1]) / spread if spread else math.nan


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean_rank: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2.0)[place]
    return mean_rank


def _ratio(pairs: NDArray[np.float64]) -> float:
    above = pairs[pairs[:, 0] > 0]
    return float(np.median(above[:, 1] / above[:, 0])) if len(above) else math.nan
