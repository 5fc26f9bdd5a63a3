"""The writing end of the journal: one process, one thread at a time.

Theory. An append is one write() into the page cache: it survives any death of this process at once, and a power cut
after the next group fsync. The segments are a ring: at the quota the oldest goes, read or not; what was unread is
counted by the reader from the books in the segment heads.

A start always begins a new segment, whose base leaves a wide gap after everything before. A power cut can take back
bytes that the flow has already read and committed; bytes written later must never get their offsets again, or
the flow would take them for read.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

import structlog

from connectors.errors import JournalDamaged, JournalLocked, JournalWriteFailed, UnknownAsset
from connectors.journal.format import Entry, SegmentHead, encode, encode_head, entry_of
from connectors.journal.mark import read_mark
from connectors.journal.recovery import Recovered, recover
from connectors.journal.segments import list_bases, open_segment, segment_path
from connectors.journal.settings import JournalSettings
from connectors.journal.syncer import Syncer
from connectors.journal.wakeup import Bell
from connectors.samples import Item, SampleBatch
from connectors.tags import TagTable

log = structlog.get_logger()

_LOCK_NAME = "writer.lock"
RESTART_GAP = 2**40  # more than can ever be appended between two syncs; 2**63 holds 8 million of them


class JournalWriter:
    """Appends items. Opens the journal at once; use as a context manager or call `close`.

    Attributes:
        recovered: What was found at the start.
        books: Cumulative, of everything appended.
        unread_segments_dropped: Segments the quota deleted before the flow had committed them.
    """

    def __init__(
        self,
        folder: Path,
        tables: Sequence[TagTable],
        settings: JournalSettings,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """Lock the folder, cut a torn tail, begin a new segment.

        Args:
            folder: Made where it is missing, for the owner's eyes only.
            tables: Of every asset that will be appended, each asset once.
            settings: See there.
            clock: Wall clock, ns since the epoch.

        Raises:
            JournalLocked: Another process writes it.
            JournalTooNew: It was written by newer software.
            JournalWriteFailed: The first segment cannot be made.
            ValueError: An asset has two tables.
        """
        self._tables = {table.asset: table for table in tables}
        if len(self._tables) != len(tables):
            msg = "tables: every asset must stand there once; merge the tables of an asset that several drivers fill"
            raise ValueError(msg)
        self._numbers = {asset: number for number, asset in enumerate(self._tables)}
        self._folder = folder
        self._settings = settings
        self._clock = clock
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _lock(folder)
        self.unread_segments_dropped = 0
        try:
            end, self.books, cut_bytes = recover(folder)
            newest = {asset: line.newest for asset, line in self.books.lines.items() if line.newest}
            self.recovered = Recovered(newest, self.books.total, cut_bytes)
            # Time as the offset: a journal begun anew in a cleared folder lies beyond the old one's offsets
            self._begin(max(end + RESTART_GAP, clock()), 0)
            self._bell = Bell(folder)
        except BaseException:  # a start that fails for whatever reason must not keep the folder locked
            os.close(self._lock)
            raise
        self._syncer = Syncer(folder, settings.fsync_every)
        self._syncer.follow(self._descriptor)

    def append(self, items: Sequence[Item]) -> None:
        """Append all items in order with one write and ring the reader. All or nothing.

        Raises:
            UnknownAsset: A block whose table is not one the journal was opened with.
            JournalWriteFailed: The disk refused it, for instance because it is full. Nothing was appended.
            ValueError: A block is too large for a frame.
        """
        entries = [self._checked(item) for item in items]
        data = b"".join([piece for entry in entries for piece in encode(entry, self._numbers)])
        if self._place + len(data) > self._settings.segment_bytes and self._place > self._first:
            self._begin(self._base + self._place, len(data))
            self._syncer.follow(self._descriptor)
        self._write(data)
        for item, samples, newest in entries:
            self.books.add(item.asset, samples, newest)
        self._bell.ring()

    def sync(self) -> bool:
        """Make everything appended durable now; False where the disk refused (logged and counted)."""
        return self._syncer.sync()

    @property
    def sync_failures(self) -> int:
        """Group syncs that failed."""
        return self._syncer.failures

    @property
    def offset(self) -> int:
        """Logical offset after the last append."""
        return self._base + self._place

    def close(self) -> None:
        """Sync a last time and release the folder."""
        self._syncer.close()
        self._bell.close()
        os.close(self._lock)

    def __enter__(self) -> JournalWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _checked(self, item: Item) -> Entry:
        if isinstance(item, SampleBatch):
            table = self._tables.get(item.asset)
            if table is not item.tags and table != item.tags:
                raise UnknownAsset(item.asset, tuple(self._tables))
        return entry_of(item)

    def _write(self, data: bytes) -> None:
        try:
            _write_all(self._descriptor, data, self._place)
        except OSError as error:
            # The next append overwrites what got through; until then the reader sees a frame that is not whole yet
            raise JournalWriteFailed(segment_path(self._folder, self._base), error) from error
        self._place += len(data)
        self._syncer.touched()

    def _begin(self, base: int, room: int) -> None:
        """Begin a segment; it appears under its name only when its head is written."""
        self._make_room(room)
        head = encode_head(SegmentHead(base, self._clock(), tuple(self._tables.values()), self.books))
        path = segment_path(self._folder, base)
        fresh = path.with_suffix(".new")
        try:
            descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                _write_all(descriptor, head, 0)
                fresh.rename(path)
            except OSError:
                os.close(descriptor)
                fresh.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise JournalWriteFailed(path, error) from error
        self._descriptor, self._base, self._place, self._first = descriptor, base, len(head), len(head)

    def _make_room(self, room: int) -> None:
        """Delete the oldest segments until one more fits, and read ones beyond the retention."""
        bases = list_bases(self._folder)
        sizes = [segment_path(self._folder, base).stat().st_size for base in bases]
        committed = read_mark(self._folder).committed
        read_to = committed.offset if committed else 0
        total = sum(sizes) + max(room, self._settings.segment_bytes)
        for number, (base, size) in enumerate(zip(bases, sizes, strict=True)):
            read = base + size <= read_to
            if total <= self._settings.quota_bytes and not (read and self._expired(bases[number + 1 :])):
                return
            segment_path(self._folder, base).unlink()
            total -= size
            if not read:
                self.unread_segments_dropped += 1
                log.error("journal_unread_dropped", folder=str(self._folder), base=base, bytes=size)

    def _expired(self, later: list[int]) -> bool:
        """Whether a segment is beyond the retention: the one after it was begun that long ago."""
        if self._settings.retention is None or not later:
            return False
        try:
            opened = open_segment(segment_path(self._folder, later[0]))
        except JournalDamaged:
            return False
        os.close(opened.descriptor)
        return self._clock() - opened.head.created > self._settings.retention.total_seconds() * 1e9


def _lock(folder: Path) -> int:
    descriptor = os.open(folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, 64, 0).decode(errors="replace")
        os.close(descriptor)
        raise JournalLocked(folder, owner) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"process {os.getpid()}".encode(), 0)
    return descriptor


def _write_all(descriptor: int, data: bytes, place: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, place)
        view, place = view[written:], place + written
