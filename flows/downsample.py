"""A curve with few points that still shows every extreme. Pure."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_DIGITS = 4  # of the span
_MS = 1_000_000


def downsample(
    time_ns: NDArray[np.int64], value: NDArray[np.float64], start_ns: int, points: int
) -> tuple[tuple[float, float], ...]:
    """At most `points` of these samples, in order of time; what `Trace.points` holds.

    All of them where they are few enough. Else they are cut into stretches of about equally many samples, and the
    lowest and the highest of each stay: the minimum and the maximum of the whole are always among them. Equal values
    count as the earliest for the lowest, as the latest for the highest. What is not finite is left out.

    Args:
        time_ns: int64[n], event time, in any order.
        value: float64[n].
        start_ns: What the times are counted from.
        points: At least 2.

    Returns:
        (ms since `start_ns`, value), each one of the samples; the value to less than a thousandth of what they span.

    Raises:
        ValueError: Too few points.
    """
    if points < 2:
        msg = f"points = {points}: a minimum and a maximum need 2 at least"
        raise ValueError(msg)
    finite = np.isfinite(value)
    if not finite.all():
        time_ns, value = time_ns[finite], value[finite]
    if (time_ns[1:] < time_ns[:-1]).any():
        order = time_ns.argsort(kind="stable")
        time_ns, value = time_ns[order], value[order]
    n = len(value)
    if n > points:
        kept = _extremes(value, points // 2)
        time_ns, value = time_ns[kept], value[kept]
    return tuple(zip(_since(time_ns, start_ns), _rounded(value).tolist(), strict=True))


def _rounded(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """To less than a thousandth of what they span, which no picture shows: short as text, which is how they travel."""
    span = float(np.maximum.reduce(value) - np.minimum.reduce(value)) if len(value) else 0.0
    if not 1e-200 < span < 1e200:  # all alike, or beyond what can be scaled
        return value
    return np.round(value, _DIGITS - math.floor(math.log10(span)))


def _since(time_ns: NDArray[np.int64], start_ns: int) -> list[float]:
    """In ms; whole numbers where all are, which are quick to write."""
    since = time_ns - start_ns
    ms: list[float] = (since / 1e6).tolist() if np.logical_or.reduce(since % _MS) else (since // _MS).tolist()
    return ms


def _extremes(value: NDArray[np.float64], stretches: int) -> NDArray[np.int64]:
    """Positions of the lowest and the highest of each stretch, ascending, none twice."""
    n = len(value)
    stretch = np.arange(n) * stretches // n
    order = np.lexsort((value, stretch))
    first = np.searchsorted(stretch, np.arange(stretches))
    last = np.append(first[1:], n) - 1
    return np.unique(np.concatenate([order[first], order[last]]))
