"""What all kinds of windows have in common: how long they wait, and which clocks they believe."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from flows.durations import duration, to_ns

_NONE = timedelta(0)


@dataclass(frozen=True, init=False)
class Timing:
    """How event time moves. Durations are timedeltas or text such as "10s".

    Attributes:
        lateness: How far the watermark stays behind the newest source time of the asset: disorder up to this loses
            nothing, and a window is decided this much later.
        allowed_skew: A sample stamped further than this ahead of its reception is dropped and counted as
            "clock_skew", so that one wild timestamp does not close every window.
        follow_after: When for so long, by received time, all live samples of the asset were late or dropped as skewed,
            a clock was set for good: the windows follow it.

    Raises:
        ValueError: A value cannot be; names field, value, rule and fix.
    """

    lateness: timedelta
    allowed_skew: timedelta
    follow_after: timedelta

    def _set_timing(
        self, lateness: str | timedelta, allowed_skew: str | timedelta, follow_after: str | timedelta
    ) -> None:
        self._set(lateness=lateness, allowed_skew=allowed_skew, follow_after=follow_after)
        for name in ("lateness", "allowed_skew"):
            if getattr(self, name) < _NONE:
                msg = f'{name} = {getattr(self, name)}: must not be negative; "0s" is the least'
                raise ValueError(msg)
        self._must_last("follow_after")

    def _set(self, **values: str | timedelta) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, duration(value, name))

    def _must_last(self, *names: str) -> None:
        for name in names:
            if getattr(self, name) <= _NONE:
                msg = f'{name} = {getattr(self, name)}: must be longer than nothing, such as "10s"'
                raise ValueError(msg)

    @cached_property
    def lateness_ns(self) -> int:
        """`lateness` in ns."""
        return to_ns(self.lateness)

    @cached_property
    def allowed_skew_ns(self) -> int:
        """`allowed_skew` in ns."""
        return to_ns(self.allowed_skew)

    @cached_property
    def follow_after_ns(self) -> int:
        """`follow_after` in ns."""
        return to_ns(self.follow_after)
