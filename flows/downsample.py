"""A curve with few points that still shows every extreme. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


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
        (ms since `start_ns`, value), each one of the samples; the value to six digits, more than a picture shows.

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
    return tuple(zip(((time_ns - start_ns) / 1e6).tolist(), _six_digits(value).tolist(), strict=True))


def _six_digits(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """The nearest numbers of six significant decimal digits: short as text, which is how they travel."""
    size = np.abs(value)
    digits = np.floor(np.log10(size, out=np.zeros_like(size), where=size > 0)) - 5
    large = np.power(10.0, np.maximum(digits, 0))
    small = np.power(10.0, np.clip(-digits, 0, 300))
    short: NDArray[np.float64] = np.where(digits > 0, np.round(value / large) * large, np.round(value * small) / small)
    return short


def _extremes(value: NDArray[np.float64], stretches: int) -> NDArray[np.int64]:
    """Positions of the lowest and the highest of each stretch, ascending, none twice."""
    n = len(value)
    stretch = np.arange(n) * stretches // n
    order = np.lexsort((value, stretch))
    first = np.searchsorted(stretch, np.arange(stretches))
    last = np.append(first[1:], n) - 1
    return np.unique(np.concatenate([order[first], order[last]]))
