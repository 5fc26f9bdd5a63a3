"""Windows that are still open and whose ends the data decide: one after the other, each sample in one. Pure."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from connectors.samples import SampleBatch
from connectors.tags import TagTable
from flows.data_settings import CountSettings, SessionSettings
from flows.held_values import held_at
from flows.open_windows import OpenWindows, Spans
from flows.window_block import WindowBlock
from flows.window_cut import judged

MOST_KNOWN = 32  # closed windows that are remembered, to say which one a late sample missed
_LONG = 1 << 62


class DataWindows(OpenWindows):
    """Windows that follow each other without overlap, from the first sample on.

    What comes from a history for a time before the open windows is late: it would change windows that were handed out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._due = -_LONG  # no window closes before the watermark is here; a bound, made anew after a restart
        self._known = np.empty((0, 2), dtype=np.int64)  # first times and bounds of the windows that closed last
        self._judged = np.empty(0, dtype=np.bool_)

    @override
    def know(self, tags: TagTable) -> None:
        super().know(tags)
        self._judged = judged(tags)

    @abstractmethod
    def _soonest(self, oldest: int) -> int:
        """Where the watermark must be at least to close a window on account of a new sample of this time."""

    @abstractmethod
    def _bounds(
        self, time: NDArray[np.int64], tag: NDArray[np.uint16], watermark: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Cut sorted samples, at least one.

        Returns:
            Of the windows in order, one beyond those that close at least, unless none is left: where each ends among
            the samples, exclusive; and its bound: the watermark that closes it, which no sample in it can reach.
        """

    @override
    def keep(self, block: SampleBatch) -> None:
        super().keep(block)
        self._due = min(self._due, self._soonest(int(np.minimum.reduce(block.source_time))))

    @override
    def advance(self, watermark: int, received: int) -> WindowBlock | None:
        if watermark < self._due or not self._buffer.size:
            return None
        self._buffer.sort()
        last, bounds = self._bounds(self._buffer.time, self._buffer.tag, watermark)
        count = int(bounds.searchsorted(watermark, side="right"))
        self._due = int(bounds[count]) if count < len(bounds) else _LONG
        if not count:
            return None
        block = self._cut(last[:count], received)
        self._known = np.concatenate([self._known, np.stack([block.start, bounds[:count]], axis=1)])[-MOST_KNOWN:]
        self.late_before = int(bounds[count - 1])
        self._let_go(int(last[count - 1]))
        return block

    def _cut(self, last: NDArray[np.int64], received: int, *, partial: bool = False) -> WindowBlock:
        assert self._tags is not None, "samples come with their tags"
        buffer = self._buffer
        first = np.concatenate([np.zeros(1, dtype=np.int64), last[:-1]])
        span = slice(0, int(last[-1]))
        start, newest = buffer.time[first], buffer.time[last - 1]
        return WindowBlock(
            tags=self._tags,
            start=start,
            end=newest + 1 + self.repeats,
            sizes=last - first,
            tag=buffer.tag[span],
            time=buffer.time[span],
            value=buffer.value[span],
            expected=self._expected(newest - start),
            decided_received=received,
            partial=partial,
            held=held_at(self.held, buffer.tag, buffer.value, first),
            origin=None if buffer.origin is None else buffer.origin[span],
        )

    def _expected(self, length_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """float64[w, T]: how many samples of each tag such windows can hold; NaN where its interval is not known."""
        assert self._tags is not None, "samples come with their tags"
        expected = np.full((len(length_ns), len(self._tags)), np.nan)
        fit = length_ns[:, None] / 1e9 / self._tags.interval_s[self._judged]
        expected[:, self._judged] = np.floor(fit + 1e-6) + 1.0  # both ends hold one; a rounded float must not cost one
        return expected

    @override
    def missed(self, times: NDArray[np.int64]) -> Spans:
        """A sample of which no window is known would have been one of its own."""
        starts, bounds = times.copy(), times + 1
        if len(self._known):
            at = self._known[:, 0].searchsorted(times, side="right") - 1
            inside = (at >= 0) & (times < self._known[at, 1])
            starts[inside], bounds[inside] = self._known[at[inside]].T
        return starts, bounds

    @override
    def close_out(self, received: int) -> list[WindowBlock]:
        if not self._buffer.size:
            return []
        self._buffer.sort()
        last, _ = self._bounds(self._buffer.time, self._buffer.tag, _LONG)
        block = self._cut(last, received, partial=True)
        self._let_go(self._buffer.size)
        return [block]

    @override
    def begin(self, time: int, *, whole: bool) -> None:
        self.late_before, self._due = time, -_LONG
        self._known = self._known[:0]

    @override
    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "known": len(self._known)}

    @override
    def dump(self) -> list[bytes]:
        return [*super().dump(), self._known.astype("<i8").tobytes()]

    @override
    def load(self, head: Mapping[str, Any], data: bytes, at: int) -> int:
        at = super().load(head, data, at)
        self._known = np.frombuffer(data, "<i8", 2 * head["known"], at).astype(np.int64).reshape(-1, 2)
        return at + self._known.nbytes


class SessionWindows(DataWindows):
    """Stretches of activity."""

    def __init__(self, settings: SessionSettings) -> None:
        super().__init__()
        self._gap, self._longest = settings.gap_ns, settings.max_length_ns

    @override
    def _soonest(self, oldest: int) -> int:
        return oldest + self._gap

    @override
    def _bounds(
        self, time: NDArray[np.int64], tag: NDArray[np.uint16], watermark: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        last = np.append(np.flatnonzero(time[1:] - time[:-1] >= self._gap) + 1, len(time))
        first = np.concatenate([np.zeros(1, dtype=np.int64), last[:-1]])
        long = np.flatnonzero(time[last - 1] - time[first] >= self._longest)
        if len(long):
            cuts: list[int] = []
            for at, end in zip(first[long].tolist(), last[long].tolist(), strict=True):
                while (at := int(time.searchsorted(time[at] + self._longest))) < end:
                    cuts.append(at)
            last = np.sort(np.concatenate([last, np.array(cuts, dtype=np.int64)]))
            first = np.concatenate([np.zeros(1, dtype=np.int64), last[:-1]])
        return last, np.minimum(time[last - 1] + self._gap, time[first] + self._longest)


class CountWindows(DataWindows):
    """So many samples each."""

    def __init__(self, settings: CountSettings) -> None:
        super().__init__()
        self._settings = settings
        self._counted: int | None = None  # number of the tag; None = all are counted

    @override
    def know(self, tags: TagTable) -> None:
        super().know(tags)
        name = self._settings.tag
        if name:
            self._counted = tags.names.index(name) if name in tags.names else len(tags)

    @override
    def _soonest(self, oldest: int) -> int:
        return oldest

    @override
    def _bounds(
        self, time: NDArray[np.int64], tag: NDArray[np.uint16], watermark: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        counted = np.arange(len(time)) if self._counted is None else np.flatnonzero(tag == self._counted)
        last: list[int] = []
        bounds: list[int] = []
        at = 0
        while at < len(time) and (not bounds or bounds[-1] <= watermark):
            bound = int(time[at]) + self._settings.max_length_ns
            full = int(counted.searchsorted(at)) + self._settings.count - 1
            if full < len(counted):
                bound = min(bound, int(time[counted[full]]) + 1)
            at = int(time.searchsorted(bound))
            last.append(at)
            bounds.append(bound)
        return np.array(last, dtype=np.int64), np.array(bounds, dtype=np.int64)
