"""Whether windows still look like those a model was trained on: distribution against baseline, column by column. Pure.

A column is one feature of one tag; the last one is the score. Two figures are made of the same counts:

`gap`  The largest distance between the two distribution functions on the baseline's decile edges (Kolmogorov's, on a
       grid), in standard errors. It decides. The standard error comes from batch means (Schmeiser 1982, Batch size
       effects in the analysis of simulation output, Oper. Res. 30): counts of contiguous batches vary more where
       windows overlap or resemble their neighbours, and that excess over independent windows widens it; so does what
       batches still have to do with one another. A t value of BATCHES - 1 degrees of freedom then holds a declared
       rate of false alarms; columns and edges share it equally (Bonferroni), however they hang together.
`psi`  The population stability index, sum((a - e) ln(a / e)) over the ten bins (Siddiqi 2006, Credit Risk Scorecards;
       a divergence of Jeffreys 1946). It tells people how far apart they are. It does not decide alone: a fixed limit
       such as 0.2 ignores how many windows there are, and the index is near (1 / n + 1 / m) chi-square without drift
       (Yurdakul and Naranjo 2020, J. Risk Model Validation 14) only where windows know nothing of each other.

What cannot be seen is dependence that outlasts a few batches, or the recording that was trained on: the period has to
be many times as long as the slowest thing that is normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.baseline import BINS, Baseline
from models.student import critical

BATCHES = 24  # a day in hours; fewer make t wide, more make batches too short
BATCH = 40  # windows: counts fit a byte, sums of their squares 16 bits
PERIOD = BATCHES * BATCH  # windows that are judged together
EDGES = BINS - 1
LEAST_PSI = 0.1  # less, though real, is usually called no change (Siddiqi 2006): 0.3 sd of a Gaussian
LEAST_CHANCE = 1e-11  # for one edge; float64 tells a quantile of t up to here

_MOST_LIKE = 0.9  # correlation of neighbouring batches; beyond, 24 of them cannot tell it


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What the windows of a model are held against.

    Attributes:
        model: "name@version".
        tags: In the order of its rows.
        features: Of each tag.
        edges: float64[columns, 9].
        below: float64[columns, 9], share of the baseline at or below each edge.
        shares: float64[columns, 10].
        rows: float64[columns], how many rows that rests on.
        every_ns: From the start of one window to the next.
        fingerprint: Tells it from another one of the same name.
    """

    model: str
    tags: tuple[str, ...]
    features: tuple[str, ...]
    edges: NDArray[np.float64]
    below: NDArray[np.float64]
    shares: NDArray[np.float64]
    rows: NDArray[np.float64]
    every_ns: int
    fingerprint: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Names: "tag.feature" of each, then "score"."""
        return (*(f"{tag}.{feature}" for tag in self.tags for feature in self.features), "score")


def reference_of(
    baseline: Baseline,
    *,
    model: str,
    tags: tuple[str, ...],
    features: tuple[str, ...],
    rows: int,
    score_rows: int,
    every_ns: int,
    fingerprint: str,
) -> Reference:
    """Lay the columns of a baseline side by side; see `Reference`."""
    edges = np.vstack([baseline.edges.reshape(-1, EDGES), baseline.score_edges])
    shares = np.vstack([baseline.shares.reshape(-1, BINS), baseline.score_shares])
    below = np.cumsum(shares, axis=1)[:, :EDGES].clip(0.0, 1.0)
    counted = np.append(np.full(len(edges) - 1, float(rows)), float(score_rows))
    return Reference(model, tags, features, edges, below, shares, counted, every_ns, fingerprint)


def at_or_below(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which edges each value does not exceed: of float64[n, columns] and float64[columns, 9], bool[n, columns, 9]."""
    marks: NDArray[np.bool_] = values[:, :, None] <= edges
    return marks


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Of a period of n assets: float64[n, columns, 9] each.

    Attributes:
        below: Windows at or below each edge.
        squares: Sum over the batches of their counts squared.
        products: Sum of each batch's count times that of the next.
        first: Count of the first batch.
        last: Count of the last one.
    """

    below: NDArray[np.float64]
    squares: NDArray[np.float64]
    products: NDArray[np.float64]
    first: NDArray[np.float64]
    last: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """Of n assets at the end of their period.

    Attributes:
        gap: float64[n, columns], in standard errors; see the module.
        psi: float64[n, columns].
        limit: Of `gap`.
    """

    gap: NDArray[np.float64]
    psi: NDArray[np.float64]
    limit: float

    @property
    def drifted(self) -> NDArray[np.bool_]:
        """bool[n, columns]: not by chance, and enough to matter."""
        return (self.gap > self.limit) & (self.psi >= LEAST_PSI)


def limit_of(chance: float, columns: int) -> float:
    """Of `gap`, so that any of the columns exceeds it with probability `chance` at most in a period without drift."""
    return critical(max(chance / (columns * EDGES), LEAST_CHANCE), BATCHES - 1)


def judge(counts: Counts, of: Reference, *, stride: int, limit: float) -> Verdicts:
    """Hold a period against the baseline.

    Args:
        counts: Of the period.
        of: The baseline.
        stride: One window in so many was counted. The rows of the baseline are worth as many times less: what makes
            neighbouring windows alike, and does not show in thinned ones, made its rows alike.
        limit: See `limit_of`.
    """
    rows = np.maximum(1.0, of.rows / stride)[:, None]
    smooth = (rows * of.below + 0.5) / (rows + 1.0)  # never 0 or 1, for a share of 0 was not measured exactly either
    single = smooth * (1.0 - smooth)
    error = np.sqrt(_excess(counts, single.sum(axis=1))[:, :, None] * single * (1.0 / PERIOD + 1.0 / rows))
    gap = (np.abs(counts.below / PERIOD - of.below) / error).max(axis=2)
    return Verdicts(gap, _psi(counts.below, of.shares, rows), limit)


def _excess(counts: Counts, single: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many times more the mean of a period varies than with independent windows: float64[n, columns], at least 1.

    One factor for all edges of a column: the spread at a single far edge is small by chance just where its count is
    off, and would make much of it.
    """
    mean = counts.below / BATCHES
    squares = (counts.squares - BATCHES * mean**2).sum(axis=2)
    ends = counts.first + counts.last
    together = (counts.products - mean * (2 * counts.below - ends) + (BATCHES - 1) * mean**2).sum(axis=2)
    spread = squares * BATCHES / (BATCHES - 1)
    with np.errstate(invalid="ignore", divide="ignore"):  # 0 / 0 where all batches are the same
        alike = np.nan_to_num(together / squares) + 1.0 / BATCHES  # its bias, Marriott and Pope 1954, Biometrika 41
    alike = alike.clip(0.0, _MOST_LIKE)
    # As for a first-order autoregression of the batches
    excess: NDArray[np.float64] = np.maximum(1.0, spread / (PERIOD * single) * (1.0 + alike) / (1.0 - alike))
    return excess


def _psi(below: NDArray[np.float64], shares: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """With half a row more in each bin of both (Jeffreys' prior), so that an empty bin has a logarithm."""
    bins = np.diff(below, axis=2, prepend=0.0, append=float(PERIOD))
    actual = (bins + 0.5) / (PERIOD + 0.5 * BINS)
    expected = (rows * shares + 0.5) / (rows + 0.5 * BINS)
    index: NDArray[np.float64] = ((actual - expected) * np.log(actual / expected)).sum(axis=2)
    return index
