"""How windows are cut."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from flows.durations import duration, to_ns

_NONE = timedelta(0)


@dataclass(frozen=True, init=False)
class WindowSettings:
    """Tumbling or hopping windows on event time, aligned to the epoch (1970-01-01T00:00Z).

    Window i of an asset covers [i * every, i * every + length). Durations are timedeltas or text such as "10s".

    Attributes:
        length: Of a window.
        every: From one start to the next. Equal to `length`: tumbling. Shorter: hopping; `length` is then a multiple
            of it, and each sample lies in length / every windows.
        lateness: How far the watermark stays behind the newest source time of the asset: disorder up to this loses
            nothing, and a window is decided this much later.
        allowed_skew: A sample stamped further than this ahead of its reception is dropped and counted as
            "clock_skew", so that one wild timestamp does not close every window.

    Raises:
        ValueError: A value cannot be; names field, value, rule and fix.
    """

    length: timedelta
    every: timedelta
    lateness: timedelta
    allowed_skew: timedelta

    def __init__(
        self,
        length: str | timedelta,
        every: str | timedelta | None = None,
        lateness: str | timedelta = "1s",
        allowed_skew: str | timedelta = "10s",
    ) -> None:
        values = {
            "length": duration(length, "length"),
            "every": duration(length if every is None else every, "every"),
            "lateness": duration(lateness, "lateness"),
            "allowed_skew": duration(allowed_skew, "allowed_skew"),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        for name in ("length", "every"):
            if values[name] <= _NONE:
                msg = f'{name} = {values[name]}: must be longer than nothing, such as "10s"'
                raise ValueError(msg)
        for name in ("lateness", "allowed_skew"):
            if values[name] < _NONE:
                msg = f'{name} = {values[name]}: must not be negative; "0s" is the least'
                raise ValueError(msg)
        if self.every > self.length or self.length % self.every:
            msg = (
                f"every = {self.every}: the length {self.length} must be a whole multiple of it, or samples would lie "
                "in different numbers of windows; leave it out for tumbling windows"
            )
            raise ValueError(msg)

    @cached_property
    def length_ns(self) -> int:
        """`length` in ns."""
        return to_ns(self.length)

    @cached_property
    def every_ns(self) -> int:
        """`every` in ns."""
        return to_ns(self.every)

    @cached_property
    def lateness_ns(self) -> int:
        """`lateness` in ns."""
        return to_ns(self.lateness)

    @cached_property
    def allowed_skew_ns(self) -> int:
        """`allowed_skew` in ns."""
        return to_ns(self.allowed_skew)

    def open_from(self, watermark: int) -> int:
        """Start of the earliest window that is still open at a watermark (a window closes when it reaches its end)."""
        return ((watermark - self.length_ns) // self.every_ns + 1) * self.every_ns

    def with_shape(self, length_us: int, every_us: int) -> WindowSettings:
        """The same but for the windows it cuts."""
        length, every = timedelta(microseconds=length_us), timedelta(microseconds=every_us)
        return WindowSettings(length, every, self.lateness, self.allowed_skew)
