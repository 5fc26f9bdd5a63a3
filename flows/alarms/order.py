"""Blocks of samples and the scores that came of them, in the one order that no size of a poll changes. Pure.

A pass brings all samples of an asset first and then all windows they closed, many at a time after a restart, one at a
time live. What a person asked between two windows must find the alarms in the same state both times, or a replay would
tell another story. So every closed window is put right behind the block or notice that closed it.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.samples import Item, Notice, NoticeKind, Origin, SampleBatch
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
    scout = time.copy()  # it goes where `time` will be when the scores are taken
    for n, item in enumerate(items):
        out.append(item)
        if (received := _received(item)) is None:
            continue
        followed = scout.guard.followed
        watermark = _newest(scout, item) - settings.lateness_ns
        while scores and scores[-1].decided_received == received:
            block = scores[-1]
            if block.partial:
                closed = scout.guard.followed > followed or (isinstance(item, SampleBatch) and item.tags != block.tags)
            else:
                closed = block.backfilled or not len(block) or int(block.end[-1]) <= watermark
            if not closed and n < last[received]:  # of items received at one time the last closed what no other did
                break
            out.append(scores.pop())
    return out + scores[::-1]


def _newest(time: EventTime, item: Item) -> int:
    """Go on by an item; the newest source time that closes windows."""
    if isinstance(item, Notice):
        time.idle(item)
    elif item.origin is Origin.BACKFILLED:
        return max(time.now, newest_of(item, time.guard.limit(item.received_time)))
    elif len(item):
        time.take(item)
    return time.now


def _received(item: Item) -> int | None:
    """When it came, ns; None where it closes no windows that are judged."""
    if isinstance(item, Notice):
        return item.end if item.kind is NoticeKind.IDLE else None
    return item.received_time
