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
from flows.timing import Timing


def in_order(values: Sequence[Item | ScoredBlock], newest: int, settings: Timing) -> list[Item | ScoredBlock]:
    """The same values.

    Args:
        values: Of one asset and one pass; items among themselves, and scores among themselves, are in order.
        newest: Event time of the asset before them, ns.
        settings: Of the windows.
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
        if isinstance(value, Notice):
            if value.kind is not NoticeKind.IDLE:
                continue
            received, newest = value.end, max(newest, value.end)
        else:
            received, newest = value.received_time, max(newest, newest_of(value, settings.allowed_skew_ns))
        while scores and _was_closed_by(scores[-1], received, newest - settings.lateness_ns):
            out.append(scores.pop())
    return out + scores[::-1]


def newest_of(block: SampleBatch, allowed_skew: int) -> int:
    """Newest source time of a block, ns, without what is stamped too far ahead of its reception; 0 = none."""
    if not len(block):
        return 0
    newest = int(np.maximum.reduce(block.source_time))
    limit = block.received_time + allowed_skew
    return newest if newest <= limit else int(block.source_time[block.source_time <= limit].max(initial=0))


def _was_closed_by(block: ScoredBlock, received: int, watermark: int) -> bool:
    if block.decided_received != received:
        return False
    return block.partial or block.backfilled or not len(block) or int(block.end[-1]) <= watermark
