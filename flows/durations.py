"""Durations as people write them."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

_UNITS_US = {"ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)\s*", re.ASCII)
_MAX_US = timedelta.max // timedelta(microseconds=1)


def duration(value: str | timedelta, name: str = "duration") -> timedelta:
    """Parse "250ms", "10s", "1.5min", "1h" or "2d"; a timedelta is handed back.

    Args:
        value: A number and a unit out of ms, s, min, h, d.
        name: What the value is called where it was written; leads the error message.

    Raises:
        ValueError: Not a duration, finer than a microsecond, or longer than a timedelta holds.
    """
    if isinstance(value, timedelta):
        return value
    match = _WRITTEN.fullmatch(value)
    if match is None:
        msg = f'{name} = {value!r}: not a duration; write a number and a unit out of ms, s, min, h, d, such as "10s"'
        raise ValueError(msg)
    microseconds = Decimal(match[1]) * _UNITS_US[match[2]]
    if microseconds != int(microseconds):
        msg = f'{name} = {value!r}: durations are whole microseconds; round it, such as "1ms"'
        raise ValueError(msg)
    if microseconds > _MAX_US:
        msg = f"{name} = {value!r}: longer than {timedelta.max.days} days; write a shorter one"
        raise ValueError(msg)
    return timedelta(microseconds=int(microseconds))


def to_ns(value: timedelta) -> int:
    """Whole nanoseconds, exactly."""
    return value // timedelta(microseconds=1) * 1_000
