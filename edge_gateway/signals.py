"""A polite end: SIGTERM and SIGINT become a flag or a call, never an exception in the middle of something."""

from __future__ import annotations

import signal
from collections.abc import Callable


class StopFlag:
    """Set at SIGTERM or SIGINT.

    A bare attribute: a signal may come while the handler of another one runs, and there the lock of a
    `threading.Event` would be waited for, for ever, by the very thread that holds it.
    """

    def __init__(self) -> None:
        """Watch from now on. Main thread only."""
        self._is_set = False
        on_stop(self.set)

    def set(self) -> None:
        """The end is wanted."""
        self._is_set = True

    def is_set(self) -> bool:
        """Whether the end is wanted."""
        return self._is_set


def on_stop(call: Callable[[], None]) -> None:
    """Call `call` at SIGTERM or SIGINT, from the main thread, as often as they come; also in the middle of itself.

    Args:
        call: Must take no lock.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: call())


def ignore_hangup() -> None:
    """SIGHUP, which asks the supervisor for a reload, ends no process: not in its first moments either."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
