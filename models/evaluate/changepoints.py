"""How soon changes are told: the changepoint score of SKAB's board, a variant of NAB's.

Each changepoint opens a window of 60 s, cut short where the next one begins. The first alarm in it earns

    y = (A_tp - A_fp) / 2 (1 - tanh(x) / tanh(pi / 2)) + A_fp,  x from -pi/2 at the changepoint to pi/2 at the end,

a window without one loses A_fn, each alarm outside all windows A_fp; 0 = silent, 100 = perfect (the scorer of
waico/SKAB, its coefficients). Blind toggling every 30 s earns 60 by the standard coefficients: only `LOW_FP` tells
detectors apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.evaluate.nab import LOW_FP, Profile

WINDOW_S = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """One stream.

    Attributes:
        changed_s: float64[changepoints], rising.
        alarms_s: float64[alarms], rising.
    """

    changed_s: NDArray[np.float64]
    alarms_s: NDArray[np.float64]


def changepoint_score(files: Sequence[Changes], profile: Profile = LOW_FP, window_s: float = WINDOW_S) -> float:
    """Normalised score of all files together; NaN where nothing ever changed."""
    raw, changes = 0.0, 0
    for file in files:
        outside = np.ones(len(file.alarms_s), dtype=np.bool_)
        for start, following in pairwise([*file.changed_s, np.inf]):
            end = min(start + window_s, following)
            inside = (file.alarms_s >= start) & (file.alarms_s <= end) & (file.alarms_s < following)
            outside &= ~inside
            raw += (
                _worth((file.alarms_s[inside][0] - start) / (end - start), profile) if inside.any() else -profile.miss
            )
        raw -= profile.false_alarm * np.count_nonzero(outside)
        changes += len(file.changed_s)
    whole = (1.0 + profile.miss) * changes
    return float(100.0 * (raw + profile.miss * changes) / whole) if whole else float("nan")


def after_dead_time(alarms_s: NDArray[np.float64], dead_s: float) -> NDArray[np.float64]:
    """Alarms that are told, where one silences all for a while; rising."""
    told: list[float] = []
    for at in alarms_s:
        if not told or at - told[-1] > dead_s:
            told.append(float(at))
    return np.array(told)


def _worth(position: float, profile: Profile) -> float:
    """Of a hit at 0 (the changepoint) to 1 (the end of its window)."""
    x = math.pi * (position - 0.5)
    least = -profile.false_alarm
    return (1.0 - least) / 2.0 * (1.0 - math.tanh(x) / math.tanh(math.pi / 2.0)) + least
