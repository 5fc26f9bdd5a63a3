"""The last samples of the tags that rules watch: what an alarm shows of the time before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.tags import TagTable
from flows.column_buffer import ColumnBuffer

DEPTH = 100  # samples of a tag: 1.6 KB of each snapshot

Last = tuple[NDArray[np.int64], NDArray[np.float64]]  # source times, ns, and values, in order of arrival
_NONE: Last = (np.empty(0, dtype=np.int64), np.empty(0))


class Recent:
    """The last `DEPTH` good live samples of each watched tag; the same however the stream was cut into blocks."""

    def __init__(self, watched: frozenset[str], tags: TagTable, before: Mapping[str, Last]) -> None:
        """Go on with a table.

        Args:
            watched: Names of the tags that rules name.
            tags: Table of the blocks that come now; it may lack some of them.
            before: What came before, by tag.
        """
        self._names = tags.names
        self._watched = np.array([name in watched for name in tags.names], dtype=np.bool_)
        self._most = 2 * DEPTH * max(1, len(watched))
        self._before = {name: last for name, last in before.items() if name in watched}
        self._buffer = ColumnBuffer()

    def put(self, tag: NDArray[np.uint16], time: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        """Copy in samples of any tags."""
        own = self._watched[tag]
        if np.logical_and.reduce(own):
            self._buffer.append(tag, time, value)
        else:
            self._buffer.append(tag[own], time[own], value[own])
        if self._buffer.size > self._most:
            self.by_tag()

    def of(self, tag: int) -> Last:
        """What came last of a tag of the table."""
        own = np.flatnonzero(self._buffer.tag == tag)[-DEPTH:]
        time, value = self._before.get(self._names[tag], _NONE)
        times = np.concatenate([time, self._buffer.time[own]])
        return times[-DEPTH:], np.concatenate([value, self._buffer.value[own]])[-DEPTH:]

    def by_tag(self) -> dict[str, Last]:
        """What came last of each tag."""
        for tag in np.unique(self._buffer.tag).tolist():
            self._before[self._names[tag]] = self.of(tag)
        self._buffer = ColumnBuffer()
        return self._before

    def dump(self) -> dict[str, Any]:
        """JSON values and arrays."""
        kept = sorted(self.by_tag().items())
        return {
            "sizes": [[name, len(time)] for name, (time, _) in kept],
            "time": np.concatenate([_NONE[0], *(time for _, (time, _) in kept)]),
            "value": np.concatenate([_NONE[1], *(value for _, (_, value) in kept)]),
        }


def read_recent(kept: Mapping[str, Any]) -> dict[str, Last]:
    """Inverse of `dump`."""
    found, at = {}, 0
    for name, size in kept["sizes"]:
        found[name] = (kept["time"][at : at + size], kept["value"][at : at + size])
        at += size
    return found
