"""Where the event time of every asset stands, and the holes in it. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from connectors.samples import Notice, NoticeKind, SampleBatch

SKEW_NS = 10_000_000_000  # a source time further ahead than this is not believed to be the front of event time
SETTLING_NS = 5_000_000_000  # after this much time of receipt all initial values are in; what comes now is a change


@dataclass(slots=True)
class _Hole:
    reason: str
    start: int
    followed: int | None = None  # when the first block after it was received


class Gaps:
    """A hole begins at the newest sample of an asset.

    It ends at the next newer sample; where several tags come at once, at the newest of the first samples of each: the
    first values after a restart also hold tags that have not changed since the server began, long before it was heard.
    Where nothing newer comes though values do, the server's clock has gone back: the hole then has no length.
    """

    def __init__(self, source: str) -> None:
        """Nothing is known and nothing is missing. `source`: the driver, for the notices."""
        self._source = source
        self._newest: dict[str, int] = {}
        self._open: dict[str, _Hole] = {}

    def newest(self, asset: str) -> int | None:
        """Newest source time of the asset, ns; None: it never had a sample."""
        return self._newest.get(asset)

    def fronts(self) -> dict[str, int]:
        """Newest source time of every asset that had a sample, ns."""
        return dict(self._newest)

    @property
    def assets(self) -> list[str]:
        """Those with a hole that has not ended, in alphabetical order."""
        return sorted(self._open)

    def lose(self, reason: str, assets: Collection[str] | None = None) -> list[str]:
        """Something is missing from here on. The first reason stands; an asset without a sample cannot miss one.

        Args:
            reason: Of the notice.
            assets: Those that miss something; None = all.

        Returns:
            Those of them with a hole.
        """
        for asset, newest in self._newest.items():
            if assets is None or asset in assets:
                self._open.setdefault(asset, _Hole(reason, newest))
        return [asset for asset in self._open if assets is None or asset in assets]

    def passed(self, block: SampleBatch) -> Notice | None:
        """Move the front of the block's asset on.

        Args:
            block: At least one sample.

        Returns:
            The gap that the block ends; it stands right before the block.
        """
        notice = self._ended_by(block)
        top = int(block.source_time.max())
        newest = self._newest.get(block.asset, top)
        # A front that lies in the future was no front: one wild timestamp must not hold it for a year. Nor is one that
        # the clock has gone back behind.
        stands = newest <= block.received_time + SKEW_NS and (notice is None or notice.end > notice.start)
        self._newest[block.asset] = max(newest, top) if stands else top
        return notice

    def _ended_by(self, block: SampleBatch) -> Notice | None:
        hole = self._open.get(block.asset)
        if hole is None:
            return None
        if hole.followed is None:
            hole.followed = block.received_time
        order = np.lexsort((block.source_time, block.tag))
        order = order[block.source_time[order] > hole.start]
        firsts = order[np.unique(block.tag[order], return_index=True)[1]]
        end = int(block.source_time[firsts].max(initial=hole.start))
        # A value that has not changed since before the hole does not end it; a change does, whatever time it has.
        if end == hole.start and block.received_time < hole.followed + SETTLING_NS:
            return None
        del self._open[block.asset]
        return Notice(NoticeKind.GAP, block.asset, hole.reason, hole.start, end, source=self._source)
