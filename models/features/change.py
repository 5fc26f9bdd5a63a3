"""How the samples follow one another: slope, steps, crossings, memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.features.registry import Function, family, feature, refuse
from models.segments import Column, Segments, ratio


@feature(
    "slope",
    unit="u/s",
    formula="sum((t - mean(t)) (x - mean)) / sum((t - mean(t))^2), 0 without spread in time",
    source="ordinary least squares, scipy.stats.linregress",
)
def _slope(s: Segments) -> Column:
    product = s.centred_time * s.centred
    shared = s.sum(product)
    return ratio(shared, s.sum(np.multiply(s.centred_time, s.centred_time, out=product)))


@feature(
    "mean_abs_change",
    unit="u",
    formula="sum(|x[i+1] - x[i]|) / (n - 1), 0 where n = 1",
    source="tsfresh mean_abs_change",
    spread=True,
)
def _mean_abs_change(s: Segments) -> Column:
    steps = np.empty_like(s.value)
    np.subtract(s.value[1:], s.value[:-1], out=steps[:-1])
    steps[s.ends] = 0.0  # the step into the next segment belongs to neither
    return ratio(s.sum(np.abs(steps, out=steps)), np.maximum(s.counts - 1, 1).astype(np.float64))


@feature(
    "zero_crossings",
    unit="",
    formula="number of i with (x[i] > 0) != (x[i+1] > 0)",
    source="tsfresh number_crossing_m, m=0",
)
def _zero_crossings(s: Segments) -> Column:
    return _turns(s, s.value > 0)


@feature(
    "mean_crossings",
    unit="",
    formula="number of i with (x[i] > mean) != (x[i+1] > mean)",
    source="tsfresh number_crossing_m, m=mean",
)
def _mean_crossings(s: Segments) -> Column:
    return _turns(s, s.centred > 0)


@family(
    "crossings",
    unit="",
    formula="number of i with (x[i] > {level}) != (x[i+1] > {level})",
    source="tsfresh number_crossing_m",
)
def crossings(level: float) -> Function:
    """How often a level is passed, up or down; the level is in the tag's unit."""
    return lambda s: _turns(s, s.value > level)


@family(
    "autocorrelation",
    unit="",
    formula="sum((x[i] - mean) (x[i+{lag}] - mean)) / ((n - {lag}) m2), 0 where n <= {lag} or m2 = 0",
    source="tsfresh autocorrelation",
)
def autocorrelation(lag: float = 1) -> Function:
    """Correlation with what came `lag` samples before."""
    if lag < 1 or lag != int(lag):
        refuse("autocorrelation", "lag", lag, "a whole number of samples from 1", "Write 1 for the next sample.")
    return lambda s: _autocorrelation(s, int(lag))


def _turns(s: Segments, above: NDArray[np.bool_]) -> Column:
    turns = np.zeros(len(above))
    np.not_equal(above[1:], above[:-1], out=turns[:-1], casting="unsafe")
    turns[s.ends] = 0.0
    return s.sum(turns)


def _autocorrelation(s: Segments, lag: int) -> Column:
    product = np.zeros_like(s.value)
    if lag < len(product):
        np.multiply(s.centred[:-lag], s.centred[lag:], out=product[:-lag])
    last = s.ends[:, None] - np.arange(min(lag, int(s.counts.max())))  # their partners lie in another segment
    product[np.maximum(last, s.starts[:, None])] = 0.0
    left = s.counts - lag
    return np.where(left > 0, ratio(s.sum(product), left * s.central_moments[0]), 0.0)
