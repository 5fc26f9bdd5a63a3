"""A file that only takes up room, given up when the disk is full: SQLite cannot even delete on a full disk."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_ROOM_FACTOR = 4  # made again only when this many times its size is free, so that it does not come and go


class DiskReserve:
    """Shared by both roles; each call looks at the disk afresh."""

    def __init__(self, path: Path, size: int) -> None:
        """Describe it; nothing is written yet.

        Args:
            path: Of the file.
            size: Bytes; 0 = none wanted.
        """
        self._path = path
        self._size = size

    def release(self) -> bool:
        """Give the room back to the disk. Whether there was any."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True

    def restore(self) -> bool:
        """Take the room again if the disk can spare it. Whether it is there now."""
        if self._size == 0:
            return False
        with suppress(FileNotFoundError):
            if self._path.stat().st_size == self._size:  # else a crash left it half made
                return True
        disk = os.statvfs(self._path.parent)
        if disk.f_bavail * disk.f_frsize < _ROOM_FACTOR * self._size:
            return False
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
            try:
                os.posix_fallocate(file, 0, self._size)
            finally:
                os.close(file)
        except OSError:  # filled up in between, or no inode is free: half a reserve is none
            self._path.unlink(missing_ok=True)
            return False
        return True
