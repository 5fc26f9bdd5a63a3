"""The limit: which distance is worth an alarm, found on rows the detector had not seen.

In-sample limits lie: on a plant that was still warming up, a "1 %" quantile of the training scores gave about 100 %
false alarms. So the rows are cut into contiguous blocks, each is scored by a detector fitted on the others, and an
embargo on both sides keeps windows that share samples (or moments) from standing on both sides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from models.manifest import Calibration
from models.training_rows import BLOCKS

NS_PER_DAY = 86_400 * 10**9

EPISODES_FOR_A_QUANTILE = 10
"""Episodes the budget must allow over the recording before the budget itself can be calibrated: the relative error of
a Poisson count of 10 is about 30 %."""

MAX_SHARE_ABOVE = 0.01
"""Share of the held-out rows above the limit, whatever the budget: few but endless episodes are no good either."""

TAIL_SHARE = 0.1
"""Share of the held-out scores from which the tail is judged: peaks over a threshold (Pickands, Ann. Stat. 3, 1975)."""

RULE_OF_THREE = 3.0
"""Nothing seen in a time T: the rate is below 3 / T with 95 % confidence (Hanley and Lippman-Hand, JAMA 1983)."""

MAX_RATIO = 3.0  # held-out over in-sample maximum, above which the model does not carry over to unseen rows


class Detector(Protocol):
    """What can be calibrated: a scikit-learn estimator with our score, and `scale` among its parameters."""

    scale_: NDArray[np.float64]

    def fit(self, X: Any, y: object = None) -> Self:  # noqa: N803
        """Fit on float64[n, p]."""
        ...

    def set_params(self, **params: Any) -> Self:
        """scikit-learn's."""
        ...

    def anomaly_score(self, X: Any) -> NDArray[np.float64]:  # noqa: N803
        """Scores float64[n]; higher = more anomalous."""
        ...


def heldout_scores(detector: Detector, rows: NDArray[np.float64], embargo: int) -> NDArray[np.float64]:
    """Score of each row by a clone of the detector fitted on the other blocks, with the scale of all of them.

    Args:
        detector: Not touched.
        rows: float64[n, p], finite, in time order, n >= `training_rows.least_rows(embargo)`.
        embargo: Rows left out of the fit on both sides of the scored block: ceil(window length / window every).
    """
    scores = np.empty(len(rows))
    scale = clone(detector).fit(rows).scale_
    edges = np.linspace(0, len(rows), BLOCKS + 1).astype(np.int64)
    for start, end in pairwise(edges):
        seen = np.concatenate([rows[: max(0, start - embargo)], rows[end + embargo :]])
        scores[start:end] = clone(detector).set_params(scale=scale).fit(seen).anomaly_score(rows[start:end])
    return scores


def calibrate(
    detector: Detector,
    rows: NDArray[np.float64],
    *,
    every_ns: int,
    embargo: int,
    budget_per_day: float = 1.0,
    margin: float = 1.5,
) -> Calibration:
    """Find the limit of a detector of rows of one asset; see `limit_of`.

    Args:
        detector: With `limit` 1.0, so that its scores are raw; not touched.
        rows: float64[n, p], finite, in time order.
        every_ns: Time from one row to the next.
        embargo: See `heldout_scores`.
        budget_per_day: False-alarm episodes a day that are acceptable.
        margin: Largest factor on the largest held-out score, >= 1.
    """
    return limit_of(
        [heldout_scores(detector, rows, embargo)],
        in_sample=float(clone(detector).fit(rows).anomaly_score(rows).max()),
        blocks=BLOCKS,
        embargo=embargo,
        every_ns=every_ns,
        budget_per_day=budget_per_day,
        margin=margin,
    )


