"""The flow's side of the outbox: what `put` returns from is on disk."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import structlog

from cloud_sink.errors import OutboxFull
from cloud_sink.outbox import quota
from cloud_sink.outbox.age import Age
from cloud_sink.outbox.books import COMMITTED, INSERT, meta_int, record_loss, row_values, set_meta
from cloud_sink.outbox.files import Role
from cloud_sink.outbox.history import keep_transitions
from cloud_sink.outbox.stat import OutboxStat, account_entry, stat
from cloud_sink.outbox.wake import ring
from cloud_sink.records import Account, Alert, Event, Lane, Record
from cloud_sink.settings import OutboxSettings

log = structlog.get_logger(__name__)

DISK_FULL = "disk_full"
_CHECKPOINT_PAGES = 8_000  # 32 MiB: normally the deliverer checkpoints, so that an alert never waits for that
_RESTORE_EVERY_S = 60.0
_CATCH_UP_EPOCHS = 10  # a replay brings the last two or three epochs again, and is faster than they were
_NOTHING: Mapping[Lane, Event] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class PutResult:
    """What became of one call.

    Attributes:
        written: Records that are new and durable (some may have been dropped again by the quota).
        repeats: Records whose key was there already: a replay.
        dropped: Records let go, by the quota or because the disk is full.
        alert_time: Wall clock when the call's alerts were durable, ns; 0 = it had none.
        durable_time: Wall clock when everything of the call was durable, ns.
    """

    written: int
    repeats: int
    dropped: int
    alert_time: int
    durable_time: int


class OutboxWriter:
    """Sole inserter into an outbox. One per gateway; a second is refused. Not for threads."""

    def __init__(
        self,
        folder: Path,
        settings: OutboxSettings,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the writer's role and open the outbox.

        Args:
            folder: Must exist.
            settings: Quota and waits.
            clock: Wall clock, ns.
            monotonic: Steady clock, s.

        Raises:
            OutboxLocked: Another process writes here.
            OutboxTooNew: The file belongs to newer software.
            OutboxError: It cannot be opened.
        """
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._role = Role(folder, "writer", settings, _CHECKPOINT_PAGES)
        self._database = self._role.database
        self._mark = self._committed = meta_int(self._database, COMMITTED)
        self._catching_up = _CATCH_UP_EPOCHS if self._last_seq() > self._committed else 0
        self._unwritten: dict[Lane, Event] = {}  # dropped while not even a note of it could be written
        self._restore_at = 0.0
        self._age = Age(monotonic)
        self._over = False

    def put(self, records: Sequence[Record | Account]) -> PutResult:
        """Keep records. Alerts are committed first and on their own, the rest in one commit.

        A full disk never fails the bulk: it is dropped, counted, and told to the cloud when there is room again. Alerts
        get the disk reserve.

        Raises:
            OutboxFull: Not even an alert could be kept. The caller must die: the replay brings the alert again.
            OutboxError: The file cannot be used.
        """
        alerts: list[Record] = []
        bulk: list[Record] = []
        accounts: list[Account] = []
        for record in records:
            if isinstance(record, Account):
                accounts.append(record)
            elif record.lane is Lane.ALERT:
                alerts.append(record)
            else:
                bulk.append(record)
        written = dropped = refused = alert_time = 0
        if alerts:
            written, dropped = self._commit_alerts(alerts)
            alert_time = self._clock()
            ring(self._folder)
        if bulk or accounts or self._unwritten:
            new, let_go, refused = self._commit_bulk(bulk, accounts)
            written, dropped = written + new, dropped + let_go
        repeats = len(alerts) + len(bulk) - written - refused
        return PutResult(written, repeats, dropped + refused, alert_time, self._clock())

    @property
    def is_full(self) -> bool:
        """Whether what was dropped last for want of room on the disk could not even be noted yet."""
        return bool(self._unwritten)

    def _commit_alerts(self, alerts: Sequence[Record]) -> tuple[int, int]:
        try:
            return self._commit(alerts)
        except OutboxFull:
            if not self._role.reserve.release():
                raise
            log.warning("outbox_disk_full", action="disk reserve released for alerts", folder=str(self._folder))
            return self._commit(alerts)

    def _commit_bulk(self, bulk: Sequence[Record], accounts: Sequence[Account]) -> tuple[int, int, int]:
        """As `_commit`, and how many found no room. Where there is none for everything, events go before summaries."""
        events = [record for record in bulk if record.lane is not Lane.SUMMARY]
        for records in (bulk, events) if len(events) < len(bulk) else (bulk,):
            try:
                new, let_go = self._commit(records, accounts, self._unwritten)
            except OutboxFull:
                continue
            self._unwritten = {}
            left = [record for record in bulk if record.lane is Lane.SUMMARY] if records is not bulk else []
            self._note_full(left)
            return new, let_go, len(left)
        self._note_full(bulk)
        return 0, 0, len(bulk)

    def _commit(
        self, records: Sequence[Record], accounts: Sequence[Account] = (), losses: Mapping[Lane, Event] = _NOTHING
    ) -> tuple[int, int]:
        """One transaction. Returns records new and records dropped by the quota."""
        self._restore_reserve()
        now = self._clock()
        with self._database.transaction():
            before, last = self._rows(), self._last_seq()
            rows = [row_values(record, now) for record in records]
            self._database.execute_many(INSERT, rows)
            written = self._rows() - before
            if alerts := [(one, row[4]) for one, row in zip(records, rows, strict=True) if isinstance(one, Alert)]:
                keep_transitions(self._database, alerts, last, self._settings.alarm_history)
            for account in accounts:
                set_meta(self._database, *account_entry(account))
            for lane, event in losses.items():
                record_loss(self._database, lane, event, now)
            room = quota.enforce(self._database, self._settings, now)
        self._note_over(room.over)
        return written, room.dropped

    def _note_over(self, over: int) -> None:
        if over and not self._over:
            log.error("outbox_over_quota", bytes=over, why="alerts are kept for 90 days", folder=str(self._folder))
        self._over = over > 0

    def _rows(self) -> int:
        ((rows,),) = self._database.execute("SELECT sum(rows) FROM held")
        return int(rows)

    def _last_seq(self) -> int:
        rows = self._database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'")
        return int(rows[0][0]) if rows else 0

    def _note_full(self, bulk: Sequence[Record]) -> None:
        for record in bulk:
            event = quota.loss(record.lane, DISK_FULL, record.time, record.time, 1)
            if (before := self._unwritten.get(record.lane)) is not None:
                start, end = min(before.start, event.start), max(before.end, event.end)
                event = quota.loss(record.lane, DISK_FULL, start, end, before.count + 1)
            self._unwritten[record.lane] = event
        if bulk:
            log.error("outbox_disk_full", dropped=len(bulk), folder=str(self._folder))

    def _restore_reserve(self) -> None:
        if (now := self._monotonic()) >= self._restore_at:
            self._restore_at = now + _RESTORE_EVERY_S
            self._role.reserve.restore()

    def snapshot_mark(self) -> int:
        """Remember how far we have written: the mark. Called by the sink at the end of an epoch.

        It stays where it was for some epochs after a start that found rows beyond it: the replay may not have come to
        all of those yet.
        """
        if self._catching_up:
            self._catching_up -= 1
        else:
            self._mark = self._last_seq()
        return self._mark

    def committed(self) -> None:
        """No replay will go back beyond the last mark. Called by the source's commit hook.

        Only now may the deliverer forget the keys up to there: a replay after a crash brings back everything since the
        last committed epoch, and by then the deliverer may long have delivered it.
        """
        if self._mark == self._committed:
            return
        try:
            with self._database.transaction():
                set_meta(self._database, COMMITTED, self._mark)
                self._age.advance(self._database, self._last_seq())
        except OutboxFull:
            return  # tombstones stay a little longer
        self._committed = self._mark

    def stat(self) -> OutboxStat:
        """What the outbox holds."""
        return stat(self._database)

    def close(self) -> None:
        """Let go of the file and of the role. What was put is safe without it."""
        try:
            if self._unwritten:
                self.put(())
        finally:
            self._role.close()
