"""Event time of one asset, as its alarms go by it. Pure: no clock of its own."""

from __future__ import annotations

import numpy as np

from connectors.samples import Notice, Origin, SampleBatch
from flows.clock_guard import ClockGuard
from flows.timing import Timing


class EventTime:
    """The newest source time that is believed of an asset. It follows a clock that was set for good, as windows do.

    Attributes:
        now: ns; 0 = nothing was heard.
        behind: ns by which that is behind the reception: what people ask is asked at our time.
        guard: Knows which times are believed.
    """

    def __init__(self, timing: Timing, now: int = 0, behind: int = 0, guard: ClockGuard | None = None) -> None:
        self.now = now
        self.behind = behind
        self.guard = guard or ClockGuard(timing)
        self._timing = timing
        self._straggling = timing.lateness_ns + timing.allowed_skew_ns

    def copy(self) -> EventTime:
        """Another one that goes on from here by itself."""
        return EventTime(self._timing, self.now, self.behind, ClockGuard.from_json(self._timing, self.guard.to_json()))

    def take(self, block: SampleBatch) -> int:
        """Go on by samples that say something about now, at least one of them.

        Returns:
            By how many ns a clock was set that is followed from here on; 0 = none was. What was to happen at a time
            happens so much later.
        """
        received, shift, live = block.received_time, 0, block.origin is Origin.LIVE
        newest = newest_of(block, self.guard.limit(received))
        if live:
            if newest and newest >= self.now - self._straggling:
                self.guard.accepted(newest, received)
            elif self.guard.refused(received):
                if not newest:
                    self.guard.go_ahead(block.source_time, received)
                    newest = newest_of(block, self.guard.limit(received))
                shift = newest - self.now if self.now else 0
        if newest > self.now or shift:
            self.now = newest
            if live:
                self.behind = received - newest
        return shift

    def idle(self, notice: Notice) -> None:
        """Time has passed in silence."""
        self.now = max(self.now, self.guard.elapsed_to(notice.start, notice.end, self.now))


def newest_of(block: SampleBatch, limit: int) -> int:
    """Newest source time of a block, ns, without what is newer than `limit`; 0 = none."""
    if not len(block):
        return 0
    newest = int(np.maximum.reduce(block.source_time))
    return newest if newest <= limit else int(block.source_time[block.source_time <= limit].max(initial=0))
