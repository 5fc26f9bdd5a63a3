"""Which rows a target is to get next: live ones before the backlog of an outage, else in order of arrival.

What a target has already stays in the file for as long as another one lacks it. Nobody may read past all of that again
and again, so it is remembered here how far there is nothing left for this target; a start forgets it and looks anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cloud_sink.outbox.database import Database
from cloud_sink.records import Lane
from cloud_sink.settings import BatchSettings

_DAY_NS = 86_400 * 10**9
_EVER, _NEVER = -(2**62), 2**62

_ROW = (int, str, int, int)
_WANTED = "NOT EXISTS (SELECT 1 FROM progress WHERE progress.seq = outbox.seq AND progress.target = ?)"
_BY_ARRIVAL = "FROM outbox INDEXED BY outbox_waiting WHERE lane = ? AND state = 0 AND seq >= ?"
_BY_TIME = "FROM outbox INDEXED BY outbox_summaries WHERE state = 0 AND lane = 2 AND time >= ?"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A row that is to be frozen."""

    seq: int
    key: str
    time: int
    size: int


class Choice:
    """For one target. For one thread."""

    def __init__(
        self,
        database: Database,
        target: str,
        batches: BatchSettings,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Look at nothing yet; all there is now is backlog.

        Args:
            database: The deliverer's connection.
            target: Whose rows.
            batches: What goes together.
            monotonic: Steady clock, s.
        """
        self._database = database
        self._target = target
        self._batches = batches
        self._monotonic = monotonic
        self._first_seen: dict[int, float] = {}  # a summary bucket, and since when we know of it
        self.look_anew()
        self.all_is_backlog()

    def all_is_backlog(self) -> None:
        """What arrives from now on is live and goes before what is there now."""
        self._live_from = self._last_seq() + 1
        self._live: dict[Lane, int] = {}

    def look_anew(self) -> None:
        """Rows that had been frozen wait again."""
        self._waiting_from: dict[Lane, int] = {}
        self._time_from = _EVER  # no summary before this event time waits
        self._times_seen = self._last_seq()  # last row whose time is taken into account there

    def newest(self, lane: Lane) -> int:
        """Number of the last row of a lane that waits for some target; 0 = none."""
        rows = self._database.execute(f"SELECT seq {_BY_ARRIVAL} ORDER BY seq DESC LIMIT 1", (lane, 0))
        return int(rows[0][0]) if rows else 0

    def oldest(self, lane: Lane, limit: int) -> list[Chosen]:
        """Alerts or events, of one UTC day, in order of arrival; () = none waits.

        Args:
            lane: Not the summaries'.
            limit: Most rows.
        """
        rows = self._from(lane, self._live, self._live_from, limit)
        rows = rows or self._from(lane, self._waiting_from, 0, limit)
        day = rows[0].time // _DAY_NS if rows else 0
        return self._fitting([row for row in rows if row.time // _DAY_NS == day])

    def _from(self, lane: Lane, start: dict[Lane, int], least: int, limit: int) -> list[Chosen]:
        """Rows of a lane from where the last look ended; then this one's end is where the next begins."""
        last = self._last_seq()  # before looking: what comes meanwhile is for the next look
        rows = self._database.rows(
            f"SELECT seq, key, time, size {_BY_ARRIVAL} AND {_WANTED} ORDER BY seq LIMIT ?",
            (lane, start.get(lane, least), self._target, limit),
            *_ROW,
        )
        start[lane] = rows[0][0] if rows else last + 1
        return [Chosen(*row) for row in rows]

    def ready_bucket(self, *, flush: bool) -> int | None:
        """Start of a summary bucket whose file can be closed: the first live one, else the oldest.

        Args:
            flush: Whether it can or not.
        """
        times = (self._live_time(), self._oldest_time())
        starts = [at // self._bucket_ns * self._bucket_ns for at in times if at is not None]
        if not starts:
            return None
        now = self._monotonic()
        self._first_seen = {start: self._first_seen.get(start, now) for start in starts}
        newest = self._newest_time()
        for start in starts:
            full = newest >= start + self._bucket_ns + round(self._batches.grace.total_seconds() * 10**9)
            waited = now - self._first_seen[start] >= self._batches.max_wait.total_seconds()
            if full or waited or flush:
                return start
        return None

    def _newest_time(self) -> int:
        """How far event time has come, whoever has the row."""
        rows = self._database.execute(f"SELECT time {_BY_TIME} ORDER BY time DESC LIMIT 1", (_EVER,))
        return int(rows[0][0]) if rows else _EVER

    def _live_time(self) -> int | None:
        rows = self._from(Lane.SUMMARY, self._live, self._live_from, 1)
        return rows[0].time if rows else None

    def _oldest_time(self) -> int | None:
        self._take_late_ones_in()
        rows = self._database.execute(
            f"SELECT time {_BY_TIME} AND {_WANTED} ORDER BY time LIMIT 1", (self._time_from, self._target)
        )
        self._time_from = rows[0][0] if rows else _NEVER
        return rows[0][0] if rows else None

    def _take_late_ones_in(self) -> None:
        """A row that arrived since the last look may be older than all that waited then."""
        last = self._last_seq()
        ((earliest,),) = self._database.execute(f"SELECT min(time) {_BY_ARRIVAL}", (Lane.SUMMARY, self._times_seen + 1))
        self._times_seen = last
        if earliest is not None:
            self._time_from = min(self._time_from, earliest)

    def bucket(self, start: int) -> list[Chosen]:
        """All summaries of a bucket, in order of event time, as many as fit into one file."""
        rows = self._database.rows(
            f"SELECT seq, key, time, size {_BY_TIME} AND time < ? AND {_WANTED} ORDER BY time, seq LIMIT ?",
            (start, start + self._bucket_ns, self._target, self._batches.summary_rows),
            *_ROW,
        )
        return self._fitting([Chosen(*row) for row in rows])

    @property
    def _bucket_ns(self) -> int:
        return round(self._batches.summary_bucket.total_seconds() * 10**9)

    def _fitting(self, rows: Sequence[Chosen]) -> list[Chosen]:
        total, chosen = 0, list[Chosen]()
        for row in rows:
            total += row.size
            if chosen and total > self._batches.size:
                break
            chosen.append(row)
        return chosen

    def _last_seq(self) -> int:
        rows: list[tuple[Any, ...]] = self._database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")
        return int(rows[0][0]) if rows else 0
