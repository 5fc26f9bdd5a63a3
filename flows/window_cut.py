"""Cutting closed windows out of time-ordered columns: a few numpy calls for all windows and tags at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from connectors.tags import TagTable
from flows.blocks import WindowBlock
from flows.column_buffer import ColumnBuffer
from flows.window_settings import WindowSettings
from models.features import Segments, offsets_of

_KEYS_16_BIT = 65_536  # numpy sorts 16-bit keys by radix, in time proportional to their number


class WindowCutter:
    """Cuts windows of one shape for one tag table. Holds no samples."""

    def __init__(self, tags: TagTable, settings: WindowSettings) -> None:
        self.tags = tags
        self._length = settings.length_ns
        self._every = settings.every_ns
        # A waveform comes in bursts: how many to expect is not known from its sampling rate.
        known = (tags.interval_s > 0) & ~np.array([tag.waveform for tag in tags.tags], dtype=np.bool_)
        self._expected = np.full(len(tags), np.nan)
        self._expected[known] = settings.length.total_seconds() / tags.interval_s[known]

    def cut(
        self,
        good: ColumnBuffer,
        bad: ColumnBuffer,
        low: int | None,
        high: int,
        received: int,
        *,
        partial: bool = False,
    ) -> WindowBlock | None:
        """All windows that start in [low, high) and hold a sample, good or bad; None where there is none.

        Args:
            good: Samples to featurize; is put into time order.
            bad: Samples to count; is put into time order.
            low: None = from the oldest sample on.
            high: A multiple of `every`.
            received: For `decided_received`.
            partial: The windows have not ended.
        """
        good.sort()
        bad.sort()
        starts = self._candidates(good.time, bad.time, low, high)
        first, last = good.time.searchsorted(starts), good.time.searchsorted(starts + self._length)
        if bad.size:
            bad_first, bad_last = bad.time.searchsorted(starts), bad.time.searchsorted(starts + self._length)
            held = (last > first) | (bad_last > bad_first)
            bad_first, bad_last = bad_first[held], bad_last[held]
        else:
            held = last > first
        if not held.all():
            starts, first, last = starts[held], first[held], last[held]
        if not len(starts):
            return None
        shape = (len(starts), len(self.tags))
        segments = self._group(good, starts, first, last)
        n = segments.counts.astype(np.int32).reshape(shape)
        if bad.size:
            bad_keys = self._keys(bad.tag[_ranges(bad_first, bad_last)], bad_last - bad_first)
            n_bad = np.bincount(bad_keys, minlength=shape[0] * shape[1]).astype(np.int32).reshape(shape)
        else:
            n_bad = np.zeros(shape, dtype=np.int32)
        return WindowBlock(
            tags=self.tags,
            start=starts,
            end=starts + self._length,
            n=n,
            n_bad=n_bad,
            coverage=np.minimum(n / self._expected, 1.0).astype(np.float32),
            decided_received=received,
            partial=partial,
            segments=segments,
        )

    def _candidates(
        self, good: NDArray[np.int64], bad: NDArray[np.int64], low: int | None, high: int
    ) -> NDArray[np.int64]:
        """Starts of all windows that may hold a sample, in order; never many more than there are samples."""
        reach = high - self._every + self._length  # end of the last window to close
        panes = [_panes(time[: time.searchsorted(reach)], self._every) for time in (good, bad) if len(time)]
        if not panes:
            return np.empty(0, dtype=np.int64)
        all_panes = panes[0] if len(panes) == 1 else np.union1d(*panes)
        hops = self._length // self._every
        if hops > 1:
            all_panes = np.unique(all_panes[:, None] - np.arange(hops))
        starts = all_panes * self._every
        return starts[(starts < high) if low is None else (starts >= low) & (starts < high)]

    def _group(
        self,
        good: ColumnBuffer,
        starts: NDArray[np.int64],
        first: NDArray[np.int64],
        last: NDArray[np.int64],
    ) -> Segments:
        """Gather the samples of each window, tag by tag, keeping their order in time."""
        span = _ranges(first, last)
        counts = last - first
        tag, time, value = good.tag[span], good.time[span], good.value[span]
        keys = self._keys(tag, counts)
        n = np.bincount(keys, minlength=len(starts) * len(self.tags))
        since = time - (starts[0] if len(starts) == 1 else np.repeat(starts, counts))
        if keys.dtype == np.uint16:
            order = keys.argsort(kind="stable")
        else:
            order = np.lexsort((tag, np.repeat(np.arange(len(starts)), counts)))
        return Segments(value[order], since[order] / 1e9, offsets_of(n))

    def _keys(self, tag: NDArray[np.uint16], counts: NDArray[np.int64]) -> NDArray[np.uint16] | NDArray[np.int64]:
        """Number of each sample's segment: window * tags + tag."""
        if len(counts) == 1:
            return tag
        tags = len(self.tags)
        base = np.arange(len(counts)) * tags
        if len(counts) * tags <= _KEYS_16_BIT:
            return np.repeat(base.astype(np.uint16), counts) + tag
        return np.repeat(base, counts) + tag


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
