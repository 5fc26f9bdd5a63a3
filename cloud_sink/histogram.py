"""How long something took, counted by classes as Prometheus wants them; for the status files."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)
"""From what is promised of an alert (3 ms) to what only a stalled disk or a restart can do."""


class Histogram:
    """Counts since the start."""

    def __init__(self, bounds: Sequence[float] = BOUNDS_S) -> None:
        """Of no observation yet.

        Args:
            bounds: Upper ends of the classes, ascending, s; one more above has no end.
        """
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        """One observation."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def facts(self) -> dict[str, Any]:
        """For a status file: counts up to each bound, the last one up to infinity; and the sum of all, s."""
        total, upto = 0, []
        for count in self._counts:
            total += count
            upto.append(total)
        return {"bounds": list(self._bounds), "upto": upto, "sum": self._sum}
