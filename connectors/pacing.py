"""A recording in passes, and when each of them is due. Which items a pass holds never depends on a clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import numpy as np

from connectors.samples import Item, SampleBatch

PASS_NS = 250_000_000  # of received time; live, a pass holds what came within some milliseconds
BLOCKS_PER_PASS = 64


def passes(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Put items together: up to 64, received within a quarter of a second. By what they say alone, at any speed."""
    group: list[Item] = []
    begin: int | None = None
    for item in items:
        received = item.received_time if isinstance(item, SampleBatch) else None
        apart = begin is not None and received is not None and not 0 <= received - begin < PASS_NS
        if group and (apart or len(group) == BLOCKS_PER_PASS):
            yield group
            group, begin = [], None
        if begin is None:
            begin = received
        group.append(item)
    if group:
        yield group


def received_of(items: Iterable[Item]) -> int:
    """Newest received time of a pass, ns; 0 = it holds no samples."""
    return max((item.received_time for item in items if isinstance(item, SampleBatch)), default=0)


class Pace:
    """Lets a recording go by in the rhythm in which it was received, quicker or slower; or does not hold it at all."""

    def __init__(
        self,
        speed: float | None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Begin with the first pass.

        Args:
            speed: Recorded seconds in a second; None = as fast as the flow takes it.
            monotonic: Steady clock, s.
            sleep: Waits so many seconds.
        """
        self._speed = speed
        self._monotonic = monotonic
        self._sleep = sleep
        self._began: tuple[float, int] | None = None

    def is_due(self, received: int, longest_s: float) -> bool:
        """Whether what was received then goes by now; waits for it, at most so long."""
        if self._speed is None or not received:
            return True
        now = self._monotonic()
        if self._began is None:
            self._began = now, received
        began, first = self._began
        left = began + (received - first) / 1e9 / self._speed - now
        if left > 0:
            self._sleep(min(left, longest_s))
        return left <= longest_s


def cut(items: Iterable[Item], span_ns: int) -> Iterator[Item]:
    """Blocks of a table, which hold hours, as if they had come live: one for each span of source time.

    Each is received when its last sample was taken.

    Args:
        items: Blocks in order of time.
        span_ns: ns; borders lie at multiples of it.
    """
    for item in items:
        if not isinstance(item, SampleBatch):
            yield item
            continue
        borders = np.flatnonzero(np.diff(item.source_time // span_ns)) + 1
        for start, end in pairwise([0, *borders.tolist(), len(item)]):
            rows = slice(start, end)
            times = item.source_time[rows]
            yield SampleBatch(
                item.tags, item.tag[rows], times, item.value[rows], item.status[rows], int(times.max()), item.origin
            )
