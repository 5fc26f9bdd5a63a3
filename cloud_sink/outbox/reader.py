"""The deliverer's side of the outbox: a queue for each target, and housekeeping."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType

from cloud_sink.outbox.books import COMMITTED, meta_int
from cloud_sink.outbox.files import Role
from cloud_sink.outbox.queue import Queue
from cloud_sink.outbox.settling import Settling
from cloud_sink.outbox.stat import OutboxStat, stat
from cloud_sink.outbox.thinning import Thinning
from cloud_sink.records import Lane
from cloud_sink.settings import BatchSettings, OutboxSettings

ONE_TARGET: Mapping[str, Sequence[Lane]] = MappingProxyType({"target": tuple(Lane)})
_CHECKPOINT_PAGES = 500
_PURGE_ROWS = 500  # a purge holds the write lock; small steps keep alerts quick
_VACUUM_PAGES = 64
_INDEXES = (
    ("SELECT 1 FROM outbox INDEXED BY outbox_waiting WHERE lane = 0 AND state = 0 LIMIT 1", Lane.ALERT),
    ("SELECT 1 FROM outbox INDEXED BY outbox_waiting WHERE lane = 1 AND state = 0 LIMIT 1", Lane.EVENT),
    ("SELECT 1 FROM outbox INDEXED BY outbox_waiting WHERE lane = 2 AND state = 0 LIMIT 1", Lane.SUMMARY),
    ("SELECT 1 FROM outbox INDEXED BY outbox_summaries WHERE lane = 2 AND state = 0 LIMIT 1", Lane.SUMMARY),
)


class OutboxReader:
    """Sole deliverer of an outbox. One per gateway; a second is refused. Not for threads.

    Attributes:
        queues: By target.
    """

    def __init__(
        self,
        folder: Path,
        settings: OutboxSettings,
        batches: BatchSettings,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
        targets: Mapping[str, Sequence[Lane]] = ONE_TARGET,
    ) -> None:
        """Take the deliverer's role and open the outbox.

        Args:
            folder: Must exist.
            settings: Reserve and waits.
            batches: What goes together.
            clock: Wall clock, ns.
            monotonic: Steady clock, s.
            targets: Names that stay the same from start to start, and the lanes each wants. A record leaves the outbox
                when every target that wants its lane has it; in a lane that none wants, it stays. A name that is new
                gets all there is.

        Raises:
            OutboxLocked: Another process delivers from here.
            OutboxTooNew: The file belongs to newer software.
            OutboxError: It cannot be opened.
        """
        self._role = Role(folder, "deliver", settings, _CHECKPOINT_PAGES)
        self._database = self._role.database
        self._clock = clock
        self._thinning = Thinning(self._database, settings.quota)
        self._settling = Settling(self._database, self._role.reserve)
        with ExitStack() as failed:
            failed.callback(self._role.close)
            self._settling.with_reserve(lambda: self._settling.begin(targets))
            failed.pop_all()
        self.queues = {
            name: Queue(self._database, name, _others(targets, name), self._settling, batches, clock, monotonic)
            for name in targets
        }

    def maintain(self) -> None:
        """Small housekeeping steps; call when there is time, a second apart or more.

        Raises:
            OutboxDamaged: Rows wait that no index leads to any more, or the other process found damage.
        """
        self._database.check_mark()
        self._check_indexes()
        committed = meta_int(self._database, COMMITTED)
        stale = self._database.execute(
            "SELECT seq FROM outbox INDEXED BY outbox_tombstones WHERE state IN (1, 4) AND seq <= ? LIMIT ?",
            (committed, _PURGE_ROWS),
        )
        if stale:
            self._settling.with_reserve(lambda: self._delete(stale))
        ((free,),) = self._database.execute("PRAGMA freelist_count")
        if free > _VACUUM_PAGES:
            self._settling.with_reserve(lambda: self._database.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})"))
        if self._thinning.is_due:
            self._settling.with_reserve(lambda: self._thinning.step(self._clock()))
        self._role.reserve.restore()

    def _check_indexes(self) -> None:
        """A row that fell out of its index would wait for ever, and nobody would know."""
        if any(self._hidden(sql, lane) for sql, lane in _INDEXES):
            with self._database.transaction():  # else the writer may have been between the two looks
                if found := [lane for sql, lane in _INDEXES if self._hidden(sql, lane)]:
                    raise self._database.damaged(f"an index has lost rows of lane {found[0].name.lower()}")

    def _hidden(self, sql: str, lane: Lane) -> bool:
        ((rows,),) = self._database.execute("SELECT rows FROM held WHERE lane = ? AND state = 0", (lane,)) or [(0,)]
        return bool(rows) and not self._database.execute(sql)

    def _delete(self, rows: Sequence[tuple[int, ...]]) -> None:
        with self._database.transaction():
            self._database.execute_many("DELETE FROM outbox WHERE seq = ?", rows)

    def stat(self) -> OutboxStat:
        """What the outbox holds."""
        return stat(self._database)

    def close(self) -> None:
        """Let go of the file and of the role."""
        self._role.close()


def _others(targets: Mapping[str, Sequence[Lane]], name: str) -> Mapping[Lane, frozenset[str]]:
    return {lane: frozenset(n for n, lanes in targets.items() if n != name and lane in lanes) for lane in Lane}
