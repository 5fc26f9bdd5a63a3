"""The reading end of the journal: one flow, from a logical offset, never blocking.

Theory. Frames are taken as they become whole. What is not whole at the end of the newest segment is "not yet"; in any
segment with a successor it is final. At every entry into a segment the reader's own books are compared with those in
the segment's head: what lies between was lost on the way (deleted by the quota, or damaged), and it is stated as
DROPPED notices with exact counts before anything newer. So what the writer appended = what the reader received + what
its notices state.
"""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from connectors.errors import JournalDamaged
from connectors.journal.books import Books
from connectors.journal.format import Entry, Frames, decode
from connectors.journal.mark import Mark, Position, read_mark, write_mark
from connectors.journal.segments import Opened, list_bases, open_segment, segment_path, walk
from connectors.journal.wakeup import Bell
from connectors.samples import Item, Notice, NoticeKind
from connectors.tags import TagTable

log = structlog.get_logger()

MAX_BYTES = 4 * 2**20


class JournalReader:
    """Follows a journal. There may be one that waits and marks; any number may read (exports).

    Attributes:
        offset: Logical offset after the last item read.
        books: Of everything before `offset`, since the journal began.
    """

    def __init__(self, folder: Path, offset: int) -> None:
        """Touches no file yet: the folder may be made later.

        Args:
            folder: Of the journal.
            offset: Where to begin: one that a reader had before, or 0 for the oldest that there is.
        """
        self.offset = offset
        self.books = Books()
        self._folder = folder
        self._segment: Opened | None = None
        self._base = -1  # of the segment we are in or have just left; -1 before the first
        self._place = 0  # in the file
        self._tables: tuple[TagTable, ...] = ()
        self._final = False  # a successor was seen, so this segment's size will not change
        self._torn = False  # the last look ended at something that is no whole frame
        self._mark: Mark | None = None
        self._bell: Bell | None = None

    def read(self, max_bytes: int = MAX_BYTES) -> list[Item]:
        """What there is, in order; empty where there is nothing new. Never waits.

        Blocks are read-only views of one buffer of at most `max_bytes` (or of one frame, where that is larger).

        Raises:
            JournalTooNew: It was written by newer software.
        """
        items: list[Item] = []
        while self._segment is not None or self._enter(items):
            entries = self._decode(max_bytes)
            if entries:
                return items + self._received(entries)
            if not self._leave():
                break
        return items

    def wait(self, timeout_s: float) -> bool:
        """Wait for an append; False where the time-out passed. True is a hint: there may be nothing to read yet."""
        if self._bell is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._bell = Bell(self._folder)
        return self._bell.wait(timeout_s)

    @property
    def backlog_bytes(self) -> int:
        """Bytes in the journal beyond `offset`, heads of segments included."""
        total = 0
        for base in list_bases(self._folder):
            try:
                end = base + segment_path(self._folder, base).stat().st_size
            except FileNotFoundError:  # the quota was quicker
                continue
            total += max(0, end - max(base, self.offset))
        return total

    @property
    def end(self) -> int:
        """Logical offset after the last byte that there is now; 0 where there is none."""
        base = max(list_bases(self._folder), default=0)
        try:
            return base + segment_path(self._folder, base).stat().st_size
        except FileNotFoundError:  # none, or the writer's start took an empty one away
            return base

    def offer(self) -> int:
        """Note the present position as the one a commit may be under way for; returns its offset.

        Survives any death at any moment after it. Trouble with the disk is logged: the mark only serves the accounts.
        """
        mark = self._known_mark()
        if self._base >= 0 and mark.at(self.offset) is None:  # before the first read the books are not known
            self._save(Mark(mark.committed, Position(self.offset, self.books.copy())))
        return self.offset

    def mark(self, offset: int) -> None:
        """State that everything before `offset` is safe with the flow and need not be kept for it. Durable.

        Args:
            offset: The present one or the last that `offer` returned.

        Raises:
            ValueError: Another offset, of which the books are not known.
        """
        mark = self._known_mark()
        position = mark.at(offset)
        if position is None:
            if self._base < 0:
                return  # nothing has been read yet
            if offset != self.offset:
                msg = f"offset {offset}: neither the present one ({self.offset}) nor the last offered"
                raise ValueError(msg)
            position = Position(offset, self.books.copy())
        if position != mark.committed:
            self._save(Mark(position, mark.pending))

    def close(self) -> None:
        """Let go of the files."""
        if self._segment is not None:
            os.close(self._segment.descriptor)
            self._segment = None
        if self._bell is not None:
            self._bell.close()
            self._bell = None

    def _received(self, entries: list[Entry]) -> list[Item]:
        for item, samples, newest in entries:
            self.books.add(item.asset, samples, newest)
        return [entry.item for entry in entries]

    def _decode(self, max_bytes: int) -> list[Entry]:
        """Whole frames from the present place; moves on behind them."""
        assert self._segment is not None
        descriptor = self._segment.descriptor
        there = os.fstat(descriptor).st_size - self._place
        if there <= 0:
            self._torn = False
            return []
        frames = decode(os.pread(descriptor, min(there, max_bytes), self._place), self._tables)
        if not frames.entries and max_bytes < frames.wants <= there:
            frames = decode(os.pread(descriptor, frames.wants, self._place), self._tables)
        self._moved(frames)
        return frames.entries

    def _moved(self, frames: Frames) -> None:
        self._place += frames.end
        self.offset = self._base + self._place
        self._torn = not frames.entries

    def _leave(self) -> bool:
        """Go to the next segment, if there is one and nothing more can come in this; False = not yet."""
        assert self._segment is not None
        if not any(base > self._base for base in list_bases(self._folder)):
            return False
        if not self._final:
            # The writer ended this segment before it began the next, but perhaps after our last look
            self._final = True
            return True
        os.close(self._segment.descriptor)
        self._segment = None
        return True

    def _enter(self, items: list[Item]) -> bool:
        """Open the first readable segment from here on; adds notices of what is missing before it."""
        bases = list_bases(self._folder)
        home, resumed = self._base, self._base < 0
        if resumed:
            home = max((base for base in bases if base <= self.offset), default=-1)
            self.books = self._books_on_resume()
        for base in bases:
            if base < home or (base == home and not resumed):
                continue
            try:
                opened = open_segment(segment_path(self._folder, base))
            except (FileNotFoundError, JournalDamaged):
                continue  # its samples are missing from the books of the next that can be read
            if opened.head.tables != self._tables:  # the same objects as long as they say the same
                self._tables = opened.head.tables
            if base == home:
                self._place = max(self.offset - base, opened.first)  # the end of one segment is the base of the next
                if self._known_mark().at(self.offset) is None:
                    _, self.books = walk(opened, self._place)
            else:
                items += self._missing(opened.head.books, damaged=self._torn or home in bases)
                self._place = opened.first
            self._segment, self._base, self._final, self._torn = opened, base, False, False
            self.offset = base + self._place
            return True
        return False

    def _missing(self, books: Books, *, damaged: bool) -> list[Item]:
        """Notices of what lies between our books and these, which become ours."""
        reason = "journal_corrupt" if damaged else "journal_quota"
        notices: list[Item] = []
        for asset, (mine, theirs) in books.missing_from(self.books).items():
            count = theirs.samples - mine.samples
            log.error("journal_samples_lost", folder=str(self._folder), asset=asset, reason=reason, count=count)
            notices.append(Notice(NoticeKind.DROPPED, asset, reason, mine.newest, theirs.newest, count, "journal"))
        self.books = books.copy()
        return notices

    def _books_on_resume(self) -> Books:
        """The books at our offset where the mark knows them, else those of a place at or before it."""
        mark = self._known_mark()
        kept = [one for one in (mark.at(self.offset), mark.furthest, mark.committed) if one]
        return next((one.books.copy() for one in kept if one.offset <= self.offset), Books())

    def _known_mark(self) -> Mark:
        if self._mark is None:
            self._mark = read_mark(self._folder)
        return self._mark

    def _save(self, mark: Mark) -> None:
        try:
            write_mark(self._folder, mark)
        except OSError as error:
            log.warning("journal_mark_failed", folder=str(self._folder), error=error.strerror)
        self._mark = mark
