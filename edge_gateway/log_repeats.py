"""An event that repeats is written some times a minute; the rest is counted, and the count is told.

It is told before the next line that begins a minute of its own, whatever that line is about.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

import structlog

log = structlog.get_logger(__name__)

MOST = 10
PER_S = 60.0
_SUBJECTS = ("driver", "unit", "asset", "target", "model", "process_name", "library", "lane")
_MOST_KEPT = 1000
_SUMMARY = "log_suppressed"

Key = tuple[str, ...]


@dataclass(slots=True)
class _Run:
    since: float
    count: int = 0


class Repeats:
    """A structlog processor. The first `MOST` lines of an event and its subject within `PER_S` pass."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Nothing was written yet.

        Args:
            monotonic: Steady clock, s.
        """
        self._monotonic = monotonic
        self._runs: dict[Key, _Run] = {}
        self._lock = Lock()

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """The event.

        Raises:
            structlog.DropEvent: It is one too many.
        """
        key = (str(event.get("event")), str(event.get("level")), *(str(event.get(name)) for name in _SUBJECTS))
        if key[0] == _SUMMARY:
            return event
        now = self._monotonic()
        with self._lock:  # the storing thread and the models' log beside the main one
            run = self._runs.get(key)
            if run is not None and now - run.since < PER_S:
                run.count += 1
                if run.count > MOST:
                    raise structlog.DropEvent
                return event
            over = self._over(now)
            self._runs[key] = _Run(now, 1)
        for event_name, count in over.items():
            log.warning("log_suppressed", of=event_name, count=count)
        return event

    def _over(self, now: float) -> Counter[str]:
        """Forget what is over; how many lines of each event were not written in it."""
        ended = [key for key, run in self._runs.items() if now - run.since >= PER_S]
        if len(self._runs) >= _MOST_KEPT:  # subjects are few, but what a library names is not ours to bound
            ended = list(self._runs)
        counts: Counter[str] = Counter()
        for key in ended:
            if (count := self._runs.pop(key).count - MOST) > 0:
                counts[key[0]] += count
        return counts
