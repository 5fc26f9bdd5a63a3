"""What to look at when a condition begins: the last samples of its tags, thinned."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cloud_sink.evidence import Evidence, Trace
from connectors.tags import TagTable
from flows.downsample import downsample
from flows.rules.arrivals import Arrivals
from flows.rules.recent import DEPTH, Recent
from flows.rules.watcher import MISSING

POINTS = 100  # of a trace at most; `[alerts] evidence_points` may leave fewer


def evidence(tags: TagTable, numbers: tuple[int, ...], arrivals: Arrivals, recent: Recent) -> Evidence | None:
    """The last good samples of these tags, all of the block if it has more; None where there was never one.

    Args:
        tags: Names and units.
        numbers: Largest share first.
        arrivals: The block.
        recent: What came last, this block included.
    """
    known = [number for number in numbers if number != MISSING]
    found = [(number, columns) for number in known if len((columns := _last(number, arrivals, recent))[0])]
    if not found:
        return None
    times = np.concatenate([time for _, (time, _) in found])
    start, end = int(times.min()), int(times.max()) + 1
    traces = tuple(
        Trace(tags.tags[number].name, tags.tags[number].unit, downsample(time, value, start, POINTS))
        for number, (time, value) in found
    )
    return Evidence(start, end, traces=traces)


def _last(number: int, arrivals: Arrivals, recent: Recent) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    own = arrivals.in_block(number)
    return (own.time, own.value) if len(own.time) > DEPTH else recent.of(number)
