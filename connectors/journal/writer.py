"""The writing end of the journal: one process, one thread at a time.

Theory. An append is one write() into the page cache: it survives any death of this process at once, and a power cut
after the next group fsync. The segments are a ring: at the quota the oldest goes, read or not; what was unread is
counted by the reader from the books in the segment heads. A full disk is a smaller quota: what is new matters more.

A start always begins a new segment, whose base leaves a wide gap after everything before. A power cut can take back
bytes that the flow has already read and committed; bytes written later must never get their offsets again, or
the flow would take them for read.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

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
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
# At one time, so that a clock that jumps ahead does not empty the ring. Each segment begun adds one only.
_MOST_EXPIRED = 2
T = TypeVar("T")
RESTART_GAP = 2**40  # more than can ever be appended between two syncs; 2**63 holds 8 million of them


class JournalWriter:
    """Appends items. Opens the journal at once; use as a context manager or call `close`.

    Attributes:
        recovered: What was found at the start.
        books: Cumulative, of everything appended.
        unread_segments_dropped: Segments the quota or a full disk deleted before the flow had committed them.
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
        self._tables, self._numbers = _numbered(tables)
        self._folder = folder
        self._settings = settings
        self._clock = clock
        self._base = -1
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
        self._end = self._base + self._place
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
        self._end = self._base + self._place
        for item, samples, newest in entries:
            self.books.add(item.asset, samples, newest)
        self._bell.ring()

    def adopt(self, tables: Sequence[TagTable]) -> None:
        """Blocks of these tables come from now on, and of no others: they stand in the head of a new segment.

        Raises:
            JournalWriteFailed: The segment cannot be made; the former tables stay.
            ValueError: An asset has two tables.
        """
        former = self._tables, self._numbers
        self._tables, self._numbers = _numbered(tables)
        if tuple(self._tables.values()) == tuple(former[0].values()):
            return
        try:
            self._begin(self._base + self._place, 0)
        except JournalWriteFailed:
            self._tables, self._numbers = former
            raise
        self._syncer.follow(self._descriptor)

    def sync(self) -> bool:
        """Make everything appended durable now; False where the disk refused (logged and counted)."""
        return self._syncer.sync()

    @property
    def sync_failures(self) -> int:
        """Group syncs that failed."""
        return self._syncer.failures

    @property
    def offset(self) -> int:
        """Logical offset after the last append, or at the start: the head of a segment alone is nothing to read."""
        return self._end

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
        # After a failure the next append overwrites what got through; until then the reader sees a frame that is not
        # whole yet, or whole ones that the same append will write again
        self._find_room(segment_path(self._folder, self._base), lambda: _write_all(self._descriptor, data, self._place))
        self._place += len(data)
        self._syncer.touched()

    def _begin(self, base: int, room: int) -> None:
        """Begin a segment; it appears under its name only when its head is written."""
        head = encode_head(SegmentHead(base, self._clock(), tuple(self._tables.values()), self.books))
        path = segment_path(self._folder, base)

        def make() -> int:
            self._make_room(room)
            fresh = path.with_suffix(".new")
            descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                _write_all(descriptor, head, 0)
                fresh.rename(path)
            except OSError:
                os.close(descriptor)
                fresh.unlink(missing_ok=True)
                raise
            return descriptor

        self._descriptor = self._find_room(path, make)
        self._base, self._place, self._first = base, len(head), len(head)

    def _find_room(self, path: Path, action: Callable[[], T]) -> T:
        """Do something that takes room on the disk; while it is full, the oldest segment goes and it is tried again."""
        while True:
            try:
                return action()
            except OSError as error:
                if error.errno not in _NO_ROOM or not self._drop_oldest():
                    raise JournalWriteFailed(path, error) from error

    def _drop_oldest(self) -> bool:
        """Delete the oldest segment; False where there is none but the live one."""
        base = min(list_bases(self._folder), default=self._base)
        if base == self._base:
            return False
        path = segment_path(self._folder, base)
        try:
            self._delete(base, path.stat().st_size, self._read_to())
        except OSError as error:
            log.warning("journal_segment_not_deleted", path=str(path), error=error.strerror)
            return False
        return True

    def _make_room(self, room: int) -> None:
        """Delete the oldest segments until one more fits, and a few read ones beyond the retention."""
        bases = list_bases(self._folder)
        sizes = [segment_path(self._folder, base).stat().st_size for base in bases]
        read_to, expired = self._read_to(), 0
        total = sum(sizes) + max(room, self._settings.segment_bytes)
        for number, (base, size) in enumerate(zip(bases, sizes, strict=True)):
            if total <= self._settings.quota_bytes:
                read = base + size <= read_to
                if not read or expired == _MOST_EXPIRED or not self._expired(bases[number + 1 :]):
                    return
                expired += 1
            self._delete(base, size, read_to)
            total -= size

    def _delete(self, base: int, size: int, read_to: int) -> None:
        segment_path(self._folder, base).unlink()
        if base + size > read_to:
            self.unread_segments_dropped += 1
            log.error("journal_unread_dropped", folder=str(self._folder), base=base, bytes=size)

    def _read_to(self) -> int:
        """Offset up to which the flow has committed."""
        committed = read_mark(self._folder).committed
        return committed.offset if committed else 0

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


def _numbered(tables: Sequence[TagTable]) -> tuple[dict[str, TagTable], dict[str, int]]:
    """By asset: its table, and its number in the head of a segment.

    Raises:
        ValueError: An asset has two tables.
    """
    by_asset = {table.asset: table for table in tables}
    if len(by_asset) != len(tables):
        msg = "tables: every asset must stand there once; merge the tables of an asset that several drivers fill"
        raise ValueError(msg)
    return by_asset, {asset: number for number, asset in enumerate(by_asset)}


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
