"""How far a figure could have come out otherwise, had other files been recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    rng = np.random.default_rng(seed)
    drawn = [figure([parts[at] for at in rng.integers(len(parts), size=len(parts))]) for _ in range(draws)]
    low, high = np.nanquantile(drawn, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)
