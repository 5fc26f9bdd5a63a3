"""From values and times to places on paper, and where to put ticks. Pure."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass

MS = 10**6
_SECOND, _MINUTE, _HOUR, _DAY = 10**9, 60 * 10**9, 3600 * 10**9, 86_400 * 10**9
_STEPS = (
    *(m * 10**e for e in range(6, 9) for m in (1, 2, 5)),
    *(n * _SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 6, 12)),
)


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight line from a domain to places.

    Attributes:
        low: Start of the domain.
        high: Its end, above `low`.
        first: Place of `low`.
        last: Place of `high`.
    """

    low: float
    high: float
    first: float
    last: float

    def __call__(self, value: float) -> float:
        """The place of a value."""
        return self.first + (value - self.low) / (self.high - self.low) * (self.last - self.first)


def value_domain(values: Iterable[float]) -> tuple[float, float]:
    """A little more than the finite values span; never empty."""
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=1.0)
    margin = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
    return low - margin, high + margin


def value_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values within the domain, 1, 2 or 5 times a power of ten apart."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((m * power for m in (1, 2, 5) if m * power >= raw), 10 * power)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [number * step for number in range(first, last + 1)]


def time_ticks(low: int, high: int, most: int = 6) -> list[tuple[int, str]]:
    """Round times, ns since the epoch, within the domain, and their texts in UTC."""
    raw = max(1, (high - low) // most)
    step = next((step for step in _STEPS if step >= raw), math.ceil(raw / _DAY) * _DAY)
    return [(at, _time_text(at, step)) for at in range(-(-low // step) * step, high + 1, step)]


def _time_text(at: int, step: int) -> str:
    time = dt.datetime.fromtimestamp(at // _SECOND, dt.UTC)
    if step >= _DAY:
        return f"{time:%m-%d}"
    if step >= _MINUTE:
        return f"{time:%H:%M}"
    return f"{time:%H:%M:%S}" + (f".{at % _SECOND // MS:03}" if step < _SECOND else "")
