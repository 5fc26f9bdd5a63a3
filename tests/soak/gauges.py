"""Memory, threads, file handles and tasks of each process over time, and whether they grow."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import psutil

WARM_S = 25.0
"""Of each life of a process: it imports, loads models and fills its caches."""

ENDS_S = 10.0
"""Before the last look at a life: it may have been ending, and closing what it had open."""

LEAST_S, LEAST_LOOKS = 15.0, 8
"""Of a life after that, or it says nothing about growth."""


@dataclass(frozen=True, slots=True)
class Look:
    """At one process.

    Attributes:
        life: Its process id.
        age: Seconds since it began.
        gauges: By name.
    """

    life: int
    age: float
    gauges: dict[str, float]


@dataclass(frozen=True, slots=True)
class Slope:
    """Growth of one gauge of one process, over all its lives.

    Attributes:
        low: Least value seen, after warming up.
        high: Largest.
        per_hour: Slope of the least-squares lines through the lives, each with a level of its own.
        error: Standard error of that; successive looks are not independent, so it is a lower bound.
        seconds: Of the lives together.
    """

    low: float
    high: float
    per_hour: float
    error: float
    seconds: float


@dataclass(slots=True)
class Gauges:
    """Looks so far, by role."""

    looks: dict[str, list[Look]] = field(default_factory=lambda: defaultdict(list))

    def look(self, role: str, pid: int, tasks: int | None) -> None:
        """Take one look; a process that has ended meanwhile is passed over."""
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                memory = process.memory_info()
                gauges = {
                    # Anonymous memory: pages of files come and go with whoever else has them mapped.
                    "memory MB": (memory.rss - memory.shared) / 1e6,
                    "threads": float(process.num_threads()),
                    "handles": float(process.num_fds()),
                }
                age = time.time() - process.create_time()
        except psutil.Error:
            return
        if tasks is not None:
            gauges["tasks"] = float(tasks)
        self.looks[role].append(Look(pid, age, gauges))

    def lives(self, role: str) -> int:
        """How many processes there were."""
        return len({look.life for look in self.looks[role]})

    def slope(self, role: str, gauge: str) -> Slope | None:
        """None = no life was long enough."""
        lives: dict[int, list[Look]] = defaultdict(list)
        ended = {look.life: look.age for look in self.looks[role]}
        for look in self.looks[role]:
            if WARM_S <= look.age <= ended[look.life] - ENDS_S and gauge in look.gauges:
                lives[look.life].append(look)
        long = [life for life in lives.values() if life[-1].age - life[0].age >= LEAST_S and len(life) >= LEAST_LOOKS]
        return _fit([[(look.age, look.gauges[gauge]) for look in life] for life in long]) if long else None


def _fit(lives: Sequence[Sequence[tuple[float, float]]]) -> Slope:
    """One slope for all lives: least squares about the mean of each (analysis of covariance)."""
    centred = [np.array(life) - np.mean(life, axis=0) for life in lives]
    x, y = np.concatenate(centred).T
    slope = float(x @ y) / float(x @ x)
    rest = y - slope * x
    free = max(1, len(x) - len(lives) - 1)
    error = float(np.sqrt(rest @ rest / free / (x @ x)))
    values = [value for life in lives for _, value in life]
    seconds = sum(life[-1][0] - life[0][0] for life in lives)
    return Slope(min(values), max(values), slope * 3600, error * 3600, seconds)
