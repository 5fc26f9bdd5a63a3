"""Where the event time of every asset stands, and the holes in it. Pure."""

from __future__ import annotations

from connectors.samples import Notice, NoticeKind, SampleBatch

SKEW_NS = 10_000_000_000  # a source time further ahead than this is not believed to be the front of event time


class Gaps:
    """A hole begins at the newest sample of an asset; the next newer sample ends it."""

    def __init__(self, source: str) -> None:
        """Nothing is known and nothing is missing. `source`: the driver, for the notices."""
        self._source = source
        self._newest: dict[str, int] = {}
        self._open: dict[str, tuple[str, int]] = {}  # asset -> reason and begin

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

    def lose(self, reason: str) -> None:
        """Something is missing from here on. The first reason stands; an asset without a sample cannot miss one."""
        for asset, newest in self._newest.items():
            self._open.setdefault(asset, (reason, newest))

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
        # A front that lies in the future was no front: one wild timestamp must not hold it for a year.
        self._newest[block.asset] = max(newest, top) if newest <= block.received_time + SKEW_NS else top
        return notice

    def _ended_by(self, block: SampleBatch) -> Notice | None:
        gap = self._open.get(block.asset)
        if gap is None:
            return None
        reason, start = gap
        newer = block.source_time[block.source_time > start]
        if not len(newer):  # a value that has not changed since before the hole does not end it
            return None
        del self._open[block.asset]
        return Notice(NoticeKind.GAP, block.asset, reason, start, int(newer.min()), source=self._source)
