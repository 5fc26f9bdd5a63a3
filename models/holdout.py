"""The hold-out: rows of normal operation, later than all that was fitted or calibrated on, and what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import TrainingRefused
from models.manifest import THRESHOLD

MAX_FALSE_ALARMS = 0.2  # share of the hold-out above the threshold


@dataclass(frozen=True, slots=True)
class ScoreSummary:
    """Scores of the hold-out.

    Attributes:
        rows: Number of them.
        median: Of the scores.
        p99: Of the scores.
        largest: Of the scores.
        above: Share above the threshold.
    """

    rows: int
    median: float
    p99: float
    largest: float
    above: float


def summary_of(scores: NDArray[np.float64], warnings: list[str]) -> ScoreSummary:
    """Of the scores of the hold-out; NaN = none.

    Args:
        scores: float64[n].
        warnings: Sentences are added to it.

    Raises:
        TrainingRefused: Too many of them are above the limit, or none is a number.
    """
    score = scores[np.isfinite(scores)]
    if not len(score):
        rule = "none of the windows kept back has a score: too few, or a tag was missing in all of them"
        raise TrainingRefused("holdout", len(scores), rule, "record longer, or leave that tag out")
    above = float(np.mean(score > THRESHOLD))
    said = f"{above:.1%} of the {len(score)} hold-out windows score above the threshold"
    if above > MAX_FALSE_ALARMS:
        raise TrainingRefused(
            "holdout",
            f"{above:.1%}",
            f"{said}, at most {MAX_FALSE_ALARMS:.0%} may: the end of the recording is not like its beginning",
            "record longer, or leave out the time in which the plant was still changing",
        )
    if above > 0:
        warnings.append(said)
    return ScoreSummary(
        rows=len(score),
        median=float(np.median(score)),
        p99=float(np.quantile(score, 0.99)),
        largest=float(score.max()),
        above=above,
    )
