"""Order statistics: all of them from one sort of every segment."""

from __future__ import annotations

import numpy as np

from models.features.registry import Function, family, feature, refuse
from models.segments import Column, Segments


def ordered(s: Segments) -> Column:
    """Values of each segment in rising order, end to end as they were.

    Rows of equal length are sorted as one matrix, which numpy does several samples at a time. Where lengths differ,
    rows are filled up to the next power of two with infinity, which no good sample is and which sorts behind them.
    """
    # Leaves no negative zero: which of two zeros came first would be luck.
    value: Column = s.value + 0.0
    counts = s.counts
    if (counts == counts[0]).all():
        value.reshape(len(s), counts[0]).sort(axis=1)
        return value
    out: Column = np.empty_like(value)
    widths = 1 << np.ceil(np.log2(counts)).astype(np.int64)
    for width in np.unique(widths):
        rows = np.flatnonzero(widths == width)
        column = np.arange(width)
        filled = column < counts[rows, None]
        place = (s.starts[rows, None] + column)[filled]
        matrix = np.full((len(rows), width), np.inf)
        matrix[filled] = value[place]
        matrix.sort(axis=1)
        out[place] = matrix[filled]
    return out


def quantile_of(s: Segments, q: float) -> Column:
    """The q-quantile of each segment, linear between its neighbours."""
    rising = s.shared(ordered)
    place = q * (s.counts - 1)
    low = np.floor(place).astype(np.int64)
    below = rising[s.starts + low]
    above = rising[s.starts + np.minimum(low + 1, s.counts - 1)]
    between: Column = np.clip(below + (above - below) * (place - low), below, above)
    return between


@family(
    "quantile",
    unit="u",
    formula="x sorted, at {q} (n - 1), linear between neighbours",
    source="numpy.quantile, method=linear (Hyndman and Fan 1996, definition 7)",
)
def quantile(q: float) -> Function:
    """The q-quantile, 0 <= q <= 1."""
    if not 0 <= q <= 1:
        refuse("quantile", "q", q, "from 0 to 1", "Write 0.9 for what nine of ten samples do not exceed.")
    return lambda s: quantile_of(s, q)


@feature("median", unit="u", formula="quantile at 0.5", source="numpy.median")
def _median(s: Segments) -> Column:
    return quantile_of(s, 0.5)


@feature("iqr", unit="u", formula="quantile at 0.75 - quantile at 0.25", source="scipy.stats.iqr", spread=True)
def _iqr(s: Segments) -> Column:
    return quantile_of(s, 0.75) - quantile_of(s, 0.25)
