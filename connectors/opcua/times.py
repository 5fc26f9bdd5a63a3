"""The event time of a value: which of its timestamps is believed, and when a value holds that did not change."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from connectors.opcua.columns import Values
from connectors.opcua.layout import EPOCH_TICKS
from connectors.samples import Origin

NS_PER_TICK = 100
# A clock that was never set says 1601 or 1970, and what int64 nanoseconds cannot hold lies beyond 2262. Outside of this
# range a timestamp is no timestamp, not even in a history. The bounds are 1980-01-01 and 2200-01-01.
FIRST_TICK = EPOCH_TICKS + 315_532_800 * 10_000_000
LAST_TICK = EPOCH_TICKS + 7_258_118_400 * 10_000_000

Initial = Literal["as_now", "as_is"]


@dataclass(frozen=True, slots=True)
class TimePolicy:
    """What is believed.

    Attributes:
        past: A timestamp that lies further before the receipt is not.
        ahead: A timestamp that lies further after it is not.
        initial: Time of a value that was asked for and is older than `fresh`: now, or when it last changed.
        fresh: See `initial`.
    """

    past: timedelta = timedelta(days=7)
    ahead: timedelta = timedelta(seconds=10)
    initial: Initial = "as_now"
    fresh: timedelta = timedelta(seconds=1)


class EventTimes:
    """Knows which values were asked for: the first of every tag on a new subscription, and what is read."""

    def __init__(self, scalar: NDArray[np.bool_], counters: Counter[str], policy: TimePolicy) -> None:
        """No subscription has begun.

        Args:
            scalar: bool[tags]; an array keeps its own time, it does not hold now.
            counters: Counted here: "time_substituted" (another than the source time), "time_received" (of these: the
                time of receipt), "time_as_now".
            policy: What is believed.
        """
        self._scalar = scalar
        self._counters = counters
        self._policy = policy
        self._past, self._ahead, self._fresh = (
            span // timedelta(microseconds=1) * 1000 for span in (policy.past, policy.ahead, policy.fresh)
        )
        self._first = np.zeros(len(scalar), dtype=np.bool_)  # the next value of the tag is the first one
        self._any_first = False
        self._read = np.zeros(len(scalar), dtype=np.int64)  # source ticks of what was read last
        self._offset = 0  # the server's clock less ours

    def begin(self, server_time: int | None, now: int) -> None:
        """A new subscription: every next value was asked for. The server's clock, if it tells, and ours, in ns."""
        self._first[:] = True
        self._any_first = True
        offset = 0 if server_time is None else server_time - now
        # A server whose clock is not believed in its timestamps is not believed here either.
        self._offset = offset if -self._past <= offset <= self._ahead else 0

    def of(
        self, values: Values, received_time: int, origin: Origin = Origin.LIVE, *, read: bool = False
    ) -> NDArray[np.int64]:
        """Event time of every value, ns.

        Args:
            values: Of one message; a handle beyond the tags is treated as never asked for.
            received_time: ns since the epoch.
            origin: A history may be as old as it likes.
            read: They were read and so hold at this moment.
        """
        # What is old does not hold now, and it leaves the first value of a new subscription to be told.
        old = origin is Origin.BACKFILLED
        asked = np.zeros(len(values), dtype=np.bool_) if old else self._asked(values.handle, read=read)
        low, high = FIRST_TICK, LAST_TICK
        received = received_time // NS_PER_TICK + EPOCH_TICKS
        if not old:
            low = max(low, received - self._past // NS_PER_TICK)
            high = min(high, received + self._ahead // NS_PER_TICK)
        # What has not changed for a month has a source time of a month ago, and rightly so.
        lows = np.where(asked, FIRST_TICK, low) if asked.any() else low
        ticks = values.source
        no_source = (ticks < lows) | (ticks > high)
        if no_source.any():
            self._counters["time_substituted"] += int(np.count_nonzero(no_source))
            ticks = np.where(no_source, values.server, values.source)
        no_time = (ticks < lows) | (ticks > high)
        if no_time.any():
            self._counters["time_received"] += int(np.count_nonzero(no_time))
            ticks = np.where(no_time, received, ticks)
        times: NDArray[np.int64] = (ticks - EPOCH_TICKS) * NS_PER_TICK
        times[no_time] = received_time
        if self._policy.initial == "as_now" and asked.any():
            self._hold_now(values, times, asked, received_time + self._offset, read=read)
        return times

    def _asked(self, handles: NDArray[np.uint32], *, read: bool) -> NDArray[np.bool_]:
        known = handles < len(self._first)
        asked = known & read
        if self._any_first:
            rows = np.flatnonzero(known)
            rows = rows[self._first[handles[rows]]]
            rows = rows[np.unique(handles[rows], return_index=True)[1]]
            self._first[handles[rows]] = False
            self._any_first = bool(self._first.any())
            asked[rows] = True
        return asked

    def _hold_now(
        self, values: Values, times: NDArray[np.int64], asked: NDArray[np.bool_], now: int, *, read: bool
    ) -> None:
        """Move what did not change lately to now: the server says that it holds at this moment."""
        rows = np.flatnonzero(asked)
        handles = values.handle[rows]
        rows, handles = rows[self._scalar[handles]], handles[self._scalar[handles]]
        old = times[rows] < now - self._fresh
        if read:  # the same value twice: the second one is of now
            old |= (values.source[rows] == self._read[handles]) & (times[rows] < now)
            self._read[handles] = values.source[rows]
        times[rows[old]] = now
        self._counters["time_as_now"] += int(np.count_nonzero(old))
