"""What bulk may cost: a budget of bytes a day, and the hours in which it may leave. Alerts are never held."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from cloud_sink.records import Lane

_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hours:
    """A span of each day by the clock on the wall of the site; over midnight where it ends before it begins.

    Attributes:
        start: Minute of the day, included.
        end: Minute of the day, excluded; the same as `start` = all day.
    """

    start: int
    end: int

    def hold(self, minute: int) -> bool:
        """Whether a minute of the day is within."""
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


def parse_hours(text: str) -> Hours:
    """Of "22:00-06:00".

    Raises:
        ValueError: Not in this form.
    """
    if match := _HOURS.match(text):
        a, b, c, d = map(int, match.groups())
        if a < 24 and b < 60 and d < 60 and (c < 24 or (c, d) == (24, 0)):
            return Hours(a * 60 + b, c * 60 + d)
    msg = "must be written as HH:MM-HH:MM, for example 22:00-06:00"
    raise ValueError(msg)


def local_time(ns: int) -> datetime:
    """In the time zone of this machine."""
    return datetime.fromtimestamp(ns // 10**9, UTC).astimezone()


class Allowance:
    """Asked before each upload and told after it. Days begin at midnight in the site's time zone."""

    def __init__(
        self,
        budget: int | None = None,
        hours: Sequence[Hours] = (),
        spent: int = 0,
        clock: Callable[[], int] = lambda: 0,
        local: Callable[[int], datetime] = local_time,
    ) -> None:
        """Begin a day, or go on with it.

        Args:
            budget: Bytes a day on the wire, alerts included; None = any.
            hours: When summaries may leave; () = always.
            spent: Bytes that left today before the start.
            clock: Wall clock, ns.
            local: Turns it into the time on the wall.
        """
        self._budget = budget
        self._hours = tuple(hours)
        self._clock = clock
        self._local = local
        self._spent = spent
        self._day: date = local(clock()).date()

    def allows(self, lane: Lane) -> bool:
        """Whether an object of a lane may leave now. Events are held by the budget only, alerts by nothing."""
        if lane is Lane.ALERT:
            return True
        now = self._today()
        if self._budget is not None and self._spent >= self._budget:
            return False
        minute = now.hour * 60 + now.minute
        return lane is Lane.EVENT or not self._hours or any(hours.hold(minute) for hours in self._hours)

    def spend(self, size: int) -> None:
        """So many bytes left. The last object of a day may go beyond the budget, never the one after it."""
        self._today()
        self._spent += size

    def _today(self) -> datetime:
        now = self._local(self._clock())
        if now.date() != self._day:
            self._day, self._spent = now.date(), 0
        return now
