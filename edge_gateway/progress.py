"""What a process says of its own progress, so that others can tell one that works from one that only beats.

All times are `time.monotonic_ns`, which on Linux is one clock for all processes between two starts of the machine.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

STALL_S = 60.0
"""Work that waits for so long without any of it being done is stuck."""


class Moving:
    """Since when a number is what it is. Told as often as one likes."""

    def __init__(self, value: int = 0, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """Begin with a value, as of now."""
        self._clock = clock
        self.value = value
        self.since = clock()

    def at(self, value: int) -> None:
        """The number now."""
        if value != self.value:
            self.value, self.since = value, self._clock()


class Past:
    """What a number was `STALL_S` ago: so much whoever reads what it counts must have read by now."""

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns, every_s: float = 1.0) -> None:
        """Nothing is known yet.

        Args:
            clock: Monotonic, ns.
            every_s: Apart are the values that are remembered.
        """
        self._clock = clock
        self._every = round(every_s * 1e9)
        self._kept: deque[tuple[int, int]] = deque()
        self._past = 0

    def at(self, value: int) -> int:
        """The number now; returns the one of back then, 0 before there is any."""
        now = self._clock()
        if not self._kept or now - self._kept[-1][0] >= self._every:
            self._kept.append((now, value))
        while self._kept and now - self._kept[0][0] >= STALL_S * 1e9:
            self._past = self._kept.popleft()[1]
        return self._past
