"""How far a figure could have come out otherwise, had other files been recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

Part = TypeVar("Part")


def interval(
    parts: Sequence[Part],
    figure: Callable[[Sequence[Part]], float],
    *,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap (Efron, 1979) over whole files: rows of one file are no independent witnesses.

    Args:
        parts: One per file (counts, scores, ...).
        figure: Of any number of parts.
        draws: With replacement, each as many as there are parts.
        level: Share of the draws between the two ends.
        seed: The same seed, the same interval.

    Returns:
        Lower and upper end; draws whose figure is NaN do not count.
    """
    return resampled(parts, lambda drawn: {"": figure(drawn)}, draws=draws, level=level, seed=seed)[""]


def resampled(
    parts: Sequence[Part],
    figures: Callable[[Sequence[Part]], Mapping[str, float]],
    *,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """`interval` of several figures at once, by name; without those that are NaN in every draw."""
    rng = np.random.default_rng(seed)
    drawn = [figures([parts[at] for at in rng.integers(len(parts), size=len(parts))]) for _ in range(draws)]
    ends = {}
    for name in drawn[0]:
        values = np.array([one[name] for one in drawn])
        if np.isfinite(values).any():
            low, high = np.nanquantile(values, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
            ends[name] = (float(low), float(high))
    return ends
