"""Quantiles of Student's t, which the libraries a gateway carries do not have."""

from __future__ import annotations

import math

_HALVINGS = 200  # of an interval: far more than a float64 can tell apart


def two_sided(t: float, freedom: int) -> float:
    """Probability of |T| > t for T of Student's distribution; Abramowitz and Stegun 1964, 26.7.3 (odd degrees).

    Args:
        t: At least 0.
        freedom: Degrees of freedom, odd and at least 3.
    """
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    term = total = cosine
    for k in range(2, freedom - 1, 2):
        term *= cosine * cosine * k / (k + 1)
        total += term
    return 1 - 2 / math.pi * (angle + math.sin(angle) * total)


def critical(alpha: float, freedom: int) -> float:
    """The t with P(|T| > t) = alpha.

    Args:
        alpha: From 1e-12 (below, float64 cannot tell 1 - alpha from 1) to 1.
        freedom: Degrees of freedom, odd and at least 3.
    """
    low, high = 0.0, 1.0
    while two_sided(high, freedom) > alpha:
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if two_sided(middle, freedom) > alpha:
            low = middle
        else:
            high = middle
    return high
