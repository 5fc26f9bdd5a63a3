"""The item that flows: a columnar block of samples of one asset, and the notices that travel beside it.

One object per sample costs 15-27 us through a keyed Bytewax step; a block costs the same whatever is in it. So nothing
between a driver and a window record ever holds a Python object per sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

from connectors.tags import TagTable


class Origin(IntEnum):
    """How a block came to us."""

    LIVE = 0
    REPLAYED = 1  # fetched again after a reconnect; source times may be older than what came before
    BACKFILLED = 2  # read from the server's history to fill a hole


@dataclass(slots=True, eq=False)
class SampleBatch:
    """A block of samples of ONE asset in arrival order. Treat as immutable: branches share it.

    All columns have the same length n.

    Attributes:
        tags: The asset and its tags; `tag` indexes into it.
        tag: uint16[n].
        source_time: int64[n], ns since the epoch, UTC: when the device or its server took the value. Event time.
        value: float64[n] in the tag's engineering unit; NaN where there is none.
        status: uint32[n], OPC-UA status code.
        received_time: ns since the epoch, UTC: when the last of these reached us.
        origin: Live, replayed or backfilled.
    """

    tags: TagTable
    tag: NDArray[np.uint16]
    source_time: NDArray[np.int64]
    value: NDArray[np.float64]
    status: NDArray[np.uint32]
    received_time: int
    origin: Origin = Origin.LIVE

    def __len__(self) -> int:
        return len(self.tag)

    @property
    def asset(self) -> str:
        """Name of the asset, the key of the stream."""
        return self.tags.asset


def concat(batches: Sequence[SampleBatch]) -> SampleBatch:
    """Join blocks of one asset, tag table and origin, in order. The received time is that of the last block.

    Args:
        batches: At least one.
    """
    last = batches[-1]
    if len(batches) == 1:
        return last
    return SampleBatch(
        last.tags,
        np.concatenate([batch.tag for batch in batches]),
        np.concatenate([batch.source_time for batch in batches]),
        np.concatenate([batch.value for batch in batches]),
        np.concatenate([batch.status for batch in batches]),
        last.received_time,
        last.origin,
    )


def unfold_waveform(
    tags: TagTable, tag: int, values: NDArray[np.float64], last_time: int, status: int, received_time: int
) -> SampleBatch:
    """Turn one array value into evenly spaced samples.

    Args:
        tags: Table of the asset.
        tag: Number of a waveform tag with a known interval.
        values: The array in time order.
        last_time: Source time of the array's last element, ns.
        status: One status code for all of them.
        received_time: ns since the epoch.
    """
    n = len(values)
    step_ns = tags.tags[tag].interval_s * 1e9
    offsets = np.rint(np.arange(n - 1, -1, -1, dtype=np.float64) * step_ns).astype(np.int64)
    return SampleBatch(
        tags,
        np.full(n, tag, dtype=np.uint16),
        last_time - offsets,
        values,
        np.full(n, status, dtype=np.uint32),
        received_time,
    )


ACQUIRER_DOWN, RECONFIGURED, REMOVED = "acquirer_down", "reconfigured", "removed"
"""Reasons of gaps: nobody acquired; a link was changed under way; nobody acquires this asset any more."""


class NoticeKind(StrEnum):
    """What a notice says."""

    GAP = "gap"  # nothing was acquired from start to end; how much was missed cannot be known
    DROPPED = "dropped"  # `count` samples that had been received were let go, by reason
    IDLE = "idle"  # nothing newer will come that is older than `end`: windows may close
    OVERFLOW = "overflow"  # a device's own queue lost samples before we could fetch them; how many cannot be known
    SILENT = "silent"  # tags that should have spoken by now did not
    BACKFILL = "backfill"  # a hole was read from history up to `end`; reason "advanced" = and goes on
    # A person asks something of an alarm: reason "acknowledge", "shelve" (until `end`), "unshelve" or "reset"; asked at
    # `start` by `source`; `detail` = JSON object with "alarm" (name, or "*" = all) and "comment"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the data cannot say itself. Travels in the same stream and journal as the blocks.

    Attributes:
        kind: See `NoticeKind`.
        asset: Whose stream it belongs to.
        reason: One of a small, bounded set: "acquirer_down", "link_down", "queue_full", "journal_quota", ...
        start: ns since the epoch, event time; 0 = unknown.
        end: ns since the epoch, event time.
        count: Samples concerned; 0 where it cannot be known.
        source: Which driver or stage says so.
        detail: A sentence for people: what is concerned and what to do; "" = the reason says it all.
    """

    kind: NoticeKind
    asset: str
    reason: str
    start: int
    end: int
    count: int = 0
    source: str = ""
    detail: str = ""


Item = SampleBatch | Notice
