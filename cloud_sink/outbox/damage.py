"""That the outbox's file is damaged, as a file of its own: whoever finds out says so, and both processes then end.

At the next start the file is salvaged, which takes that nobody has it open: what the other process still wrote into the
old file would be lost.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger(__name__)

MARK = "damaged"
_BOOK = "salvage.json"
IN_A_ROW_S = 600.0  # damage found again so soon after a salvage is the same trouble


class DamageMark:
    """`damaged` in the outbox's folder, and the book of salvages beside it."""

    def __init__(self, folder: Path) -> None:
        """Describe it; nothing is written yet."""
        self._path = folder / MARK
        self._book = folder / _BOOK

    @property
    def is_set(self) -> bool:
        """Whether the file waits to be salvaged."""
        return self._path.exists()

    @property
    def reason(self) -> str:
        """What was found; "" = nothing."""
        try:
            return self._path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def set(self, reason: str) -> None:
        """Say so. Never raises: the error that led here matters more."""
        if self.is_set:
            return
        log.error("outbox_damaged", folder=str(self._path.parent), reason=reason)
        with suppress(OSError):
            self._path.write_text(reason, encoding="utf-8")
            sync_folder(self._path.parent)

    def clear(self) -> None:
        """It is whole again."""
        self._path.unlink(missing_ok=True)

    def attempt(self, now: int) -> int:
        """Count a salvage that is about to begin.

        Args:
            now: Wall clock, ns.

        Returns:
            How many there were in a row, this one included.
        """
        before = self._read()
        recent = abs(now - before.get("time", 0)) < IN_A_ROW_S * 1e9
        count = 1 + (before.get("attempts", 0) if recent else 0)
        self._book.write_text(json.dumps({"attempts": count, "time": now, "reason": self.reason}), encoding="utf-8")
        return count

    def did_not_count(self) -> None:
        """The last attempt failed for a reason that has nothing to do with the file."""
        if before := self._read():
            before["attempts"] -= 1
            with suppress(OSError):
                self._book.write_text(json.dumps(before), encoding="utf-8")

    def _read(self) -> dict[str, Any]:
        try:
            book = json.loads(self._book.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return book if isinstance(book, dict) else {}


def sync_folder(folder: Path) -> None:
    """Make new, renamed and removed names in a folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
