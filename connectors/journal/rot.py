"""Counts what stands behind a damaged place of a segment, so that what is cut off there is stated and not forgotten."""

from __future__ import annotations

import os

from connectors.journal.books import Books
from connectors.journal.format import claimed, decode, frame_size
from connectors.journal.segments import Opened


def books_behind(opened: Opened, place: int, size: int, books: Books) -> Books:
    """The books at the end of a file, as if what stands behind `place` had been kept.

    An end that a crash tore has no sound frame behind it, and adds nothing. Where bytes rotted in the middle, every
    sound frame behind them counts, and so does the rotten one with what it claims, if its length leads to a sound one.

    Args:
        opened: The segment.
        place: Where the first frame stands that is none.
        size: Of the file.
        books: At `place`.
    """
    whole, tables = books.copy(), opened.head.tables
    rest = os.pread(opened.descriptor, size - place, place)
    bad = 0
    while (sound := _next_sound(opened, rest, bad + 8)) < len(rest):
        if bad + frame_size(rest, bad) == sound and (block := claimed(rest, bad, tables)) is not None:
            whole.add(*block, 0)
        frames = decode(rest, tables, sound)
        for item, samples, newest in frames.entries:
            whole.add(item.asset, samples, newest)
        bad = frames.end
    return whole


def _next_sound(opened: Opened, rest: bytes, at: int) -> int:
    """Where the next sound frame begins, or the end; frames stand at multiples of eight from one another."""
    while at < len(rest):
        size = frame_size(rest, at)
        # Decoding one frame alone: the check sum of a long one that is none would be paid for again and again.
        if size and at + size <= len(rest) and decode(rest[at : at + size], opened.head.tables).entries:
            return at
        at += 8
    return len(rest)
