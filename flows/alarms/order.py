"""Blocks of samples and the scores that came of them, in the one order that no size of a poll changes. Pure.

A pass brings all samples of an asset first and then all windows they closed, many at a time after a restart, one at a
time live. What a person asked between two windows must find the alarms in the same state both times, or a replay would
tell another story. So every closed window is put right behind the block or notice that closed it.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.samples import Item, Notice, NoticeKind
from flows.alarms.event_time import EventTime, newest_of
from flows.blocks import ScoredBlock
from flows.timing import Timing


def in_order(values: Sequence[Item | ScoredBlock], time: EventTime, settings: Timing) -> list[Item | ScoredBlock]:
    """The same values.

    Args:
        values: Of one asset and one pass; items among themselves, and scores among themselves, are in order.
        time: Of the asset, before them.
        settings: Of the windows.
    """
    scores = [value for value in values if type(value) is ScoredBlock]
    if not scores or len(scores) == len(values):
        return list(values)
    scores.reverse()
    items = [value for value in values if not isinstance(value, ScoredBlock)]
    last = {received: n for n, item in enumerate(items) if (received := _received(item)) is not None}
    out: list[Item | ScoredBlock] = []
    newest = time.now
    for n, item in enumerate(items):
        out.append(item)
        if (received := _received(item)) is None:
            continue
        newest = max(newest, item.end if isinstance(item, Notice) else newest_of(item, time.guard.limit(received)))
        # Of items received at one time the last has closed what no other did, also where a clock was set in between
        while scores and (n == last[received] or _was_closed_by(scores[-1], newest - settings.lateness_ns)):
            if scores[-1].decided_received != received:
                break
            out.append(scores.pop())
    return out + scores[::-1]


def _received(item: Item) -> int | None:
    """When it came, ns; None where it closes no windows that are judged."""
    if isinstance(item, Notice):
        return item.end if item.kind is NoticeKind.IDLE else None
    return item.received_time


def _was_closed_by(block: ScoredBlock, watermark: int) -> bool:
    return block.partial or block.backfilled or not len(block) or int(block.end[-1]) <= watermark
