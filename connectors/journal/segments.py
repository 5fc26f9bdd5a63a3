"""The files of a journal's folder: which segments there are and how each begins."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from connectors.errors import JournalDamaged, JournalTooNew
from connectors.journal.books import Books
from connectors.journal.format import VERSION, SegmentHead, decode, decode_head, head_size, head_version

_SUFFIX = ".seg"
_WALK_BYTES = 8 * 2**20
_NAME_DIGITS = 20  # as many as 2**63 has, so that names sort as numbers do


def segment_path(folder: Path, base: int) -> Path:
    """Where the segment with this base lives."""
    return folder / f"{base:0{_NAME_DIGITS}d}{_SUFFIX}"


def list_bases(folder: Path) -> list[int]:
    """Bases of all segments, oldest first; empty where there is no folder yet."""
    try:
        names = os.listdir(folder)  # noqa: PTH208  a third of the price of Path objects, on the reader's idle path
    except FileNotFoundError:
        return []
    return sorted(int(name[:_NAME_DIGITS]) for name in names if name.endswith(_SUFFIX))


@dataclass(frozen=True)
class Opened:
    """A segment opened for reading.

    Attributes:
        descriptor: Of the open file; the owner closes it.
        head: As decoded.
        first: Place in the file of the first frame after the head.
    """

    descriptor: int
    head: SegmentHead
    first: int


def open_segment(path: Path) -> Opened:
    """Open a segment and read its head.

    Raises:
        FileNotFoundError: It has been deleted.
        JournalDamaged: Its head cannot be read.
        JournalTooNew: It was written by newer software.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        start = os.pread(descriptor, 16, 0)
        if head_version(start) > VERSION:
            raise JournalTooNew(path, head_version(start), VERSION)
        size = head_size(start)
        head = decode_head(os.pread(descriptor, size, 0))
        if head is None:
            raise JournalDamaged(path, 0, "its head is cut short or damaged")
    except BaseException:  # whatever it was, the descriptor must not leak
        os.close(descriptor)
        raise
    return Opened(descriptor, head, size)


def walk(opened: Opened, limit: int) -> tuple[int, Books]:
    """The books at a place within a segment, by going through its frames.

    Args:
        opened: The segment.
        limit: Place in the file: the border of a frame, or the size of the file.

    Returns:
        Place after the last sound frame that ends at or before `limit`, and the books there.
    """
    place, books, step = opened.first, opened.head.books.copy(), _WALK_BYTES
    while place < limit:
        buffer = os.pread(opened.descriptor, min(step, limit - place), place)
        frames = decode(buffer, opened.head.tables)
        for item, samples, newest in frames.entries:
            books.add(item.asset, samples, newest)
        place += frames.end
        if not frames.entries and not len(buffer) < frames.wants <= limit - place:
            break
        step = max(_WALK_BYTES, frames.wants)
    return place, books
