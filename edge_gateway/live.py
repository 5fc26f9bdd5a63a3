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
from connectors.journal.segments import list_bases
from connectors.samples import SampleBatch

_CURVE = 120
"""Points of a tag's small curve: two minutes at a look a second."""

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
    """

    unit: str
    value: float = float("nan")
    time: int = 0
    status: int = 0
    curve: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=_CURVE))

    @property
    def quality(self) -> str:
        """Of the last value: good, uncertain or bad."""
        return _QUALITY[self.status >> 30]


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
            self._reader = JournalReader(self._folder, max(list_bases(self._folder), default=0))
        fresh: set[tuple[str, str]] = set()
        while items := self._reader.read():
            for item in items:
                if isinstance(item, SampleBatch) and len(item):
                    fresh |= self._take(item)
        for key in fresh:
            tag = self._tags[key]
            tag.curve.append((tag.time, tag.value))

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

    def _take(self, batch: SampleBatch) -> set[tuple[str, str]]:
        """The last sample of each tag in the block."""
        numbers, from_the_end = np.unique(batch.tag[::-1], return_index=True)
        keys: set[tuple[str, str]] = set()
        for number, back in zip(numbers.tolist(), from_the_end.tolist(), strict=True):
            at, named = len(batch) - 1 - back, batch.tags.tags[number]
            tag = self._tags.setdefault((batch.asset, named.name), Tag(named.unit))
            if (time := int(batch.source_time[at])) >= tag.time:  # a backfilled hole is no news
                tag.value, tag.time, tag.status = float(batch.value[at]), time, int(batch.status[at])
                keys.add((batch.asset, named.name))
        return keys
