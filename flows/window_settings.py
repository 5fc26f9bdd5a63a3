"""How windows of a fixed length are cut."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.durations import duration, to_ns
from flows.timing import Timing


@dataclass(frozen=True, init=False)
class WindowSettings(Timing):
    """Tumbling or hopping windows on event time, aligned to the epoch (1970-01-01T00:00Z).

    Window i of an asset covers [align + i * every, align + i * every + length). Durations are timedeltas or text such
    as "10s".

    Attributes:
        length: Of a window.
        every: From one start to the next. Equal to `length`: tumbling. Shorter: hopping; `length` is then a multiple
            of it, and each sample lies in length / every windows.
        align: Windows begin so long after the epoch and its multiples of `every`. For shifts that begin at 06:00 in a
            place that is an hour ahead of UTC: length "8h", align "5h". Only the rest after whole `every` counts.

    Raises:
        ValueError: A value cannot be; names field, value, rule and fix.
    """

    length: timedelta
    every: timedelta
    align: timedelta

    def __init__(
        self,
        length: str | timedelta,
        every: str | timedelta | None = None,
        lateness: str | timedelta = "1s",
        allowed_skew: str | timedelta = "10s",
        align: str | timedelta = "0s",
        follow_after: str | timedelta = "1min",
    ) -> None:
        self._set(length=length, every=length if every is None else every)
        self._must_last("length", "every")
        if self.every > self.length or self.length % self.every:
            msg = (
                f"every = {self.every}: the length {self.length} must be a whole multiple of it, or samples would lie "
                "in different numbers of windows; leave it out for tumbling windows"
            )
            raise ValueError(msg)
        self._set(align=duration(align, "align") % self.every)
        self._set_timing(lateness, allowed_skew, follow_after)

    @cached_property
    def length_ns(self) -> int:
        """`length` in ns."""
        return to_ns(self.length)

    @cached_property
    def every_ns(self) -> int:
        """`every` in ns."""
        return to_ns(self.every)

    @cached_property
    def align_ns(self) -> int:
        """`align` in ns."""
        return to_ns(self.align)

    def start_of(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Start of the last window that each of these times lies in."""
        start: NDArray[np.int64] = (times - self.align_ns) // self.every_ns * self.every_ns + self.align_ns
        return start

    def open_from(self, watermark: int) -> int:
        """Start of the earliest window that is still open at a watermark (a window closes when it reaches its end)."""
        return ((watermark - self.align_ns - self.length_ns) // self.every_ns + 1) * self.every_ns + self.align_ns

    def shape(self) -> dict[str, Any]:
        """What decides which windows are cut, as plain values."""
        shape = {"kind": "window", "length_us": self.length_ns // 1000, "every_us": self.every_ns // 1000}
        return {**shape, "align_us": self.align_ns // 1000}
