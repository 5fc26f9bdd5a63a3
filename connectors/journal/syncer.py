"""Makes appended bytes durable in a thread of its own, so that no append waits for the disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from threading import Event, Lock, Thread

import structlog

log = structlog.get_logger()


class Syncer:
    """Group fsync: one for everything that was appended since the last.

    Used by the writer only. It owns the descriptors handed to `follow` and closes them.

    Attributes:
        failures: Syncs that failed so far. After a failed one the kernel may have let the pages go (fsync(2)): what was
            appended since the last good one may not survive a power cut, although it can still be read.
    """

    def __init__(self, folder: Path, every: timedelta, fsync: Callable[[int], None] = os.fdatasync) -> None:
        self.failures = 0
        self._folder = folder
        self._every = every.total_seconds()
        self._fsync = fsync
        self._live: int | None = None
        self._retired: list[int] = []
        self._dirty = False
        self._new_name = False
        self._state = Lock()  # guards the fields above; held for moments
        self._syncing = Lock()  # one sync at a time; nobody else closes a descriptor
        self._stop = Event()
        self._thread = Thread(target=self._run, name="journal-sync", daemon=True)
        self._thread.start()

    def follow(self, descriptor: int) -> None:
        """A new live segment, which has just got its name. The former is synced once more and closed."""
        with self._state:
            if self._live is not None:
                self._retired.append(self._live)
            self._live = descriptor
            self._dirty = self._new_name = True

    def touched(self) -> None:
        """Bytes were appended to the live segment."""
        self._dirty = True

    def sync(self) -> bool:
        """Sync now, in the calling thread; False where it failed. Failure is logged and counted, never raised."""
        with self._syncing:
            with self._state:
                live, retired, dirty, new_name = self._live, self._retired, self._dirty, self._new_name
                self._retired, self._dirty, self._new_name = [], False, False
            try:
                for descriptor in retired:
                    self._fsync(descriptor)
                if dirty and live is not None:
                    self._fsync(live)
                if new_name:
                    self._sync_folder()
            except OSError as error:
                self.failures += 1
                log.error("journal_sync_failed", folder=str(self._folder), error=error.strerror, failures=self.failures)
                with self._state:
                    self._dirty, self._new_name = True, self._new_name or new_name
                return False
            finally:
                for descriptor in retired:
                    os.close(descriptor)
            return True

    def close(self) -> None:
        """Sync a last time and let go of the live segment."""
        self._stop.set()
        self._thread.join()
        self.sync()
        if self._live is not None:
            os.close(self._live)
            self._live = None

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            if self._dirty:
                self.sync()

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
