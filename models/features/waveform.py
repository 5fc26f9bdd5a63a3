"""Evenly spaced stretches of waveforms, batched by length, and their spectra: what spectral features start from.

The rule: of every waveform tag the longest run in its window is taken whose samples follow one another within 10 % of
the expected interval. A waveform that comes in bursts with holes between them is never read across a hole. Without a
run of `SHORTEST` samples, and for a tag that is no waveform or whose sampling rate is not known, the feature is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from models.features.registry import Function
from models.segments import Column, Segments

SHORTEST = 64  # samples of a run: with fewer there are not six octaves of lines
JITTER = 0.1  # of the interval: a step that is off by more ends a run
Matrix = NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Waves:
    """Runs of r segments that share length and sampling rate.

    Attributes:
        rows: int64[r], which segments.
        value: float64[r, n], less their mean.
        rate: Samples a second.
        unit: str[r], of the tag.
    """

    rows: NDArray[np.int64]
    value: Matrix
    rate: float
    unit: NDArray[np.str_]
    _shared: dict[Callable[..., Any], Any] = field(default_factory=dict, init=False, repr=False)

    def shared(self, make: Callable[[Waves], T]) -> T:
        """What `make` makes of these runs: once, for all features that ask for it."""
        if make not in self._shared:
            self._shared[make] = make(self)
        return cast("T", self._shared[make])

    @property
    def n(self) -> int:
        """Samples of each run."""
        return int(self.value.shape[1])

    @cached_property
    def frequency(self) -> Column:
        """float64[n // 2 + 1], Hz: of the lines of the spectra."""
        frequency: Column = np.arange(self.n // 2 + 1, dtype=np.float64) * (self.rate / self.n)
        return frequency

    @cached_property
    def transform(self) -> NDArray[np.complex128]:
        """complex128[r, n // 2 + 1], one-sided Fourier transform, no window."""
        return np.fft.rfft(self.value, axis=1)

    @cached_property
    def hann(self) -> NDArray[np.complex128]:
        """The same with a periodic Hann window, which in the frequency domain is a sum of three neighbours."""
        plain = self.transform
        out = plain * 0.5
        out[:, 1:] -= plain[:, :-1] * 0.25
        out[:, :-1] -= plain[:, 1:] * 0.25
        out[:, 0] -= plain[:, 1].conj() * 0.25
        out[:, -1] -= plain[:, -2 if self.n % 2 == 0 else -1].conj() * 0.25
        return out

    @cached_property
    def power(self) -> Matrix:
        """float64[r, n // 2 + 1], unit^2: mean square in each line of the Hann periodogram.

        scipy.signal.periodogram(x, rate, "hann", detrend="constant", scaling="density"), times rate / n.
        """
        power = self.hann.real**2 + self.hann.imag**2
        power *= 2.0 / (self.n**2 * 0.375)  # 3/8 = mean square of the window
        power[:, 0] *= 0.5
        if self.n % 2 == 0:
            power[:, -1] *= 0.5
        return power

    def lines(self, low: float, high: float) -> slice:
        """The lines with low <= f < high; none where the band reaches beyond half the sampling rate."""
        if high > self.rate / 2 * (1 + 1e-9):
            return slice(0, 0)
        step = self.rate / self.n
        first, stop = (int(np.ceil(edge / step * (1 - 1e-12))) for edge in (low, high))
        return slice(first, stop)


def of_waves(function: Callable[[Waves], Column]) -> Function:
    """A feature's function from one that takes runs of one length and rate to float64[r]."""

    def over_segments(s: Segments) -> Column:
        out = np.full(len(s), np.nan)
        for waves in s.shared(waves_of):
            out[waves.rows] = function(waves)
        return out

    over_segments.__qualname__ = function.__qualname__
    return over_segments


def waves_of(s: Segments) -> list[Waves]:
    """The longest even run of each waveform, by length and rate."""
    context = s.context
    wave = context.waveform & (context.interval_s > 0)
    if not wave.any():
        return []
    rows, first, count = _longest_runs(s, context.interval_s, wave)
    rate = 1.0 / context.interval_s[rows]
    out = []
    for length, per_second in sorted(set(zip(count.tolist(), rate.tolist(), strict=True))):
        mine = np.flatnonzero((count == length) & (rate == per_second))
        value = _matrix(s.value, first[mine], length)
        mean = np.clip(value.mean(axis=1), value.min(axis=1), value.max(axis=1))  # of a constant: that constant
        out.append(Waves(rows[mine], value - mean[:, None], per_second, context.unit[rows[mine]]))
    return out


def _longest_runs(
    s: Segments, interval_s: Column, wave: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Segment, first sample and length of the longest run (the earliest of equals) of each that has a long one."""
    step = np.diff(s.time_s)
    expected = np.repeat(interval_s, s.counts)[1:]
    starts = np.ones(len(s.value), dtype=np.bool_)
    np.greater(np.abs(step - expected), JITTER * expected, out=starts[1:])
    starts[s.starts] = True
    first = np.flatnonzero(starts)
    count = np.diff(first, append=len(s.value))
    segment = np.repeat(np.arange(len(s)), s.counts)[first]
    fit = (count >= SHORTEST) & wave[segment]
    first, count, segment = first[fit], count[fit], segment[fit]
    best = np.lexsort((first, -count, segment))
    segment, chosen = np.unique(segment[best], return_index=True)
    return segment, first[best][chosen], count[best][chosen]


def _matrix(value: Column, first: NDArray[np.int64], length: int) -> Matrix:
    """Stretches of equal length as rows."""
    if (np.diff(first) == length).all():  # the usual case: they touch
        return value[first[0] : first[0] + len(first) * length].reshape(len(first), length)
    gathered: Matrix = value[first[:, None] + np.arange(length)]
    return gathered
