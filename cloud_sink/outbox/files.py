"""How either role opens the outbox's folder."""

from __future__ import annotations

from contextlib import ExitStack, closing, suppress
from datetime import timedelta
from pathlib import Path

from cloud_sink.errors import OutboxDamaged
from cloud_sink.outbox.damage import DamageMark
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.lock import RoleLock
from cloud_sink.outbox.reserve import DiskReserve
from cloud_sink.outbox.salvage import salvage_if_due, salvage_is_due
from cloud_sink.outbox.schema import DATABASE_NAME, migrate
from cloud_sink.settings import OutboxSettings

_OPENING = timedelta(seconds=120)  # the other role may be salvaging half a gigabyte
_LETTING_GO = timedelta(seconds=30)  # a running process looks at the mark at least once an epoch


class Role:
    """The lock, the connection and the disk reserve of one of the two processes."""

    def __init__(self, folder: Path, name: str, settings: OutboxSettings, checkpoint_pages: int) -> None:
        """Take the role and open the file, salvaging it where it is damaged; the folder must exist.

        Args:
            folder: Of the outbox.
            name: "writer" or "deliver".
            settings: Quota and waits.
            checkpoint_pages: See `Database`.

        Raises:
            OutboxLocked: The role is taken, or the other process does not let go of a damaged file.
            OutboxTooNew: The file belongs to newer software.
            OutboxError: The file cannot be opened.
        """
        self._folder = folder
        self._mark = DamageMark(folder)
        with ExitStack() as held:  # whatever goes wrong, the role must not stay taken
            held.enter_context(closing(RoleLock(folder / f"{name}.lock", settings.lock_wait)))
            with closing(RoleLock(folder / "open.lock", _OPENING)):  # making a new file is not for two at once
                self.database = self._open_whole(checkpoint_pages)
                held.enter_context(closing(self.database))
                held.enter_context(closing(RoleLock(folder / "use.lock", _LETTING_GO, shared=True)))
            self.reserve = DiskReserve(folder / "reserve", settings.disk_reserve)
            self.reserve.restore()
            self._held = held.pop_all()

    def _open_whole(self, checkpoint_pages: int) -> Database:
        self._salvage_if_due()
        with suppress(OutboxDamaged):
            return self._open(checkpoint_pages)
        self._salvage_if_due()
        return self._open(checkpoint_pages)

    def _open(self, checkpoint_pages: int) -> Database:
        path = self._folder / DATABASE_NAME
        with ExitStack() as opened:
            database = Database(path, checkpoint_pages=checkpoint_pages, mark=self._mark)
            opened.enter_context(closing(database))
            migrate(database, path)
            opened.pop_all()
        return database

    def _salvage_if_due(self) -> None:
        if not salvage_is_due(self._folder, self._mark):
            return
        with closing(RoleLock(self._folder / "use.lock", _LETTING_GO)):
            salvage_if_due(self._folder, self._mark)

    def close(self) -> None:
        """Let go of the file, then of the role."""
        self._held.close()
