"""When an asset is out of service: once, or on days of the week. In event time. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_AROUND = 8  # days looked at before and after: every weekly period has begun and ended within them
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Once:
    """From `start` to `end`, ns since the epoch, exclusive.

    Raises:
        ValueError: It ends before it begins.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end <= self.start:
            msg = "to: must be after from"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class Weekly:
    """On some days of the week, from one time of the day to another.

    Attributes:
        days: Of "mon" to "sun", on which it begins.
        start: Local time.
        end: Local time; at or before `start`: on the next day.
        zone: Whose local time. Where clocks are changed, it is their time that counts.
    """

    days: tuple[str, ...]
    start: time
    end: time
    zone: ZoneInfo

    def around(self, now: datetime) -> Iterator[tuple[int, int]]:
        """Those that begin within some days of `now`, ns since the epoch."""
        today = now.astimezone(self.zone).date()
        for ahead in range(-_AROUND, _AROUND + 1):
            day = today + ahead * _DAY
            if DAYS[day.weekday()] in self.days:
                last = day if self.end > self.start else day + _DAY
                start, end = self._ns(day, self.start), self._ns(last, self.end)
                if start < end:  # the hour that a change of clocks leaves out is no time
                    yield start, end

    def _ns(self, day: date, at: time) -> int:
        return round(datetime.combine(day, at, self.zone).timestamp()) * 10**9


@dataclass(frozen=True, slots=True)
class Look:
    """What the calendar says of a moment.

    Attributes:
        on: Maintenance is going on.
        since: It has been so since, ns; 0 where nothing came before.
        until: The next change; None = there is none. Looking again then tells.
    """

    on: bool
    since: int
    until: int | None


@dataclass(frozen=True, slots=True)
class Maintenance:
    """The calendar of one asset; periods may overlap."""

    periods: tuple[Once | Weekly, ...] = ()

    def look(self, now: int) -> Look:
        """At event time `now`, ns."""
        since = 0
        for start, end in self._merged(now):
            if now < start:
                return Look(on=False, since=since, until=start)
            if now < end:
                return Look(on=True, since=start, until=end)
            since = end
        return Look(on=False, since=since, until=None)

    def _merged(self, now: int) -> list[tuple[int, int]]:
        """What lies around `now`, in order, without overlaps."""
        when = datetime.fromtimestamp(now // 10**9, UTC)
        found: list[tuple[int, int]] = []
        for period in self.periods:
            found += [(period.start, period.end)] if isinstance(period, Once) else period.around(when)
        merged: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged


NONE = Maintenance()
