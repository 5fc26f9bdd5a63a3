"""How windows are cut whose length the data decide: sessions of activity, and so many samples each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from flows.durations import to_ns
from flows.timing import Timing


@dataclass(frozen=True, init=False)
class SessionSettings(Timing):
    """Windows of activity on event time: a stretch of samples of the asset with no gap between two of them.

    A window begins with its first sample and ends 1 ns after its last. Durations are timedeltas or text such as "10s".

    Attributes:
        gap: Time without any sample of the asset, of whatever tag and quality, that ends a session.
        max_length: A session that goes on is cut so long after its first sample; at least `gap`.

    Raises:
        ValueError: A value cannot be; names field, value, rule and fix.
    """

    gap: timedelta
    max_length: timedelta

    def __init__(
        self,
        gap: str | timedelta,
        max_length: str | timedelta = "1h",
        lateness: str | timedelta = "1s",
        allowed_skew: str | timedelta = "10s",
        follow_after: str | timedelta = "1min",
    ) -> None:
        self._set(gap=gap, max_length=max_length)
        self._must_last("gap", "max_length")
        if self.max_length < self.gap:
            msg = f"max_length = {self.max_length}: must not be shorter than gap = {self.gap}; make it longer"
            raise ValueError(msg)
        self._set_timing(lateness, allowed_skew, follow_after)

    @cached_property
    def gap_ns(self) -> int:
        """`gap` in ns."""
        return to_ns(self.gap)

    @cached_property
    def max_length_ns(self) -> int:
        """`max_length` in ns."""
        return to_ns(self.max_length)

    def shape(self) -> dict[str, Any]:
        """What decides which windows are cut, as plain values."""
        return {"kind": "session", "gap_us": self.gap_ns // 1000, "max_length_us": self.max_length_ns // 1000}


@dataclass(frozen=True, init=False)
class CountSettings(Timing):
    """Windows of so many samples of the asset, in the order of event time.

    A window begins with its first sample and ends 1 ns after its last. Samples of the same source time are never torn
    apart, so that a window may hold a few more than it should.

    Attributes:
        count: Samples that fill a window, whatever their quality.
        tag: Only samples of this tag are counted; the others go into the window in whose time they lie. "" = all are
            counted. An asset that lacks the tag has windows of `max_length`.
        max_length: A window that is not full by then is cut so long after its first sample.

    Raises:
        ValueError: A value cannot be; names field, value, rule and fix.
    """

    count: int
    tag: str
    max_length: timedelta

    def __init__(
        self,
        count: int,
        tag: str = "",
        max_length: str | timedelta = "1h",
        lateness: str | timedelta = "1s",
        allowed_skew: str | timedelta = "10s",
        follow_after: str | timedelta = "1min",
    ) -> None:
        if count < 1:
            msg = f"count = {count}: must be at least 1; the more, the less a window costs"
            raise ValueError(msg)
        object.__setattr__(self, "count", count)
        object.__setattr__(self, "tag", tag)
        self._set(max_length=max_length)
        self._must_last("max_length")
        self._set_timing(lateness, allowed_skew, follow_after)

    @cached_property
    def max_length_ns(self) -> int:
        """`max_length` in ns."""
        return to_ns(self.max_length)

    def shape(self) -> dict[str, Any]:
        """What decides which windows are cut, as plain values."""
        shape = {"kind": "count", "count": self.count, "tag": self.tag}
        return {**shape, "max_length_us": self.max_length_ns // 1000}
