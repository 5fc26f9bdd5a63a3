"""Blocks of samples and the scores that came of them, in the one order that no size of a poll changes. Pure.

A pass brings all samples of an asset first and then all windows they closed, many at a time after a restart, one at a
time live. What a person asked between two windows must find the alarms in the same state both times, or a replay would
tell another story. So every closed window is put right behind the block or notice that closed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.samples import (
    ACQUIRER_DOWN,
    RECONFIGURED,
    REMOVED,
    Item,
    Notice,
    NoticeKind,
    Origin,
    SampleBatch,
)
from flows.alarms.event_time import EventTime, newest_of
from flows.blocks import ScoredBlock
from flows.timing import Timing
from flows.window_state import ADVANCED


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
        step = _Step(item, received, watermark, scout.guard.followed > followed)
        while scores:
            live = next((block for block in reversed(scores) if not block.backfilled), scores[-1])
            # What no other item of its time closed, the last did; what stands before one that was closed was closed too
            is_over = last.get(live.decided_received, -1) <= n and not live.backfilled
            if not (is_over or step.closed(live) or step.closed(scores[-1])):
                break
            out.append(scores.pop())
    return out + scores[::-1]


@dataclass(frozen=True, slots=True)
class _Step:
    """What an item did to the windows.

    Attributes:
        item: Of the asset.
        received: When, ns.
        watermark: After it, ns.
        followed: A clock was followed at it.
    """

    item: Item
    received: int
    watermark: int
    followed: bool

    def closed(self, block: ScoredBlock) -> bool:
        """Whether it closed these windows, as far as can be told."""
        if block.backfilled:
            return self._closed_past(block)
        if block.decided_received != self.received:
            return False
        return self._closed_out(block) if block.partial else not len(block) or int(block.end[-1]) <= self.watermark

    def _closed_past(self, block: ScoredBlock) -> bool:
        """Who reads a history says how far it is."""
        item = self.item
        if not isinstance(item, Notice):
            return block.partial and self._closed_out(block)
        if item.kind is NoticeKind.BACKFILL and item.reason == ADVANCED:
            return int(block.end[-1]) <= item.end
        return item.kind is NoticeKind.BACKFILL or item.reason in (REMOVED, ACQUIRER_DOWN, RECONFIGURED)

    def _closed_out(self, block: ScoredBlock) -> bool:
        if isinstance(self.item, SampleBatch):
            return self.followed or self.item.tags != block.tags
        return self.item.reason == REMOVED


def _newest(time: EventTime, item: Item) -> int:
    """Go on by an item; the newest source time that closes windows."""
    if isinstance(item, Notice):
        if item.kind is NoticeKind.IDLE:
            time.idle(item)
    elif item.origin is Origin.BACKFILLED:
        return max(time.now, newest_of(item, time.guard.limit(item.received_time)))
    elif len(item):
        time.take(item)
    return time.now


def _received(item: Item) -> int | None:
    """When it came, ns; None where it closes no windows."""
    if isinstance(item, Notice):
        return None if item.kind is NoticeKind.COMMAND else item.end
    return item.received_time
