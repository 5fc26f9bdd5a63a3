"""The score of the Numenta Anomaly Benchmark: early hits earn most, each false alarm costs a little.

Lavin and Ahmad, "Evaluating Real-Time Anomaly Detection Algorithms", ICMLA 2015 (arXiv 1510.03336), version 1.1. With
position p relative to a window (-1 at its first row, 0 just after its last), s(p) = 2 / (1 + exp(5 p)) - 1:

- a window earns s of its first alarm over s(-1), or loses A_fn without one;
- an alarm outside loses A_fp times -s(p), p counted in widths of the last window before it; all of A_fp where there is
  none or it is more than 3 widths away;
- 100 (raw - null) / (perfect - null), summed over all files: 0 = a detector that is silent, 100 = perfect.

It is weak against blind guesses: a metronome earns much on data with dense events. Publish that row beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PROBATION_SHARE, PROBATION_MOST = 0.15, 750
"""Rows at the start of a file in which nothing counts: 15 %, at most 750 (NAB 1.1)."""

_FAR_AWAY = 3.0  # widths of a window


@dataclass(frozen=True, slots=True)
class Profile:
    """What an error costs, in hits.

    Attributes:
        false_alarm: A_fp.
        miss: A_fn.
    """

    false_alarm: float
    miss: float


STANDARD = Profile(0.11, 1.0)
LOW_FP = Profile(0.22, 1.0)
LOW_FN = Profile(0.11, 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class NabFile:
    """One stream.

    Attributes:
        score: float64[n]; higher = more anomalous. An alarm is a score at or above the threshold.
        windows: First and last row of each labelled window, in order, apart from each other.
        ignored: Rows at the start in which nothing counts; None = by NAB's rule, `probation`.
    """

    score: NDArray[np.float64]
    windows: Sequence[tuple[int, int]]
    ignored: int | None = None

    @property
    def first(self) -> int:
        """Row from which on alarms count."""
        return probation(len(self.score)) if self.ignored is None else self.ignored


def probation(n: int) -> int:
    """Rows at the start of a file of n rows that do not count."""
    return int(min(PROBATION_SHARE * n, PROBATION_MOST))


def sigmoid(position: NDArray[np.float64]) -> NDArray[np.float64]:
    """s(p), from about 1 far before the end of a window to -1 far after it."""
    value: NDArray[np.float64] = 2.0 / (1.0 + np.exp(5.0 * position)) - 1.0
    return value


def nab_gain(file: NabFile, threshold: float, profile: Profile = STANDARD) -> float:
    """What one file adds to a silent detector's score: `normalised` makes the score of several of their sum."""
    score, gain = _gains(file, profile)
    return float(gain[score >= threshold].sum())


def normalised(gain: float, windows: int, profile: Profile = STANDARD) -> float:
    """Score of files with so many windows in all; NaN without one: nothing could be earned."""
    return 100.0 * gain / ((1.0 + profile.miss) * windows) if windows else float("nan")


def nab_score(files: Sequence[NabFile], threshold: float, profile: Profile = STANDARD) -> float:
    """Normalised score of all files together at one threshold."""
    thresholds, scores = nab_curve(files, profile)
    at = int(np.searchsorted(-thresholds, -threshold, side="right")) - 1
    return float(scores[at]) if at >= 0 else 0.0


def best_threshold(files: Sequence[NabFile], profile: Profile = STANDARD) -> tuple[float, float]:
    """Threshold with the highest score on these files, and that score, as the official runner finds them.

    It looks at the labels: the score at this threshold is the score of NAB's own board, and a choice made on other
    files (leave-one-category-out) is what a plant would get.
    """
    thresholds, scores = nab_curve(files, profile)
    best = int(np.argmax(scores))
    return (float(thresholds[best]), float(scores[best])) if scores[best] > 0 else (float("inf"), 0.0)


def nab_curve(files: Sequence[NabFile], profile: Profile) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Normalised score at every threshold that makes a difference, from the highest threshold down.

    Returns:
        float64[thresholds] each.
    """
    parts = [_gains(file, profile) for file in files]
    score, gain = (np.concatenate(column) for column in zip(*parts, strict=True))
    values, kind = np.unique(-score, return_inverse=True)
    raw: NDArray[np.float64] = np.cumsum(np.bincount(kind, weights=gain, minlength=len(values)))
    whole = (1.0 + profile.miss) * sum(len(file.windows) for file in files)  # perfect - null
    normalised: NDArray[np.float64] = 100.0 * raw / whole
    return -values, normalised


def _gains(file: NabFile, profile: Profile) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What flagging each row changes, once all rows that score higher are flagged: float64[n] each, no probation."""
    n = len(file.score)
    gain = np.full(n, -profile.false_alarm)
    for at, (first, last) in enumerate(file.windows):
        width = last - first + 1
        until = file.windows[at + 1][0] if at + 1 < len(file.windows) else n
        away = np.arange(1, until - last) / max(width - 1, 1)
        gain[last + 1 : until] = profile.false_alarm * np.where(away > _FAR_AWAY, -1.0, sigmoid(away))
        inside = slice(first, last + 1)
        credit = sigmoid(-np.arange(width, 0, -1) / width) / sigmoid(np.array(-1.0))
        credit[: max(0, file.first - first)] = -profile.miss  # rows that can earn nothing
        order = np.argsort(-file.score[inside], kind="stable")
        best = np.maximum.accumulate(credit[order])
        gain[inside][order] = np.diff(best, prepend=-profile.miss)
    kept = slice(file.first, None)
    return file.score[kept], gain[kept]
