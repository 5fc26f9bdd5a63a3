"""A tag as a step function of time: the last good value holds until the next sample; after a bad one nothing is known.

This is what a tag means that is sent on change only: a sample that stood for an hour weighs more than one that stood
for a second. The function runs from the window's start, with the value then in force if that is known, to its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.context import Context
from models.segments import Column, Segments, offsets_of

_HELD, _BAD, _GOOD = 0, 1, 2  # at one time: what held before, then what ended it, then what is known


@dataclass(frozen=True, eq=False)
class Steps:
    """Steps of known value of k segments, each with at least one.

    Attributes:
        value: float64[p], segment by segment in order of time.
        seconds: float64[p], how long each was in force.
        offsets: int64[k + 1], as of `Segments`.
    """

    value: Column
    seconds: Column
    offsets: NDArray[np.int64]

    def sum(self, column: Column) -> Column:
        """Sum over each segment of a column of the length of `value`."""
        return np.add.reduceat(column, self.offsets[:-1])

    @cached_property
    def weight(self) -> Column:
        """Share of each step in the known time of its segment; where no time passed, all weigh the same."""
        seconds, counts = self.sum(self.seconds), np.diff(self.offsets)
        timeless = np.repeat(seconds <= 0, counts)
        total = np.where(seconds > 0, seconds, counts)
        weight: Column = np.where(timeless, 1.0, self.seconds) / np.repeat(total, counts)
        return weight

    @cached_property
    def minimum(self) -> Column:
        """Smallest value of each segment."""
        return np.minimum.reduceat(self.value, self.offsets[:-1])

    @cached_property
    def maximum(self) -> Column:
        """Largest value of each segment."""
        return np.maximum.reduceat(self.value, self.offsets[:-1])

    @cached_property
    def mean(self) -> Column:
        """Time-weighted mean, held between minimum and maximum."""
        return np.clip(self.sum(self.value * self.weight), self.minimum, self.maximum)

    @cached_property
    def variance(self) -> Column:
        """Time-weighted mean square about `mean`."""
        centred = self.value - np.repeat(self.mean, np.diff(self.offsets))
        return self.sum(centred * centred * self.weight)


def steps(s: Segments) -> Steps:
    """The step functions of segments, each of which has a sample or a value in force."""
    context = s.context
    held = context.in_force
    if context.bad_time_s.size:
        return _with_holes(s, context, held)
    offsets = offsets_of(s.counts + held)
    first = offsets[:-1]
    value, time = np.empty(offsets[-1]), np.empty(offsets[-1])
    value[first[held]], time[first[held]] = context.held[held], 0.0
    place = np.arange(len(s.value)) + np.repeat(first + held - s.offsets[:-1], s.counts)
    value[place], time[place] = s.value, s.time_s
    return Steps(value, _durations(time, offsets, context), offsets)


def _with_holes(s: Segments, context: Context, held: NDArray[np.bool_]) -> Steps:
    """The same where bad samples end what holds."""
    number = np.arange(len(s))
    counts = (held.astype(np.int64), context.bad, s.counts)
    segment = np.concatenate([np.repeat(number, count) for count in counts])
    kind = np.repeat((_HELD, _BAD, _GOOD), [count.sum() for count in counts])
    time = np.concatenate([np.zeros(counts[0].sum()), context.bad_time_s, s.time_s])
    value = np.concatenate([context.held[held], np.full(len(context.bad_time_s), np.nan), s.value])
    order = np.lexsort((kind, time, segment))
    seconds = _durations(time[order], offsets_of(counts[0] + counts[1] + counts[2]), context)
    known = kind[order] != _BAD
    return Steps(value[order][known], seconds[known], offsets_of(counts[0] + counts[2]))


def _durations(time: Column, offsets: NDArray[np.int64], context: Context) -> Column:
    """From each time to the next of its segment, from the last one to the end of the window."""
    seconds = np.empty_like(time)
    np.subtract(time[1:], time[:-1], out=seconds[:-1])
    last = offsets[1:] - 1
    seconds[last] = np.maximum(context.length_s - time[last], 0.0)
    return seconds
