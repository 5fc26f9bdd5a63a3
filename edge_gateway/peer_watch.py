"""Ends a flow process of a cluster that has lost a peer.

Bytewax's processes talk over TCP and know nothing of time: one whose peer was cut off waits for it, for ever if it has
nothing to send, and a process that looks for its peers at the start does so as long as it takes a packet to be given
up. So a thread looks whether the dataflow makes progress. When it does not, the process ends, and the supervisor begins
another one; the same happens at the other end of the cut, and both look for each other until they meet.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

_STOP_S = 3.0  # a stop that waits for peers which do not stop


class PeerWatch:
    """Call `passed` at every pass; `start` once, before the dataflow runs."""

    def __init__(
        self,
        lost_after_s: float,
        end: Callable[[int], None],
        stopping: Callable[[], bool],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Describe it.

        Args:
            lost_after_s: Without a pass for so long, a peer is taken for lost.
            end: Ends the process at once: 0 = it was to stop anyway, 1 = a peer is lost.
            stopping: Whether the process has been told to stop.
            monotonic: Steady clock, s.
        """
        self._lost_after_s = lost_after_s
        self._end = end
        self._stopping = stopping
        self._monotonic = monotonic
        self._last = monotonic()
        self._stop_since: float | None = None
        self._met = False

    def passed(self) -> None:
        """The dataflow makes progress: every host has finished the epoch before this one."""
        self._last = self._monotonic()
        if not self._met:
            self._met = True
            log.info("cluster_met")

    def start(self) -> None:
        """Look from now on, in a thread that ends with the process."""
        self._last = self._monotonic()
        threading.Thread(target=self._go_on, name="peer-watch", daemon=True).start()

    def look(self) -> None:
        """One look. Of the thread; called by tests without one."""
        now = self._monotonic()
        if self._stopping():
            self._stop_since = self._stop_since or now
            if now - max(self._stop_since, self._last) > _STOP_S:
                log.info("flow_stopped", why="its own input has ended; the other hosts go on")
                self._end(0)
        elif now - self._last > self._lost_after_s:
            log.error("cluster_peer_lost", silent_s=round(now - self._last, 1), met=self._met)
            self._end(1)

    def _go_on(self) -> None:
        wait = threading.Event()
        while not wait.wait(min(0.5, self._lost_after_s / 4)):
            self.look()
