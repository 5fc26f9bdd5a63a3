"""A limit on bytes a second, so that bulk leaves room on the line for others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """A bucket of tokens, one a byte, filled at the rate and holding a quarter of a second. Threads may share it."""

    def __init__(
        self,
        rate: float,
        sleep: Callable[[float], object] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with a full bucket.

        Args:
            rate: Bytes a second, above 0.
            sleep: Waits for some seconds.
            monotonic: Steady clock, s.
        """
        self._rate = rate
        self._sleep = sleep
        self._monotonic = monotonic
        self._tokens = self._most = rate / 4
        self._at = monotonic()
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Wait until so many bytes may leave. More than the bucket holds is paid for afterwards, by the next one."""
        with self._lock:
            now = self._monotonic()
            self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate)
            self._at = now
            owed = -self._tokens
            self._tokens -= size
        if owed > 0:
            self._sleep(owed / self._rate)