def limit_of(
    heldout: Sequence[NDArray[np.float64]],
    *,
    in_sample: float,
    blocks: int,
    embargo: int,
    every_ns: int,
    budget_per_day: float,
    margin: float,
) -> Calibration:
    """Find the limit. Deterministic; nothing is drawn by chance.

    Where the recording is long enough for the budget to allow ten episodes, the limit is the lowest one that keeps
    the held-out episodes within the budget. Otherwise the data cannot carry the budget, and what is promised is only
    what the recording can vouch for: the limit is the largest held-out score, which came once in the time of the
    recording, carried on along an exponential tail to what would come once in the time of the budget, and at most that
    score times the margin. On Tennessee Eastman, a day long, that gave 0.5 and 1.1 false-alarm episodes a day for a
    budget of 1, and found 92.7 % instead of the 84.5 % of the margin alone. Where no held-out score is above 0, one
    unit of the detector is the limit.

    Args:
        heldout: Scores of each asset in time order, each by a model that had not seen the row; finite.
        in_sample: Largest score of rows that it had seen.
        blocks: The held-out scores came from so many.
        embargo: And with this embargo.
        every_ns: Time from one row of an asset to the next.
        budget_per_day: False-alarm episodes of an asset and day that are acceptable.
        margin: Largest factor on the largest held-out score, >= 1.
    """
    scores = np.concatenate(heldout)
    largest = float(scores.max())
    days = len(scores) * every_ns / NS_PER_DAY
    allowed = int(budget_per_day * days)
    if allowed >= EPISODES_FOR_A_QUANTILE:
        method, factor = "budget", 1.0
        apart = [part for asset in heldout for part in (asset, [-np.inf])]  # no episode runs on in another asset
        limit = max(
            lowest_limit(np.concatenate(apart[:-1]), allowed), float(np.quantile(scores, 1.0 - MAX_SHARE_ABOVE))
        )
        at_most = allowed / days
    else:
        method, factor = "max_times_margin", min(_tail_factor(scores, budget_per_day * days), margin)
        limit = largest * factor
        at_most = RULE_OF_THREE / days
    return Calibration(
        limit=limit if limit > 0 else 1.0,
        method=method,
        margin=factor,
        blocks=blocks,
        embargo=embargo,
        rows=len(scores),
        days=days,
        budget_per_day=budget_per_day,
        false_alarms_per_day_at_most=at_most,
        heldout_over_in_sample=largest / in_sample if in_sample > 0 else 1.0,
    )


def _tail_factor(scores: NDArray[np.float64], episodes: float) -> float:
    """By what the largest score is to be multiplied so that it comes once in the time of one episode, and not earlier.

    Args:
        scores: float64[n].
        episodes: That the budget allows in the time of the scores.
    """
    threshold = float(np.quantile(scores, 1.0 - TAIL_SHARE))
    above = scores[scores > threshold]
    largest = float(scores.max())
    if episodes >= 1.0 or largest <= 0.0 or not len(above):
        return 1.0
    return 1.0 + float((above - threshold).mean()) * math.log(1.0 / episodes) / largest


def doubts(calibration: Calibration) -> list[str]:
    """What a reader of the limit must know, in sentences."""
    found = []
    if calibration.method != "budget":
        found.append(
            f"{calibration.rows} windows over {calibration.covers} cannot carry a budget of "
            f"{calibration.budget_per_day:g} false alarms a day; the limit is the largest held-out score x "
            f"{calibration.margin:.3g}, which vouches for at most {calibration.false_alarms_per_day_at_most:.3g} a day"
        )
    ratio = calibration.heldout_over_in_sample
    if ratio > MAX_RATIO:
        found.append(
            f"unseen rows score {ratio:.1f} x higher than seen ones, at most {MAX_RATIO:g} is healthy: the recording "
            "is too short or the plant drifts, and faults smaller than that will not be seen; record longer"
        )
    return found


def episodes(above: NDArray[np.bool_]) -> int:
    """Number of runs of True."""
    return int(np.count_nonzero(above[1:] & ~above[:-1])) + int(above[:1].sum())


def lowest_limit(scores: NDArray[np.float64], allowed: int) -> float:
    """The lowest limit such that it, and every higher one, has at most `allowed` episodes of scores above it.

    Args:
        scores: float64[n] in time order.
        allowed: At least 0.
    """
    above = np.zeros(len(scores) + 2, dtype=np.bool_)  # one cell of room on both sides
    count = 0
    values, rank = np.unique(-scores, return_inverse=True)
    order = np.argsort(rank, kind="stable")
    ends = np.cumsum(np.bincount(rank))
    begin = 0
    for value, end in zip(values, ends, strict=True):  # from the largest score down, ties together
        for at in order[begin:end] + 1:
            count += 1 - int(above[at - 1]) - int(above[at + 1])
            above[at] = True
        if count > allowed:
            return float(-value)
        begin = end
    return float(scores[np.isfinite(scores)].min())
