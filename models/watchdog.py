"""Ends a call of the engine that takes too long: one thread that looks twenty times a second, and does nothing else.

A timer for every call would cost more than most calls do (starting a thread: 50 us); looking costs two uncontended
locks a call, a third of a microsecond.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable

TICK_S = 0.05


class Watchdog:
    """Watches one call at a time, of whichever scorer makes it.

    The thread starts with the first call, and ends when nobody holds the watchdog any more.
    """

    def __init__(self, tick_s: float = TICK_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._tick_s = tick_s
        self._clock = clock
        self._lock = threading.Lock()
        self._until = 0.0
        self._end: Callable[[], None] | None = None
        self._thread: threading.Thread | None = None

    def watch(self, budget_s: float, end: Callable[[], None]) -> None:
        """From now on: call `end`, on our thread, when the budget is spent."""
        with self._lock:
            self._until, self._end = self._clock() + budget_s, end
        if self._thread is None:
            arguments = (weakref.ref(self), self._tick_s)
            self._thread = threading.Thread(target=_run, args=arguments, name="model-watchdog", daemon=True)
            self._thread.start()

    def release(self) -> None:
        """The call is over; after this `end` is not called any more."""
        with self._lock:
            self._end = None

    def look(self) -> None:
        """End what is overdue; the thread does it once a tick."""
        with self._lock:
            if self._end is not None and self._clock() > self._until:
                self._end()
                self._end = None


def _run(watchdog: weakref.ref[Watchdog], tick_s: float) -> None:
    while (here := watchdog()) is not None:
        here.look()
        del here
        time.sleep(tick_s)
