"""What one target is yet to get: freeze a batch, deliver it elsewhere, say so. Each target has its own checkpoint."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import structlog

from cloud_sink.batch import Batch, Row, batch_id
from cloud_sink.errors import PermanentReason
from cloud_sink.outbox.books import record_loss
from cloud_sink.outbox.choice import Choice
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.quota import loss
from cloud_sink.outbox.schema import State, checksum
from cloud_sink.outbox.settling import Settling
from cloud_sink.records import Event, Lane
from cloud_sink.settings import BatchSettings

log = structlog.get_logger(__name__)

_MARK = (
    "INSERT INTO progress(seq, target, lane, refused) SELECT seq, ?, lane, ? FROM json_each(?) AS one "
    "JOIN outbox ON seq = one.value WHERE state = 0 "
    "ON CONFLICT(seq, target) DO UPDATE SET batch = NULL, refused = excluded.refused"
)


class Queue:
    """Of one target. Made by `OutboxReader`; for its thread."""

    def __init__(
        self,
        database: Database,
        target: str,
        others: Mapping[Lane, AbstractSet[str]],
        settling: Settling,
        batches: BatchSettings,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin where the file says that this target is.

        Args:
            database: The deliverer's connection.
            target: Its name in the file.
            others: The other targets that want a lane.
            settling: What ends a row.
            batches: What goes together.
            clock: Wall clock, ns.
            monotonic: Steady clock, s.
        """
        self._database = database
        self._target = target
        self._others = others
        self._settling = settling
        self._batches = batches
        self._clock = clock
        self._choice = Choice(database, target, batches, monotonic)
        settling.on_thaw(self._choice.look_anew)

    @property
    def target(self) -> str:
        """Whose queue it is."""
        return self._target

    def link_is_away(self) -> None:
        """An upload has failed. What waits now is backlog: what comes from now on goes before it, once it goes."""
        self._choice.all_is_backlog()

    def newest(self, lane: Lane) -> int:
        """A number that grows with every record that comes into a lane; 0 = none waits there."""
        return self._choice.newest(lane)

    def freeze(self, lane: Lane, limit: int | None = None, *, flush: bool = False) -> Batch | None:
        """The next batch of a lane; None when there is nothing to send yet.

        A batch that was frozen and not delivered comes first and is the same as before, whatever happened in between:
        its object is written again under the same key. A row whose checksum is wrong is set aside and counted.

        Args:
            lane: Alerts and events go in order of arrival, of one UTC day; summaries by time bucket.
            limit: Most rows of a new batch of alerts or events; None = as set.
            flush: Do not wait for a summary bucket to fill up.
        """
        while True:
            frozen = self._frozen(lane)
            if not frozen:
                if not self._freeze_new(lane, limit or self._batches.rows, flush=flush):
                    return None
                if not (frozen := self._frozen(lane)):
                    raise self._database.damaged("a batch cannot be found right after it was frozen")
            name = frozen[0][0]
            intact = [Row(seq, key, at, body) for _, seq, key, at, body, ok in frozen if ok]
            if len(intact) == len(frozen):
                return Batch(name, lane, tuple(intact))
            self._set_aside_corrupt(lane, [(seq, at) for _, seq, _, at, _, ok in frozen if not ok], intact)

    def _frozen(self, lane: Lane) -> list[tuple[str, int, str, int, bytes, bool]]:
        rows = self._database.rows(
            "SELECT p.batch, p.seq, key, time, created, body, crc, outbox.lane, state "
            "FROM progress AS p INDEXED BY progress_frozen CROSS JOIN outbox ON outbox.seq = p.seq "
            "WHERE p.target = ? AND p.lane = ? AND p.batch IS NOT NULL AND p.batch = "
            "(SELECT batch FROM progress INDEXED BY progress_frozen "
            "WHERE target = ? AND lane = ? AND batch IS NOT NULL ORDER BY seq LIMIT 1) "
            "ORDER BY p.seq",
            (self._target, lane, self._target, lane),
            *(str, int, str, int, int, bytes | None, int, int, int),
        )
        if any(found != lane or state != State.READY for *_, found, state in rows):
            raise self._database.damaged("a row is not what the index says")
        return [
            (batch, seq, key, at, body, body is not None and crc == checksum(lane, key, at, created, body))
            for batch, seq, key, at, created, body, crc, _, _ in rows
        ]

    def _freeze_new(self, lane: Lane, limit: int, *, flush: bool) -> bool:
        bucket = self._choice.ready_bucket(flush=flush) if lane is Lane.SUMMARY else None
        if bucket is None and (lane is Lane.SUMMARY or not self._choice.oldest(lane, 1)):
            return False

        def freeze() -> bool:
            with self._database.transaction():
                chosen = self._choice.oldest(lane, limit) if bucket is None else self._choice.bucket(bucket)
                name = batch_id(row.key for row in chosen)
                self._database.execute_many(
                    "INSERT INTO progress(seq, target, lane, batch) VALUES (?, ?, ?, ?)",
                    [(row.seq, self._target, lane, name) for row in chosen],
                )
            return bool(chosen)  # nothing: the quota was faster

        return self._settling.with_reserve(freeze)

    def _set_aside_corrupt(self, lane: Lane, bad: Sequence[tuple[int, int]], intact: Sequence[Row]) -> None:
        """What is intact is let go of its batches, of every target's: with other rows in it, it is another batch."""
        log.error("outbox_rows_corrupt", lane=lane.name.lower(), count=len(bad))

        def set_aside() -> None:
            with self._database.transaction():
                self._settling.thaw([seq for seq, _ in bad])
                self._database.execute_many(
                    "UPDATE outbox SET state = ? WHERE seq = ?", [(State.CORRUPT, seq) for seq, _ in bad]
                )
                # Their own times may be the damaged part, so the neighbours' are told where there are any.
                times = [row.time for row in intact] or [time for _, time in bad]
                event = loss(lane, "corrupt_row", min(times), max(times), len(bad))
                record_loss(self._database, lane, event, self._clock())

        self._settling.with_reserve(set_aside)

    def delivered(self, batch: Batch) -> None:
        """A batch, or a part of it, lies verified at this target. Rows that no other target lacks are forgotten.

        Those that a replay of the flow could still bring again leave their key behind.
        """

        def tick_off() -> None:
            with self._database.transaction():
                self._done(batch, refused=False)

        self._settling.with_reserve(tick_off)

    def quarantine(self, batch: Batch, reason: PermanentReason) -> None:
        """Count a batch, or a part of it, that this target refuses for good, and tell.

        When no other target lacks them the rows are set aside: bodies stay until the quota needs the room.
        """

        def set_aside() -> None:
            with self._database.transaction():
                self._done(batch, refused=True)
                kind = batch.lane.name.lower()
                times = [row.time for row in batch.rows]
                told = f"batch {batch.id} of target {self._target}"
                event = Event("", "quarantined", reason, min(times), max(times), len(times), f"outbox/{kind}", told)
                # Telling of refused events by another event would go round for ever.
                record_loss(self._database, batch.lane, event, self._clock(), tell=batch.lane is not Lane.EVENT)

        self._settling.with_reserve(set_aside)

    def _done(self, batch: Batch, *, refused: bool) -> None:
        rows = [row.seq for row in batch.rows]
        ended = self._settling.had_by(rows, self._others[batch.lane])
        wanted = json.dumps([seq for seq in rows if seq not in ended])
        self._database.execute(_MARK, (self._target, refused, wanted))
        self._settling.settle([(seq, refused or had) for seq, had in ended.items()])
