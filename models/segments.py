"""Samples of many windows and tags, laid end to end, and the sums that most features share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from models.context import Context

Column = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Segments:
    """Good samples of k segments (a segment = one tag in one window), one after the other.

    Shared intermediates are computed once, when the first feature asks. Each is made per segment from the samples of
    that segment alone and in their order, so a result does not depend, to the last bit, on what else is in the pass.

    Attributes:
        value: float64[m], time-ordered within a segment.
        time_s: float64[m], seconds since the window's start.
        offsets: int64[k + 1], rising from 0 to m; segment i is value[offsets[i]:offsets[i + 1]].
        context_of: Makes what is known beside; called once, when a feature asks. None = nothing is known.
    """

    value: Column
    time_s: Column
    offsets: NDArray[np.int64]
    context_of: Callable[[], Context] | None = None
    _shared: dict[Callable[[Segments], Any], Any] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def context(self) -> Context:
        """What is known beside the good samples."""
        return Context.unknown(len(self)) if self.context_of is None else self.context_of()

    def shared(self, make: Callable[[Segments], T]) -> T:
        """What `make` makes of these segments: once, for all features that ask for it."""
        if make not in self._shared:
            self._shared[make] = make(self)
        return cast("T", self._shared[make])

    def take(self, rows: NDArray[np.int64], offsets: NDArray[np.int64]) -> Segments:
        """Some segments, in order. `offsets` bound their samples, which must lie end to end here, too."""
        span = slice(offsets[0], offsets[-1])
        return Segments(self.value[span], self.time_s[span], offsets - offsets[0], lambda: self.context.take(rows))

    # What follows takes for granted that no segment is empty: features that ask for it are not handed any.

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Index of the first sample of each segment."""
        return self.offsets[:-1]

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """Index of the last sample of each segment."""
        return self.offsets[1:] - 1

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Samples in each segment."""
        return self.offsets[1:] - self.offsets[:-1]

    def sum(self, column: Column) -> Column:
        """Sum over each segment of a column of the length of `value` (pairwise summation)."""
        return np.add.reduceat(column, self.starts)

    def minus(self, column: Column, per_segment: Column) -> Column:
        """A column less one number per segment."""
        spread = np.repeat(per_segment, self.counts)
        return np.subtract(column, spread, out=spread)

    def mean_of(self, column: Column) -> Column:
        """Mean of a column over each segment."""
        return self.sum(column) / self.counts

    @cached_property
    def minimum(self) -> Column:
        """Smallest value of each segment."""
        return np.minimum.reduceat(self.value, self.starts)

    @cached_property
    def maximum(self) -> Column:
        """Largest value of each segment."""
        return np.maximum.reduceat(self.value, self.starts)

    @cached_property
    def mean(self) -> Column:
        """Arithmetic mean. Held between minimum and maximum, so that the mean of a constant is that constant."""
        return np.clip(self.mean_of(self.value), self.minimum, self.maximum)

    @cached_property
    def centred(self) -> Column:
        """Values less the mean of their segment."""
        return self.minus(self.value, self.mean)

    @cached_property
    def central_moments(self) -> tuple[Column, Column, Column]:
        """Second, third and fourth central moment (divided by n).

        Corrected two-pass algorithm (Chan, Golub, LeVeque 1983, eq. 1.7, carried to the higher moments): what the
        rounding of the mean left behind is taken out, so an offset of 1e9 under unit noise costs no digits.
        """
        square = self.centred * self.centred
        rest = self.mean_of(self.centred)
        power = square * self.centred
        m2, m3 = self.mean_of(square), self.mean_of(power)
        m4 = self.mean_of(np.multiply(square, square, out=power))
        return (
            np.maximum(m2 - rest**2, 0.0),
            m3 - 3 * rest * m2 + 2 * rest**3,
            m4 - 4 * rest * m3 + 6 * rest**2 * m2 - 3 * rest**4,
        )

    @cached_property
    def centred_time(self) -> Column:
        """Times less the mean time of their segment, seconds."""
        mean = np.clip(self.mean_of(self.time_s), self.time_s[self.starts], self.time_s[self.ends])
        return self.minus(self.time_s, mean)

    @cached_property
    def rms(self) -> Column:
        """Root mean square: sqrt(mean^2 + variance), which is the same and saves a pass."""
        return np.sqrt(self.mean**2 + self.central_moments[0])


def join(parts: Sequence[Segments]) -> Segments:
    """Lay segments of several blocks end to end, in order."""
    if len(parts) == 1:
        return parts[0]
    counts = np.concatenate([part.counts for part in parts])
    return Segments(
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.time_s for part in parts]),
        offsets_of(counts),
        lambda: Context.join([part.context for part in parts]),
    )


def ratio(above: Column, below: Column) -> Column:
    """Quotient; 0 where there is nothing to divide by."""
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0)


def offsets_of(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Offsets of segments of the given lengths: their running sum, with a 0 before it."""
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets
