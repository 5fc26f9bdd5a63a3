"""What a start does to the end of a journal whose writer may have died in the middle of anything."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from connectors.errors import JournalDamaged
from connectors.journal.books import Books
from connectors.journal.mark import read_mark
from connectors.journal.rot import books_behind
from connectors.journal.segments import list_bases, open_segment, segment_path, walk

log = structlog.get_logger()


@dataclass(frozen=True)
class Recovered:
    """What a start found in the folder.

    Attributes:
        newest: Per asset the newest source time in the journal, ns since the epoch; assets without a sample are absent.
        samples: Samples appended in all lives of this journal.
        cut_bytes: Taken off the end, because they were no whole and sound frames.
    """

    newest: Mapping[str, int]
    samples: int
    cut_bytes: int


def recover(folder: Path) -> tuple[int, Books, int]:
    """Cut what is no frame off the end of the journal. For the writer, who holds the lock.

    Returns:
        Logical offset after everything that was ever there, the books at it, bytes cut.

    Raises:
        JournalTooNew: It was written by newer software; nothing is touched.
    """
    end, books, cut = 0, Books(), 0
    for leftover in folder.glob("[0-9]*.new"):  # segments only: the flow may be writing its mark right now
        leftover.unlink()
    for base in reversed(list_bases(folder)):
        path = segment_path(folder, base)
        size = path.stat().st_size
        try:
            opened = open_segment(path)
        except JournalDamaged as error:
            log.error("journal_segment_discarded", path=str(path), bytes=size, why=error.why)
            path.unlink()
            cut += size
            end = max(end, base + size)
            continue
        good_end, books = walk(opened, size)
        if good_end < size:
            books = books_behind(opened, good_end, size, books)
        os.close(opened.descriptor)
        if good_end < size:
            log.error("journal_tail_cut", path=str(path), bytes=size - good_end)
            os.truncate(path, good_end)
            cut += size - good_end
        end = max(end, base + size)
        if good_end == opened.first:
            path.unlink()
        break
    furthest = read_mark(folder).furthest
    if furthest is not None and furthest.offset > end:  # a power cut took back what the flow had read
        end, books = furthest.offset, books.at_least(furthest.books)
    return end, books, cut
