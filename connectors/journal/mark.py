"""The read mark: how far the flow is known to have come, with the books at that place.

Two positions are kept. `committed` is durable in the flow's recovery store: nothing before it will be read again.
`pending` is one the flow has offered for its next commit. After a crash the flow resumes at one of the two, so the
books at its place are known even when the ring has deleted the segment around it, and what was lost can be counted.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from connectors.journal.books import Books

_NAME = "read.mark"


@dataclass(frozen=True)
class Position:
    """A place in the journal and the books of everything before it."""

    offset: int
    books: Books


@dataclass(frozen=True)
class Mark:
    """See the module."""

    committed: Position | None = None
    pending: Position | None = None

    def at(self, offset: int) -> Position | None:
        """The kept position with exactly this offset."""
        return next((one for one in (self.committed, self.pending) if one and one.offset == offset), None)

    @property
    def furthest(self) -> Position | None:
        """The later of the two."""
        return max((one for one in (self.committed, self.pending) if one), key=lambda one: one.offset, default=None)


def read_mark(folder: Path) -> Mark:
    """The mark of a journal; an empty one where there is none, or where a power cut left it unreadable."""
    try:
        data = json.loads((folder / _NAME).read_bytes())
        return Mark(*(_position(data[key]) for key in ("committed", "pending")))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return Mark()


def write_mark(folder: Path, mark: Mark) -> None:
    """Replace the mark in one step. After a power cut it is this one or the former, never half of one."""
    data = {
        key: None if one is None else {"offset": one.offset, "books": one.books.to_json()}
        for key, one in (("committed", mark.committed), ("pending", mark.pending))
    }
    target, fresh = folder / _NAME, folder / (_NAME + ".new")
    with fresh.open("wb") as file:
        file.write(json.dumps(data, separators=(",", ":")).encode())
        file.flush()
        os.fdatasync(file.fileno())
    fresh.replace(target)


def _position(data: dict[str, object] | None) -> Position | None:
    if data is None:
        return None
    offset, books = data["offset"], data["books"]
    if not isinstance(offset, int) or not isinstance(books, dict):
        msg = "not a position"
        raise TypeError(msg)
    return Position(offset, Books.from_json(books))
