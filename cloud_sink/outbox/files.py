"""How either role opens the outbox's folder."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cloud_sink.outbox.database import Database
from cloud_sink.outbox.lock import RoleLock
from cloud_sink.outbox.reserve import DiskReserve
from cloud_sink.outbox.schema import DATABASE_NAME, migrate
from cloud_sink.settings import OutboxSettings

_OPENING = timedelta(seconds=30)


class Role:
    """The lock, the connection and the disk reserve of one of the two processes."""

    def __init__(self, folder: Path, name: str, settings: OutboxSettings, checkpoint_pages: int) -> None:
        """Take the role and open the file; the folder must exist.

        Args:
            folder: Of the outbox.
            name: "writer" or "deliver".
            settings: Quota and waits.
            checkpoint_pages: See `Database`.

        Raises:
            OutboxLocked: The role is taken.
            OutboxTooNew: The file belongs to newer software.
            OutboxError: The file cannot be opened.
        """
        path = folder / DATABASE_NAME
        self._lock = RoleLock(folder / f"{name}.lock", settings.lock_wait)
        try:
            opening = RoleLock(folder / "open.lock", _OPENING)  # making a new file is not for two at once
            try:
                self.database = Database(path, checkpoint_pages=checkpoint_pages)
                migrate(self.database, path)
            finally:
                opening.close()
        except BaseException:  # whatever it was, the role must not stay taken
            self._lock.close()
            raise
        self.reserve = DiskReserve(folder / "reserve", settings.disk_reserve)
        self.reserve.restore()

    def close(self) -> None:
        """Let go of the file, then of the role."""
        try:
            self.database.close()
        finally:
            self._lock.close()
