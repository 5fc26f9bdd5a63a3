"""Which part of a stream of items is wanted: a span of time, some assets, some tags. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from connectors.samples import Item, SampleBatch
from connectors.tags import TagTable


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted; left out = everything.

    Attributes:
        since: Received time from which on, ns since the epoch. Blocks stay whole, so that a replay judges them alike.
        until: Received time before which, ns.
        assets: By name.
        tags: As "tag", of every asset that has one, or "asset/tag".
    """

    since: int | None = None
    until: int | None = None
    assets: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()

    def of(self, items: Iterable[Item]) -> Iterator[Item]:
        """The wanted ones, in order. A notice does not say when it came: it goes with the block before it."""
        narrow, within = _Narrowed(self.tags), self.since is None
        for item in items:
            if isinstance(item, SampleBatch):
                within = self._within(item.received_time)
            if not within or (self.assets and item.asset not in self.assets):
                continue
            if not isinstance(item, SampleBatch) or not self.tags:
                yield item
            elif (block := narrow.block(item)) is not None:
                yield block

    def _within(self, received: int) -> bool:
        return (self.since is None or received >= self.since) and (self.until is None or received < self.until)


EVERYTHING = Selection()


class _Narrowed:
    """Blocks with some of their tags; the tables keep only those, too."""

    def __init__(self, tags: frozenset[str]) -> None:
        self._tags = tags
        self._known: dict[int, tuple[TagTable, TagTable, NDArray[np.int32]]] = {}  # by identity, kept alive with it

    def block(self, block: SampleBatch) -> SampleBatch | None:
        """None = nothing of it is wanted."""
        _, table, numbers = self._of(block.tags)
        number = numbers[block.tag]
        keep = number >= 0
        if not keep.any():
            return None
        columns = block.source_time[keep], block.value[keep], block.status[keep]
        return SampleBatch(table, number[keep].astype(np.uint16), *columns, block.received_time, block.origin)

    def _of(self, table: TagTable) -> tuple[TagTable, TagTable, NDArray[np.int32]]:
        if id(table) not in self._known:
            wanted = [tag for tag in table.tags if tag.name in self._tags or f"{table.asset}/{tag.name}" in self._tags]
            numbers = np.full(len(table), -1, np.int32)
            for number, tag in enumerate(wanted):
                numbers[table.index(tag.name)] = number
            self._known[id(table)] = (table, TagTable(table.asset, tuple(wanted)), numbers)
        return self._known[id(table)]
