"""Which tags should have spoken by now: the polled ones, and those of which a heartbeat is declared. Pure.

Under report-by-exception, silence is the normal thing; so of the others only the link is watched, by its keep-alive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from connectors.opcua.settings import OpcUaSettings

POLLS = 3  # without any answer, a polled tag is silent


class Silence:
    """When every tag spoke last, by a monotonic clock in seconds."""

    def __init__(self, settings: OpcUaSettings) -> None:
        """No link is open, so nothing is expected."""
        limits = np.full(len(settings.tags), np.inf)
        for handle, interval in settings.polled.items():
            limits[handle] = POLLS * interval.total_seconds()
        for handle, tag in enumerate(settings.tags):
            if tag.heartbeat is not None:
                limits[handle] = tag.heartbeat.total_seconds()
        self._limits = limits
        self._last = np.zeros(len(limits))
        self._said = np.zeros(len(limits), dtype=np.bool_)
        self._open = False

    @property
    def shortest_s(self) -> float | None:
        """The shortest silence that is told; None: nothing is watched."""
        shortest = float(self._limits.min(initial=np.inf))
        return None if shortest == np.inf else shortest

    def opened(self, now: float) -> None:
        """A link is there: from now on, tags are expected to speak."""
        self._open = True
        self._last[:] = now

    def closed(self) -> None:
        """No link: that is told for all tags together, and not here."""
        self._open = False

    def heard(self, handles: NDArray[np.uint32], now: float) -> None:
        """These tags spoke."""
        known = handles[handles < len(self._last)]
        self._last[known] = now
        self._said[known] = False

    def overdue(self, now: float) -> list[int]:
        """Handles that fell silent and were not told yet."""
        if not self._open:
            return []
        silent = (now - self._last > self._limits) & ~self._said
        self._said |= silent
        handles: list[int] = np.flatnonzero(silent).tolist()
        return handles
