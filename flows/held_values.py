"""The value in force when a window begins: the last good one of each tag before its start."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LEAST_TAIL = 64  # samples; where all tags are sampled in turn, a look at so few finds the last of each


def nothing_held(tags: int) -> NDArray[np.float64]:
    """No tag has had a good sample yet."""
    return np.full(tags, np.nan)


def held_after(held: NDArray[np.float64], tag: NDArray[np.uint16], value: NDArray[np.float64]) -> NDArray[np.float64]:
    """What is in force after more samples.

    Args:
        held: float64[T], before them. Is left as it is: closed windows share it.
        tag: Of the samples, in order of time.
        value: Not finite = not good; such a sample changes nothing.
    """
    tail = max(_LEAST_TAIL, 4 * len(held))
    fresh = np.empty(len(held))
    fresh.fill(np.nan)
    fresh.put(tag[-tail:], value[-tail:])  # of several for one tag, numpy leaves the last
    if np.count_nonzero(np.isfinite(fresh)) == len(held):
        return fresh
    good = np.isfinite(value)
    fresh = held.copy()
    fresh[tag[good]] = value[good]
    return fresh


def held_at(
    held: NDArray[np.float64], tag: NDArray[np.uint16], value: NDArray[np.float64], first: NDArray[np.int64]
) -> NDArray[np.float64]:
    """float64[w, T]: what is in force at the start of w windows.

    Args:
        held: float64[T], in force before the first of the samples.
        tag: Of the samples, in order of time.
        value: Not finite = not good.
        first: int64[w], ascending: how many of the samples lie before each window.
    """
    if len(first) == 1 and not first[0]:
        return held[None]
    rows, at = [], 0
    for before in first.tolist():
        if before > at:
            held = held_after(held, tag[at:before], value[at:before])
            at = before
        rows.append(held)
    return np.stack(rows)
