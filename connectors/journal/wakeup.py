"""The bell between writer and reader: a named FIFO in the journal's folder.

A byte per append. Not a datagram socket, whose address (sun_path) holds 108 bytes only (unix(7)): fewer than many a
data folder needs. Both ends open it for reading and writing, which Linux allows (fifo(7)): so the writer needs no
reader to be there, and a reader whose writer died waits, rather than being told of the end over and over.
"""

from __future__ import annotations

import os
import select
from contextlib import suppress
from pathlib import Path

_NAME = "wake"


class Bell:
    """One end of the FIFO; which end, says what is called."""

    def __init__(self, folder: Path) -> None:
        path = folder / _NAME
        with suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def ring(self) -> None:
        """Wake the reader. A full pipe means that it has been rung often enough."""
        try:  # noqa: SIM105  suppress() costs as much as the write
            os.write(self._descriptor, b"\0")
        except BlockingIOError:
            pass

    def wait(self, timeout_s: float) -> bool:
        """Wait until it has rung since the last call; False where the time-out passed first."""
        if not self._poll.poll(timeout_s * 1000):
            return False
        with suppress(BlockingIOError):
            os.read(self._descriptor, 65_536)
        return True

    def close(self) -> None:
        """Let go of the FIFO; it stays in the folder."""
        os.close(self._descriptor)
