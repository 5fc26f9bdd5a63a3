"""One alert for one thing: an alert silences equal and lower ones for a while, and only a worse one gets through."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def without_repeats(score: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """Scores that would be told, at any threshold; 0 elsewhere.

    Args:
        score: float64[n], not negative, NaN = none.
        rows: For how long a score that was told silences equal and lower ones.
    """
    told = np.zeros(len(score))
    silencing: list[int] = []  # rows that were told, their scores falling
    for at in np.flatnonzero(score > 0):
        while silencing and score[silencing[-1]] < score[at]:
            silencing.pop()  # the newcomer outlasts it
        silencing = [earlier for earlier in silencing if at - earlier <= rows]
        if not silencing:
            told[at] = score[at]
            silencing.append(int(at))
    return told
