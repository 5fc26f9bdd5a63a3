"""The bell between the two processes: a named pipe. A lost ring costs a poll interval, nothing else."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from pathlib import Path

PIPE_NAME = "wake"


class Bell:
    """The deliverer's side: sleeps until rung or until a time has passed."""

    def __init__(self, folder: Path) -> None:
        """Open the pipe in the outbox's folder, making it where it is missing."""
        path = folder / PIPE_NAME
        if not path.exists():
            os.mkfifo(path, 0o660)
        # Open for both directions (Linux allows it, fifo(7)): never end of file when the flow process is away.
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def wait(self, seconds: float) -> bool:
        """Sleep; True when rung. All rings so far are taken together."""
        ready, _, _ = select.select([self._pipe], [], [], max(seconds, 0))
        if ready:
            os.read(self._pipe, 65_536)
        return bool(ready)

    def ring(self) -> None:
        """Wake oneself, for example from a signal handler, which may still come after the end."""
        with suppress(OSError):  # thousands of unread rings: it will wake; or closed
            os.write(self._pipe, b"!")

    def close(self) -> None:
        """Take the bell away."""
        pipe, self._pipe = self._pipe, -1  # a number that is nobody's
        os.close(pipe)


def ring(folder: Path) -> None:
    """The flow's side: wake the deliverer if it is there. Never blocks, never raises for its absence."""
    try:
        pipe = os.open(folder / PIPE_NAME, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # no pipe yet, or nobody listens (ENXIO): it looks at the outbox first thing when it starts
        return
    with suppress(OSError):  # full of unread rings, or the listener has just left
        os.write(pipe, b"!")
    os.close(pipe)
