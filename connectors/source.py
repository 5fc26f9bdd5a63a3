"""The items as Bytewax sources: from the journal (the gateway's own), from a recording, straight from drivers.

The only file of this room that knows Bytewax. It leans on two contracts that Bytewax does not document and
`tests/contracts/test_bytewax.py` holds: the first `next_batch` after a `snapshot` runs only when that snapshot's epoch
is finished (all sinks have written; with a recovery store it is durable there); and `StopIteration` ends an epoch with
snapshots of everything. Partition names are part of the recovery store's keys: they never change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import structlog
from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from typing_extensions import override

from connectors.driver import Driver
from connectors.driver_thread import DriverThread
from connectors.intake import IntakeSettings
from connectors.journal.mark import read_mark
from connectors.journal.reader import MAX_BYTES, JournalReader
from connectors.pacing import Pace, passes, received_of
from connectors.samples import Item

log = structlog.get_logger()

Keyed = tuple[str, Item]

PARTITION = "journal-0"  # of a single journal
MAX_WAIT_S = 0.05  # the longest `next_batch` may block: everything else in the worker waits with it
MAX_DRAIN = timedelta(seconds=5)
# Always due. Bytewax compares with the wall clock, so a time ahead of it would stall the source for as long as the
# clock is set back; waiting is done inside `next_batch` instead, on the monotonic clock.
_PAST = datetime(2000, 1, 1, tzinfo=UTC)


def by_asset(items: Iterable[Item]) -> list[Keyed]:
    """Key items by asset, one block a frame, as they were received.

    Blocks are not joined: which ones are readable together depends on when one looks, and lateness is judged block by
    block, so a replay after a crash would decide otherwise than the first run did.
    """
    return [(item.asset, item) for item in items]


class JournalSource(FixedPartitionedSource[Keyed, int]):
    """The journal of the acquire process, or several of them, from where the flow left off. One partition a journal.

    Partitions are shared out among the workers of a cluster; an asset is in one journal only.

    Can support exactly-once processing: state and offset are restored from the same epoch. Without a recovery store,
    and for a flow that has lost its own, it goes on from the read mark: at least once for sinks, windows that were open
    are lost.
    """

    def __init__(
        self,
        journals: Path | Mapping[str, Path],
        *,
        stop: Callable[[], bool],
        on_commit: Callable[[], None] | None = None,
        on_pass: Callable[[], None] | None = None,
        on_read: Callable[[int], None] | None = None,
        max_bytes_per_pass: int = MAX_BYTES,
        max_drain: timedelta = MAX_DRAIN,
    ) -> None:
        """Only settings; files are opened in `build_part`.

        Args:
            journals: Folder of the journal; need not exist yet. Or folders by partition name: a name keys the recovery
                state, so it stays with its journal for ever, and none can be taken away from a flow that has run.
            stop: Asked in every pass. Once true, what is readable is drained and the input ends; the offset stands
                where it ended, so the rest of a large backlog waits for the next start.
            on_commit: Called when an epoch has been committed, by the first pass after it, but not before everything
                that was in the journal at the start has been: an earlier run may have come that far before it died,
                and what it wrote comes again until then. Of one journal only: of several, none knows of the others.
            on_pass: Called in every pass: the heartbeat for a watchdog. At least every 50 ms while the flow lives.
            on_read: Called with the offset at the start and after each pass that read something: progress for a
                watchdog.
            max_bytes_per_pass: How much of the journal one pass takes at most.
            max_drain: How long draining may take.
        """
        self._folders = {PARTITION: journals} if isinstance(journals, Path) else dict(journals)
        if on_commit is not None and len(self._folders) != 1:
            msg = (
                f"on_commit: {len(self._folders)} journals commit at different times; leave it out, or name one journal"
            )
            raise ValueError(msg)
        self._stop = stop
        self._on_commit = on_commit
        self._on_pass = on_pass
        self._on_read = on_read
        self._max_bytes = max_bytes_per_pass
        self._max_drain = max_drain

    @override
    def list_parts(self) -> list[str]:
        return sorted(self._folders)

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _JournalPartition:
        folder = self._folders[for_part]
        if resume_state is None:
            committed = read_mark(folder).committed
            resume_state = committed.offset if committed else 0
        if self._on_read is not None:
            self._on_read(resume_state)
        return _JournalPartition(
            JournalReader(folder, resume_state),
            self._stop,
            self._on_commit,
            self._on_pass,
            self._max_bytes,
            self._max_drain.total_seconds(),
            on_read=self._on_read,
            max_wait_s=MAX_WAIT_S / len(self._folders),  # they wait one after the other where a worker has several
        )


class _JournalPartition(StatefulSourcePartition[Keyed, int]):
    def __init__(
        self,
        reader: JournalReader,
        stop: Callable[[], bool],
        on_commit: Callable[[], None] | None,
        on_pass: Callable[[], None] | None,
        max_bytes: int,
        max_drain_s: float,
        clock: Callable[[], float] = time.monotonic,
        max_wait_s: float = MAX_WAIT_S,
        on_read: Callable[[int], None] | None = None,
    ) -> None:
        self._on_read = on_read
        self._reader = reader
        self._stop = stop
        self._on_commit = on_commit
        self._on_pass = on_pass
        self._max_bytes = max_bytes
        self._max_drain_s = max_drain_s
        self._max_wait_s = max_wait_s
        self._clock = clock
        self._stopped_at: float | None = None
        self._offered: int | None = None
        self._replay_end = reader.end

    @override
    def next_batch(self) -> list[Keyed]:
        self._commit()
        if self._on_pass is not None:
            self._on_pass()
        stopping = self._stop()
        if stopping and self._drained_long_enough():
            raise StopIteration
        items = self._reader.read(self._max_bytes)
        if not items and stopping:
            raise StopIteration
        if not items and self._reader.wait(self._max_wait_s):
            items = self._reader.read(self._max_bytes)
        if items and self._on_read is not None:
            self._on_read(self._reader.offset)
        return by_asset(items)

    @override
    def next_awake(self) -> datetime | None:
        return _PAST

    @override
    def snapshot(self) -> int:
        self._offered = self._reader.offer()
        return self._offered

    @override
    def close(self) -> None:
        try:
            self._reader.close()
        except OSError as error:  # an exception here while another unwinds aborts the process (Bytewax 0.21.1)
            log.warning("journal_close_failed", error=error.strerror)

    def _commit(self) -> None:
        """The epoch closed by the last snapshot is safe by now: see the module."""
        if self._offered is None:
            return
        self._reader.mark(self._offered)
        if self._on_commit is not None and self._offered >= self._replay_end:
            self._on_commit()
        self._offered = None

    def _drained_long_enough(self) -> bool:
        now = self._clock()
        if self._stopped_at is None:
            self._stopped_at = now
        return now - self._stopped_at > self._max_drain_s


class RecordingSource(FixedPartitionedSource[Keyed, int]):
    """A recording, block by block, as fast as the flow takes it or at a pace; ends with it. One partition, one worker.

    Can support exactly-once processing: the snapshot is the number of items read.
    """

    def __init__(
        self,
        recording: Path | Callable[[], Iterable[Item]],
        *,
        stop: Callable[[], bool] = lambda: False,
        pace: Pace | None = None,
        on_pass: Callable[[list[Item]], None] | None = None,
    ) -> None:
        """Only settings.

        Args:
            recording: As `connectors.recording` writes it; or gives its items from the first on, each time it is asked.
            stop: Asked in every pass; once true, the input ends.
            pace: Of received time; left out = as fast as the flow takes it. The same passes either way.
            on_pass: Told of the items of each pass, before the flow has them.
        """
        self._recording = recording
        self._stop = stop
        self._pace = pace or Pace(None)
        self._on_pass = on_pass

    @override
    def list_parts(self) -> list[str]:
        return ["recording-0"]

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> _RecordingPartition:
        return _RecordingPartition(self._items(), resume_state or 0, self._stop, self._pace, self._on_pass)

    def _items(self) -> Iterable[Item]:
        if not isinstance(self._recording, Path):
            return self._recording()
        from connectors.recording import read_recording  # noqa: PLC0415  pyarrow is slow to import, others need it not

        return read_recording(self._recording)


class _RecordingPartition(StatefulSourcePartition[Keyed, int]):
    def __init__(
        self,
        items: Iterable[Item],
        done: int,
        stop: Callable[[], bool],
        pace: Pace,
        on_pass: Callable[[list[Item]], None] | None,
    ) -> None:
        self._passes = passes(islice(items, done, None))
        self._done = done
        self._stop = stop
        self._pace = pace
        self._on_pass = on_pass
        self._waiting: list[Item] = []

    @override
    def next_batch(self) -> list[Keyed]:
        self._waiting = self._waiting or next(self._passes, [])
        if not self._waiting or self._stop():
            raise StopIteration
        if not self._pace.is_due(received_of(self._waiting), MAX_WAIT_S):
            return []
        if self._on_pass is not None:
            self._on_pass(self._waiting)
        items, self._waiting = self._waiting, []
        self._done += len(items)
        return by_asset(items)

    @override
    def next_awake(self) -> datetime | None:
        return _PAST

    @override
    def snapshot(self) -> int:
        return self._done


class DriverSource(FixedPartitionedSource[Keyed, None]):
    """Drivers straight into a flow, without journal or second process: for trying things and for small set-ups.

    At most once: what came since the last committed epoch is lost in a crash, and what comes while the flow is down is
    never seen. A device cannot be asked again. What does not fit into the bounded queue is dropped and stated in a
    DROPPED notice. Drivers share the interpreter with the flow, so expect higher latency than with the journal.
    """

    def __init__(
        self,
        drivers: Sequence[Driver],
        *,
        stop: Callable[[], bool],
        settings: IntakeSettings | None = None,
        on_pass: Callable[[list[Item]], None] | None = None,
    ) -> None:
        """Only settings; the drivers' thread starts in `build_part`.

        Args:
            drivers: Each is run once, in one event loop in a thread of its own.
            stop: Asked in every pass; once true, drivers are cancelled and the input ends.
            settings: Size of the queue and times; the defaults of the acquire process where left out.
            on_pass: Told of the items of each pass, before the flow has them; at least every 50 ms while it lives.
        """
        self._on_pass = on_pass or (lambda _: None)
        self._drivers = drivers
        self._stop = stop
        self._settings = settings or IntakeSettings()

    @override
    def list_parts(self) -> list[str]:
        return ["drivers-0"]

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _DriverPartition:
        return _DriverPartition(DriverThread(self._drivers, self._settings), self._stop, self._on_pass)


class _DriverPartition(StatefulSourcePartition[Keyed, None]):
    def __init__(self, thread: DriverThread, stop: Callable[[], bool], on_pass: Callable[[list[Item]], None]) -> None:
        self._thread = thread
        self._stop = stop
        self._on_pass = on_pass

    @override
    def next_batch(self) -> list[Keyed]:
        if self._stop():
            self._thread.close()
            items = self._thread.take(0)
            if not items:
                raise StopIteration
        else:
            items = self._thread.take(MAX_WAIT_S)
        self._on_pass(items)
        return by_asset(items)

    @override
    def next_awake(self) -> datetime | None:
        return _PAST

    @override
    def snapshot(self) -> None:
        return None

    @override
    def close(self) -> None:
        self._thread.close()
