"""Features of a tag as a step function of time: the right ones where samples come at irregular times.

They are also there for a window without a sample, as long as the value in force when it began is known.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.features.registry import Function, family, feature
from models.features.step_function import Steps, steps
from models.segments import Column, Segments

_SOURCE = "OPC 10000-13 (Aggregates), {}, stepped, bad intervals left out"


@feature(
    "tw_mean",
    unit="u",
    formula="sum(x d) / sum(d), d = seconds for which x was in force",
    source=_SOURCE.format("TimeAverage2"),
    over="held",
)
def _tw_mean(s: Segments) -> Column:
    return s.shared(steps).mean


@feature(
    "tw_std",
    unit="u",
    formula="sqrt(sum((x - tw_mean)^2 d) / sum(d))",
    source="numpy.average with weights, of the squared deviations",
    over="held",
    spread=True,
)
def _tw_std(s: Segments) -> Column:
    return np.sqrt(s.shared(steps).variance)


@feature(
    "tw_rms",
    unit="u",
    formula="sqrt(sum(x^2 d) / sum(d))",
    source="root mean square of a step function",
    over="held",
)
def _tw_rms(s: Segments) -> Column:
    known = s.shared(steps)
    return np.sqrt(known.mean**2 + known.variance)


@feature(
    "tw_min",
    unit="u",
    formula="min(x), with the value in force at the start",
    source=_SOURCE.format("Minimum2"),
    over="held",
)
def _tw_min(s: Segments) -> Column:
    return s.shared(steps).minimum


@feature(
    "tw_max",
    unit="u",
    formula="max(x), with the value in force at the start",
    source=_SOURCE.format("Maximum2"),
    over="held",
)
def _tw_max(s: Segments) -> Column:
    return s.shared(steps).maximum


@feature(
    "tw_last",
    unit="u",
    formula="last good x, or the value in force at the start",
    source="value in force at the end of the window",
    over="held",
)
def _tw_last(s: Segments) -> Column:
    known = s.shared(steps)
    return known.value[known.offsets[1:] - 1]


@feature(
    "travel",
    unit="u",
    formula="sum(|x[i+1] - x[i]|), from the value in force at the start",
    source="total variation of a step function; tsfresh absolute_sum_of_changes",
    over="held",
    spread=True,
)
def _travel(s: Segments) -> Column:
    known = s.shared(steps)
    moves = np.zeros_like(known.value)
    np.subtract(known.value[1:], known.value[:-1], out=moves[:-1])
    moves[known.offsets[1:] - 1] = 0.0
    return known.sum(np.abs(moves, out=moves))


@family(
    "time_above",
    unit="s",
    formula="seconds for which x > {limit} was in force",
    source="integral of the indicator of a step function",
    over="held",
)
def time_above(limit: float) -> Function:
    """How long a value above a limit was in force; the limit is in the tag's unit."""

    def function(s: Segments) -> Column:
        known = s.shared(steps)
        return _seconds(known, known.value > limit)

    return function


@family(
    "time_in_state",
    unit="s",
    formula="seconds for which x = {value} was in force",
    source=_SOURCE.format("DurationInStateNonZero"),
    over="held",
)
def time_in_state(value: float) -> Function:
    """How long a state (a number, true = 1) was in force."""

    def function(s: Segments) -> Column:
        known = s.shared(steps)
        return _seconds(known, known.value == value)

    return function


def _seconds(known: Steps, where: NDArray[np.bool_]) -> Column:
    return known.sum(np.where(where, known.seconds, 0.0))
