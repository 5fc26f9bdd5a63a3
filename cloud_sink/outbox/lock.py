"""One process a role: an advisory lock on a file, which the kernel lets go when the process dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from cloud_sink.errors import OutboxLocked

_LOOK_AGAIN_S = 0.05


class RoleLock:
    """Held from construction to `close`."""

    def __init__(
        self,
        path: Path,
        wait: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
        *,
        shared: bool = False,
    ) -> None:
        """Take the role.

        Args:
            path: Lock file of the role; made where it is missing, never removed (removing it would let two in).
            wait: How long to wait for a dying predecessor.
            monotonic: Steady clock, s.
            sleep: Waits for some seconds.
            shared: Beside others who share it.

        Raises:
            OutboxLocked: Somebody else still has it.
        """
        self._how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        give_up = monotonic() + wait.total_seconds()
        while not self._try():
            if monotonic() >= give_up:
                holder = os.pread(self._file, 32, 0).decode(errors="replace").strip()
                os.close(self._file)
                raise OutboxLocked(path, holder)
            sleep(_LOOK_AGAIN_S)
        if not shared:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._file, self._how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let the next one in."""
        os.close(self._file)


def holder(path: Path) -> str:
    """The process that has a role, as it wrote itself down; "" = nobody has it."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(file, 32, 0).decode(errors="replace").strip() or "unknown"
    finally:
        os.close(file)
    return ""
