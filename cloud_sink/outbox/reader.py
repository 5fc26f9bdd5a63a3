"""The deliverer's side of the outbox: freeze a batch, deliver it elsewhere, say so."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import structlog

from cloud_sink.batch import Batch, Row, batch_id
from cloud_sink.errors import OutboxFull, PermanentReason
from cloud_sink.outbox.books import COMMITTED, meta_int, record_loss
from cloud_sink.outbox.files import Role
from cloud_sink.outbox.quota import loss
from cloud_sink.outbox.schema import State, checksum
from cloud_sink.outbox.stat import OutboxStat, stat
from cloud_sink.records import Event, Lane
from cloud_sink.settings import BatchSettings, OutboxSettings

log = structlog.get_logger(__name__)

_DAY_NS = 86_400 * 10**9
_CHECKPOINT_PAGES = 500
_PURGE_ROWS = 500  # a purge holds the write lock; small steps keep alerts quick
_VACUUM_PAGES = 64

T = TypeVar("T")
_Chosen = tuple[int, str, int, int]  # seq, key, time, size


class OutboxReader:
    """Sole deliverer of an outbox. One per gateway; a second is refused. Not for threads."""

    def __init__(
        self,
        folder: Path,
        settings: OutboxSettings,
        batches: BatchSettings,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the deliverer's role and open the outbox.

        Args:
            folder: Must exist.
            settings: Reserve and waits.
            batches: What goes together.
            clock: Wall clock, ns.
            monotonic: Steady clock, s.

        Raises:
            OutboxLocked: Another process delivers from here.
            OutboxTooNew: The file belongs to newer software.
            OutboxError: It cannot be opened.
        """
        self._batches = batches
        self._clock = clock
        self._monotonic = monotonic
        self._role = Role(folder, "deliver", settings, _CHECKPOINT_PAGES)
        self._database = self._role.database
        self._first_seen = (-1, 0.0)  # the oldest summary bucket, and since when we know of it

    def freeze(self, lane: Lane, limit: int | None = None, *, flush: bool = False) -> Batch | None:
        """The next batch of a lane; None when there is nothing to send yet.

        A batch that was frozen and not delivered comes first and is the same as before, whatever happened in between:
        its object is written again under the same key. A row whose checksum is wrong is set aside and counted.

        Args:
            lane: Alerts and events go oldest first, of one UTC day; summaries by time bucket.
            limit: Most rows of a new batch of alerts or events; None = as set.
            flush: Do not wait for a summary bucket to fill up.
        """
        while True:
            frozen = self._frozen(lane)
            if not frozen:
                if not self._freeze_new(lane, limit or self._batches.rows, flush=flush):
                    return None
                continue
            name = frozen[0][0]
            intact = [Row(seq, key, at, body) for _, seq, key, at, body, ok in frozen if ok]
            if len(intact) == len(frozen):
                return Batch(name, lane, tuple(intact))
            self._set_aside_corrupt(lane, [(seq, at) for _, seq, _, at, _, ok in frozen if not ok], intact)

    def _frozen(self, lane: Lane) -> list[tuple[str, int, str, int, bytes, bool]]:
        rows = self._database.execute(
            "SELECT batch, seq, key, time, created, body, crc FROM outbox INDEXED BY outbox_frozen "
            "WHERE lane = ? AND state = 0 AND batch IS NOT NULL AND batch = "
            "(SELECT batch FROM outbox INDEXED BY outbox_frozen "
            "WHERE lane = ? AND state = 0 AND batch IS NOT NULL ORDER BY seq LIMIT 1) "
            "ORDER BY seq",
            (lane, lane),
        )
        return [
            (batch, seq, key, at, body, body is not None and crc == checksum(lane, key, at, created, body))
            for batch, seq, key, at, created, body, crc in rows
        ]

    def _freeze_new(self, lane: Lane, limit: int, *, flush: bool) -> bool:
        bucket = self._ready_bucket(flush=flush) if lane is Lane.SUMMARY else None
        if lane is Lane.SUMMARY and bucket is None:
            return False
        if bucket is None and not self._choose_oldest(lane, 1):
            return False

        def freeze() -> bool:
            with self._database.transaction():
                chosen = self._choose_oldest(lane, limit) if bucket is None else self._choose_bucket(bucket)
                name = batch_id(key for _, key, _, _ in chosen)
                self._database.execute_many(
                    "UPDATE outbox SET batch = ? WHERE seq = ?", [(name, seq) for seq, _, _, _ in chosen]
                )
            return bool(chosen)  # nothing: the quota was faster

        return self._with_reserve(freeze)

    def _choose_oldest(self, lane: Lane, limit: int) -> list[_Chosen]:
        rows = self._database.execute(
            "SELECT seq, key, time, size FROM outbox INDEXED BY outbox_waiting "
            "WHERE lane = ? AND state = 0 AND batch IS NULL ORDER BY seq LIMIT ?",
            (lane, limit),
        )
        day = rows[0][2] // _DAY_NS if rows else 0
        return self._fitting([row for row in rows if row[2] // _DAY_NS == day])

    def _choose_bucket(self, start: int) -> list[_Chosen]:
        rows = self._database.execute(
            "SELECT seq, key, time, size FROM outbox INDEXED BY outbox_summaries "
            "WHERE state = 0 AND batch IS NULL AND lane = 2 AND time >= ? AND time < ? ORDER BY time, seq LIMIT ?",
            (start, start + self._bucket_ns, self._batches.summary_rows),
        )
        return self._fitting(rows)

    def _fitting(self, rows: Sequence[tuple[Any, ...]]) -> list[_Chosen]:
        total, chosen = 0, list[_Chosen]()
        for seq, key, at, size in rows:
            total += size
            if chosen and total > self._batches.size:
                break
            chosen.append((seq, key, at, size))
        return chosen

    @property
    def _bucket_ns(self) -> int:
        return round(self._batches.summary_bucket.total_seconds() * 10**9)

    def _ready_bucket(self, *, flush: bool) -> int | None:
        """Start of the oldest bucket when its file can be closed. If the oldest cannot, no later one can."""
        where = "FROM outbox INDEXED BY outbox_summaries WHERE state = 0 AND batch IS NULL AND lane = 2 ORDER BY time"
        oldest = self._database.execute(f"SELECT time {where} LIMIT 1")
        if not oldest:
            return None
        start: int = oldest[0][0] // self._bucket_ns * self._bucket_ns
        ((newest,),) = self._database.execute(f"SELECT time {where} DESC LIMIT 1")
        if start != self._first_seen[0]:
            self._first_seen = (start, self._monotonic())
        full = newest >= start + self._bucket_ns + round(self._batches.grace.total_seconds() * 10**9)
        waited = self._monotonic() - self._first_seen[1] >= self._batches.max_wait.total_seconds()
        return start if full or waited or flush else None

    def _set_aside_corrupt(self, lane: Lane, bad: Sequence[tuple[int, int]], intact: Sequence[Row]) -> None:
        """The intact rest is let go of its batch: with other rows in it, it is another batch."""
        log.error("outbox_rows_corrupt", lane=lane.name.lower(), count=len(bad))

        def set_aside() -> None:
            with self._database.transaction():
                self._database.execute_many(
                    "UPDATE outbox SET state = ? WHERE seq = ?", [(State.CORRUPT, seq) for seq, _ in bad]
                )
                self._database.execute_many("UPDATE outbox SET batch = NULL WHERE seq = ?", [(r.seq,) for r in intact])
                # Their own times may be the damaged part, so the neighbours' are told where there are any.
                times = [row.time for row in intact] or [time for _, time in bad]
                event = loss(lane, "corrupt_row", min(times), max(times), len(bad))
                record_loss(self._database, lane, event, self._clock())

        self._with_reserve(set_aside)

    def delivered(self, batch: Batch) -> None:
        """Forget a batch: it lies verified at its target.

        Rows that a replay of the flow could still bring again leave their key behind.
        """

        def forget() -> None:
            committed = meta_int(self._database, COMMITTED)
            with self._database.transaction():
                self._database.execute_many(
                    "DELETE FROM outbox WHERE seq = ?", [(row.seq,) for row in batch.rows if row.seq <= committed]
                )
                self._database.execute_many(
                    "UPDATE outbox SET state = ?, body = NULL, batch = NULL WHERE seq = ?",
                    [(State.DELIVERED, row.seq) for row in batch.rows if row.seq > committed],
                )

        self._with_reserve(forget)

    def quarantine(self, batch: Batch, reason: PermanentReason) -> None:
        """Set a batch aside that its target refuses for good. Bodies stay until the quota needs the room."""

        def set_aside() -> None:
            with self._database.transaction():
                self._database.execute_many(
                    "UPDATE outbox SET state = ? WHERE seq = ?", [(State.QUARANTINED, row.seq) for row in batch.rows]
                )
                kind = batch.lane.name.lower()
                times = [row.time for row in batch.rows]
                event = Event(
                    "", "quarantined", reason, min(times), max(times), len(times), f"outbox/{kind}", f"batch {batch.id}"
                )
                # Telling of refused events by another event would go round for ever.
                record_loss(self._database, batch.lane, event, self._clock(), tell=batch.lane is not Lane.EVENT)

        self._with_reserve(set_aside)

    def maintain(self) -> None:
        """Small housekeeping steps; call when there is time, a second apart or more."""
        committed = meta_int(self._database, COMMITTED)
        stale = self._database.execute(
            "SELECT seq FROM outbox INDEXED BY outbox_tombstones WHERE state IN (1, 4) AND seq <= ? LIMIT ?",
            (committed, _PURGE_ROWS),
        )
        if stale:
            self._with_reserve(lambda: self._delete(stale))
        ((free,),) = self._database.execute("PRAGMA freelist_count")
        if free > _VACUUM_PAGES:
            self._with_reserve(lambda: self._database.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})"))
        self._role.reserve.restore()

    def _delete(self, rows: Sequence[tuple[int, ...]]) -> None:
        with self._database.transaction():
            self._database.execute_many("DELETE FROM outbox WHERE seq = ?", rows)

    def _with_reserve(self, action: Callable[[], T]) -> T:
        """On a full disk even deleting needs room: give up the reserve and try once more."""
        try:
            return action()
        except OutboxFull:
            if not self._role.reserve.release():
                raise
            return action()

    def stat(self) -> OutboxStat:
        """What the outbox holds."""
        return stat(self._database)

    def close(self) -> None:
        """Let go of the file and of the role."""
        self._role.close()
