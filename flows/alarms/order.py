"""Blocks of samples and the scores that came of them, in the one order that no size of a poll changes. Pure.

A pass brings all samples of an asset first and then all windows they closed, many at a time after a restart, one at a
time live. What a person asked between two windows must find the alarms in the same state both times, or a replay would
tell another story. So every closed window is put right behind the block or notice that closed it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from connectors.samples import Item, Notice, NoticeKind, SampleBatch
from flows.blocks import ScoredBlock


def in_order(values: Sequence[Item | ScoredBlock], newest: int, lateness: int) -> list[Item | ScoredBlock]:
    """The same values.

    Args:
        values: Of one asset and one pass; items among themselves, and scores among themselves, are in order.
        newest: Event time of the asset before them, ns.
        lateness: Of the windows, ns.
    """
    scores = [value for value in values if type(value) is ScoredBlock]
    if not scores or len(scores) == len(values):
        return list(values)
    scores.reverse()
    out: list[Item | ScoredBlock] = []
    for value in values:
        if isinstance(value, ScoredBlock):
            continue
        out.append(value)
        received, newest = _decides(value, newest)
        while scores and _was_closed_by(scores[-1], received, newest - lateness):
            out.append(scores.pop())
    return out + scores[::-1]


def _decides(item: Item, newest: int) -> tuple[int, int]:
    """What a window that this item closes has as its reception, and the newest event time with it."""
    if isinstance(item, Notice):
        return item.end, max(newest, item.end) if item.kind is NoticeKind.IDLE else newest
    return item.received_time, max(newest, _newest(item))


def _newest(block: SampleBatch) -> int:
    return int(np.maximum.reduce(block.source_time)) if len(block) else 0


def _was_closed_by(block: ScoredBlock, received: int, watermark: int) -> bool:
    if block.decided_received != received:
        return False
    return block.partial or block.backfilled or not len(block) or int(block.end[-1]) <= watermark
