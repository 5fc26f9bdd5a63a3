"""Late samples as events: nothing that was received goes without a word."""

from __future__ import annotations

from collections.abc import Iterable

import bytewax.operators as op
from bytewax.dataflow import operator
from bytewax.operators import KeyedStream

from cloud_sink.records import Event
from flows.blocks import LateBlock


@operator
def report_late(step_id: str, up: KeyedStream[LateBlock]) -> KeyedStream[Event]:  # noqa: ARG001
    """One event per block that held late samples, over the windows they missed.

    Args:
        step_id: Short stable word.
        up: Late samples keyed by asset.
    """

    def shim_mapper(items: list[tuple[str, LateBlock]]) -> Iterable[tuple[str, Event]]:
        return [(key, late_event(block)) for key, block in items]

    return op.flat_map_batch("event", up, shim_mapper)


def late_event(block: LateBlock) -> Event:
    """What is told about late samples. Pure."""
    count = len(block.samples)
    origin = block.samples.origin.name.lower()
    return Event(
        asset=block.asset,
        kind="late",
        reason="window_closed",
        start=int(block.window_start.min()),
        end=int(block.window_end.max()),
        count=count,
        source="window",
        detail=f"{count} samples ({origin}) came after their windows had closed.",
        total=block.total,
    )
