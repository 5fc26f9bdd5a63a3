"""Cutting closed windows out of columns in order of time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from connectors.tags import TagTable
from flows.column_buffer import ColumnBuffer
from flows.held_values import held_at
from flows.window_block import WindowBlock
from flows.window_settings import WindowSettings
from models.features import offsets_of


class WindowCutter:
    """Cuts windows of one shape for one tag table. Holds no samples."""

    def __init__(self, tags: TagTable, settings: WindowSettings) -> None:
        self.tags = tags
        self._length = settings.length_ns
        self._every = settings.every_ns
        self._align = settings.align_ns
        known = judged(tags)
        self._expected = np.full(len(tags), np.nan)
        self._expected[known] = settings.length.total_seconds() / tags.interval_s[known]

    def cut(
        self,
        buffer: ColumnBuffer,
        low: int | None,
        high: int,
        received: int,
        *,
        held: NDArray[np.float64] | None = None,
        partial: bool = False,
        free: Callable[[NDArray[np.int64]], NDArray[np.bool_]] | None = None,
    ) -> WindowBlock | None:
        """All windows that start in [low, high) and hold a sample; None where there is none.

        Args:
            buffer: Is put into order of time; holds nothing before `low`.
            low: The start of a window; None = from the oldest sample on.
            high: The start of a window, unless partial.
            received: For `decided_received`.
            held: float64[T], in force before the oldest sample of the buffer; None = not known.
            partial: The windows have not ended.
            free: Which starts may be handed out; None = all.
        """
        buffer.sort()
        if low is not None and high - low == self._every:  # the usual case, without a search for what there is
            count = int(buffer.time.searchsorted(low + self._length))
            if not count:
                return None
            starts, sizes = np.array([low]), np.array([count])
            span: slice | NDArray[np.int64] = slice(0, count)
            in_force = None if held is None else held[None]
        else:
            starts = self._candidates(buffer.time, low, high)
            if free is not None:
                starts = starts[free(starts)]
            first = buffer.time.searchsorted(starts)
            last = buffer.time.searchsorted(starts + self._length)
            filled = last > first
            starts, first, last = starts[filled], first[filled], last[filled]
            if not len(starts):
                return None
            sizes, span = last - first, _ranges(first, last)
            in_force = None if held is None else held_at(held, buffer.tag, buffer.value, first)
        return WindowBlock(
            tags=self.tags,
            start=starts,
            end=starts + self._length,
            sizes=sizes,
            tag=buffer.tag[span],
            time=buffer.time[span],
            value=buffer.value[span],
            expected=self._expected,
            decided_received=received,
            partial=partial,
            origin=None if buffer.origin is None else buffer.origin[span],
            held=in_force,
        )

    def _candidates(self, time: NDArray[np.int64], low: int | None, high: int) -> NDArray[np.int64]:
        """Starts of all windows that may hold one of these sorted times; never many more than there are samples."""
        reach = high - self._every + self._length  # end of the last window to close
        panes = _panes(time[: time.searchsorted(reach)] - self._align, self._every)
        hops = self._length // self._every
        if hops > 1:
            panes = np.unique(panes[:, None] - np.arange(hops))
        starts = panes * self._every + self._align
        return starts[(starts < high) if low is None else (starts >= low) & (starts < high)]


def judged(tags: TagTable) -> NDArray[np.bool_]:
    """Tags whose coverage is known: their interval is. A waveform comes in bursts: how many to expect is not known."""
    return (tags.interval_s > 0) & ~np.array([tag.waveform for tag in tags.tags], dtype=np.bool_)


def _panes(time: NDArray[np.int64], every: int) -> NDArray[np.int64]:
    """Numbers of the panes (multiples of `every`) that sorted times reach over; only those that hold one, if few do."""
    if not len(time):
        return np.empty(0, dtype=np.int64)
    first, last = int(time[0]) // every, int(time[-1]) // every
    if last - first <= len(time):
        return np.arange(first, last + 1)
    return np.unique(time // every)


def _ranges(first: NDArray[np.int64], last: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Index of first[0]:last[0], first[1]:last[1], ... one after the other; a slice where they touch."""
    if len(first) == 1 or (first[1:] == last[:-1]).all():
        return slice(first[0], last[-1])
    counts = last - first
    shift = first - offsets_of(counts)[:-1]
    return np.repeat(shift, counts) + np.arange(int(counts.sum()))
