"""Which values are missing, tag by tag, and how far a hole was read from the server's history. Pure.

The edges of a hole differ from tag to tag: it begins at what was delivered last of the tag and ends at what was
delivered first after it. Only what lies strictly between is read, so nothing is delivered twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from connectors.opcua.settings import OpcUaSettings
from connectors.samples import Notice, SampleBatch
from connectors.tags import TagTable

NEVER = np.iinfo(np.int64).max
MOST_HOLES = 100  # that wait; a link that breaks every second must not fill the memory
FIRST_SPAN_NS = 60_000_000_000  # what is read at first; grows and shrinks with what comes
SETTLE_S = 2.0  # by then the first values of all tags are in, and the server's history has what we have


@dataclass(slots=True)
class Hole:
    """What is missing of one asset, and how far it was read.

    Attributes:
        asset: Whose.
        reason: Of the gap.
        start: ns, inclusive; everything before was read.
        end: ns, exclusive.
        due: When to begin, by the clock of the event loop.
        begun: ns, where the hole began.
        span: ns that are read at once.
        after: Handle -> ns; what is not newer was delivered.
        before: Handle -> ns; what is not older was delivered.
        values: Samples read so far.
        refused: Handle -> status code of the tags whose history cannot be read.
        cut: The hole is longer than what is read of it.
    """

    asset: str
    reason: str
    start: int
    end: int
    due: float
    begun: int
    after: dict[int, int]
    before: dict[int, int]
    span: int = FIRST_SPAN_NS
    values: int = 0
    refused: dict[int, int] = field(default_factory=dict)
    cut: bool = False


class _Edges:
    """What was delivered of one asset around a hole, by tag."""

    def __init__(self, last: NDArray[np.int64]) -> None:
        self.after = last.copy()
        self.before = np.full(len(last), NEVER)

    def passed(self, block: SampleBatch) -> None:
        newer = block.source_time > self.after[block.tag]
        np.minimum.at(self.before, block.tag[newer], block.source_time[newer])


@dataclass(slots=True)
class _Waiting:
    edges: _Edges
    notice: Notice
    due: float


class Holes:
    """The holes of all assets of one server, in the order in which they ended."""

    def __init__(self, settings: OpcUaSettings, tables: Sequence[TagTable]) -> None:
        """Nothing is missing."""
        self._settings = settings
        self._tags = {  # asset -> handle -> number of the tag in its table
            table.asset: {h: table.index(t.tag) for h, t in enumerate(settings.tags) if t.asset == table.asset}
            for table in tables
        }
        self._last = {table.asset: np.full(len(table), -1, dtype=np.int64) for table in tables}
        self._open: dict[str, _Edges] = {}  # holes that have not ended, and those whose last edges are still coming in
        self._waiting: deque[_Waiting] = deque()
        self._begun: Hole | None = None

    def passed(self, block: SampleBatch) -> None:
        """A block was delivered that is not from a history."""
        if (edges := self._open.get(block.asset)) is not None:
            edges.passed(block)
        self._last[block.asset][block.tag] = block.source_time  # the last of each tag stays

    def lose(self, assets: Sequence[str]) -> None:
        """From here on something is missing of these assets; their notices will follow."""
        for asset in assets:
            waiting = next((one for one in self._waiting if one.edges is self._open.get(asset)), None)
            if waiting is not None:
                self._freeze(waiting)
            if asset not in self._open:
                self._open[asset] = _Edges(self._last[asset])

    def ended(self, notice: Notice, now: float) -> Notice | None:
        """The gap of an asset has ended, or is told again with the edges it had; it is queued.

        Returns:
            The notice of an older hole that is let go, for too many wait.
        """
        edges = self._open.get(notice.asset)
        if edges is None:
            return None
        if notice.end <= notice.start:  # the server's clock went back: no times, no history
            del self._open[notice.asset]
            return None
        self._waiting.append(_Waiting(edges, notice, now + SETTLE_S))
        return self._let_go() if len(self._waiting) > MOST_HOLES else None

    @property
    def due(self) -> float | None:
        """When there is something to read, by the clock of the event loop; None: nothing is missing."""
        if self._begun is not None:
            return self._begun.due
        return self._waiting[0].due if self._waiting else None

    def next(self) -> Hole:
        """The hole that is being read, or the next one that waits; stays until `done`."""
        if self._begun is None:
            waiting = self._waiting[0]
            self._freeze(waiting)
            self._waiting.popleft()
            self._begun = self._hole(waiting)
        return self._begun

    def done(self) -> None:
        """The hole is read, or given up."""
        self._begun = None

    def _let_go(self) -> Notice:
        oldest = self._waiting[0]
        self._freeze(oldest)
        self._waiting.popleft()
        return oldest.notice

    def _freeze(self, waiting: _Waiting) -> None:
        """What is delivered from now on does not move the edges of this hole any more."""
        notice, edges = waiting.notice, waiting.edges
        if self._open.get(notice.asset) is edges:
            del self._open[notice.asset]
            # A tag that has not spoken since: it is read up to the end of the gap, and a later hole begins there.
            silent = edges.before == NEVER
            edges.before[silent] = notice.end
            last = self._last[notice.asset]
            last[silent] = np.maximum(last[silent], notice.end - 1)

    def _hole(self, waiting: _Waiting) -> Hole:
        notice, edges = waiting.notice, waiting.edges
        # A value that was told late may be older than the newest one of its asset, but not by much.
        slack = self._settings.publishing_interval.total_seconds() * 1e9
        limit = round(self._settings.backfill_limit.total_seconds() * 1e9)
        handles: Mapping[int, int] = self._tags[notice.asset]
        before = {handle: int(edges.before[tag]) for handle, tag in handles.items()}
        end = max(before.values(), default=notice.end)
        cut = end - notice.start > limit
        earliest = end - limit if cut else notice.start - round(slack)
        after = {handle: max(int(edges.after[tag]), earliest) for handle, tag in handles.items()}
        start = min(after.values(), default=notice.start)
        hole = Hole(notice.asset, notice.reason, start, end, waiting.due, notice.start, after, before)
        return replace(hole, cut=cut)
