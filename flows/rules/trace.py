"""What to look at when a condition begins: the block, thinned."""

from __future__ import annotations

import numpy as np

from cloud_sink.evidence import Evidence, Trace
from connectors.tags import TagTable
from flows.downsample import downsample
from flows.rules.arrivals import Arrivals

POINTS = 100  # of a trace at most; `[alerts] evidence_points` may leave fewer


def evidence(tags: TagTable, numbers: tuple[int, ...], arrivals: Arrivals) -> Evidence | None:
    """The good samples that the block has of these tags; None where it has none, as in silence.

    Args:
        tags: Names and units.
        numbers: Largest share first.
        arrivals: The block.
    """
    found = [(number, own) for number in numbers if len((own := arrivals.in_block(number)).time)]
    if not found:
        return None
    times = np.concatenate([own.time for _, own in found])
    start, end = int(times.min()), int(times.max()) + 1
    traces = tuple(
        Trace(tags.tags[number].name, tags.tags[number].unit, downsample(own.time, own.value, start, POINTS))
        for number, own in found
    )
    return Evidence(start, end, traces=traces)
