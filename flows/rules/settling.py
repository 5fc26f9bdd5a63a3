"""Handing the rules what was put off, all tags in one sort."""

from __future__ import annotations

import numpy as np

from flows.column_buffer import ColumnBuffer
from flows.rules.arrivals import Own, in_order
from flows.rules.bands import QuietBands
from flows.rules.clock import NEVER


def settle(pending: ColumnBuffer, bands: QuietBands) -> None:
    """Give each watcher what it has not judged. All of it kept within the bands, or it would have been judged."""
    order = pending.tag.argsort(kind="stable")
    tag, times, values = pending.tag[order], pending.time[order], pending.value[order]
    cuts = np.flatnonzero(tag[1:] != tag[:-1]) + 1
    later = times[1:] >= times[:-1]
    later[cuts - 1] = True  # another tag
    ordered = bool(later.all())
    for low, high in zip([0, *cuts.tolist()], [*cuts.tolist(), len(tag)], strict=True):
        own = Own(order[low:high], times[low:high], values[low:high])
        if not ordered:
            own = in_order(own, NEVER)
        for watcher, side in bands.watchers_of(int(tag[low])):
            if not watcher.remembers:
                continue
            first = int(own.place.searchsorted(watcher.start)) if watcher.start else 0
            newest = watcher.newest[side]
            if first < len(own.time) and own.time[first] < newest:
                first = max(first, int(own.time.searchsorted(newest)))
            if first < len(own.time):
                watcher.settle(side, own.time[first:], own.value[first:])
