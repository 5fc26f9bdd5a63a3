"""The last value of every tag, from the end of the journal."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from connectors.journal.reader import JournalReader
from connectors.journal.segments import list_bases, segment_path
from connectors.samples import Origin, SampleBatch

_CURVE = 120
"""Points of a tag's small curve: two minutes at a look a second."""

RATE_S = 60
"""Over which the rate of a tag is told."""

_SMALL = 2**20
"""Bytes of a last segment that has just begun: then the one before it is read, too."""

_QUALITY = ("good", "uncertain", "bad", "bad")  # by the top two bits of a status code (OPC 10000-4, 7.39.1)


@dataclass(slots=True)
class Tag:
    """What is known of one tag.

    Attributes:
        unit: Engineering unit, "" = none.
        value: The last one, NaN where it came without.
        time: When it was taken, ns.
        status: OPC-UA status code.
        curve: (time, value) of the last looks at which there was a newer one.
        counts: (received time in whole s, samples) of the last `RATE_S`.
    """

    unit: str
    value: float = float("nan")
    time: int = 0
    status: int = 0
    curve: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=_CURVE))
    counts: deque[tuple[int, int]] = field(default_factory=deque)

    @property
    def quality(self) -> str:
        """Of the last value: good, uncertain or bad."""
        return _QUALITY[self.status >> 30]

    def count(self, second: int, samples: int) -> None:
        """Samples received in a second; seconds do not go back."""
        if self.counts and self.counts[-1][0] >= second:
            last, so_far = self.counts.pop()
            second, samples = last, so_far + samples
        self.counts.append((second, samples))
        while self.counts[0][0] < second - RATE_S:
            self.counts.popleft()

    def rate(self, second: int) -> float:
        """Samples a second over the last `RATE_S` before this second, or since there are any; NaN = not known yet.

        The second that is under way and the one in which it began do not count: they are not whole.
        """
        begin = max(second - RATE_S, self.counts[0][0] + 1) if self.counts else second
        if second <= begin:
            return float("nan")
        return sum(samples for at, samples in self.counts if begin <= at < second) / (second - begin)


class LiveTags:
    """Follows a journal from its last segment on, so that a tag that seldom changes has a value too."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read yet.

        Args:
            folder: Of the journal; need not exist yet.
        """
        self._folder = folder
        self._reader: JournalReader | None = None
        self._tags: dict[tuple[str, str], Tag] = {}

    def look(self) -> None:
        """Read what has come since the last look.

        Raises:
            ConnectorError: The journal is of newer software.
        """
        if self._reader is None:
            self._reader = JournalReader(self._folder, self._begin())
        fresh: set[tuple[str, str]] = set()
        while items := self._reader.read():
            by_table: dict[int, list[SampleBatch]] = {}
            for item in items:
                if isinstance(item, SampleBatch) and len(item):
                    by_table.setdefault(id(item.tags), []).append(item)
            for blocks in by_table.values():
                fresh |= self._take(blocks)
        for key in fresh:
            tag = self._tags[key]
            tag.curve.append((tag.time, tag.value))

    def _begin(self) -> int:
        """Where the last segment begins that holds more than a few values."""
        bases = list_bases(self._folder)
        if not bases:
            return 0
        try:
            is_small = segment_path(self._folder, bases[-1]).stat().st_size < _SMALL
        except FileNotFoundError:  # the writer's start took an empty one away
            is_small = True
        return bases[-2] if is_small and len(bases) > 1 else bases[-1]

    def close(self) -> None:
        """Let go of the journal; what is known stays."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    @property
    def tags(self) -> Mapping[tuple[str, str], Tag]:
        """By asset and name; only those that a value was seen of."""
        return self._tags

    def told(self) -> list[dict[str, Any]]:
        """For the page, in order of asset and tag."""
        return [
            {
                "asset": asset,
                "tag": name,
                "unit": tag.unit,
                "value": tag.value if math.isfinite(tag.value) else None,
                "time": tag.time,
                "quality": tag.quality,
                "status": f"0x{tag.status:08X}",
                "curve": [round(value, 6) if math.isfinite(value) else None for _, value in tag.curve],
            }
            for (asset, name), tag in sorted(self._tags.items())
        ]

    def _take(self, blocks: list[SampleBatch]) -> set[tuple[str, str]]:
        """The newest sample of each tag in blocks of one table, and how many came in each of the last seconds."""
        tags = blocks[0].tags
        number = np.concatenate([block.tag for block in blocks])
        time = np.concatenate([block.source_time for block in blocks])
        order = np.lexsort((time, number))  # stable: of samples of one time the last to come is the last
        last = order[np.flatnonzero(np.append(np.diff(number[order]) != 0, True))]
        value = np.concatenate([block.value for block in blocks])[last].tolist()
        status = np.concatenate([block.status for block in blocks])[last].tolist()
        keys: set[tuple[str, str]] = set()
        for at, when, one, code in zip(number[last].tolist(), time[last].tolist(), value, status, strict=True):
            key = (tags.asset, tags.tags[at].name)
            tag = self._tags.setdefault(key, Tag(tags.tags[at].unit))
            if when >= tag.time:  # a backfilled hole is no news
                tag.value, tag.time, tag.status = one, when, code
                keys.add(key)
        self._count([block for block in blocks if block.origin is not Origin.BACKFILLED])
        return keys

    def _count(self, blocks: list[SampleBatch]) -> None:
        """Of blocks of one table; only what can still matter to a rate."""
        seconds = [block.received_time // 10**9 for block in blocks]
        since = max(seconds, default=0) - RATE_S
        recent = [(second, block) for second, block in zip(seconds, blocks, strict=True) if second >= since]
        if not recent:
            return
        sizes = [len(block) for _, block in recent]
        second = np.repeat(np.array([second for second, _ in recent], np.int64), sizes)
        number = np.concatenate([block.tag for _, block in recent]).astype(np.int64)
        both, counts = np.unique(second * 2**16 + number, return_counts=True)
        tags = blocks[0].tags
        for one, count in zip(both.tolist(), counts.tolist(), strict=True):
            self._tags[tags.asset, tags.tags[one % 2**16].name].count(one // 2**16, count)
