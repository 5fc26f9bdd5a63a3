"""What can be replayed, opened: a recording, a journal, or a table of others with the tags of a configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from connectors.pacing import cut
from connectors.samples import Item, SampleBatch
from connectors.tags import TagTable
from edge_gateway.recordings import CSV, RecordingRefused, open_recording

_CUT_NS = 10**9  # a table does not say when its samples came: a second at a time


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording that may be read more than once.

    Attributes:
        items: From the first one on.
        left_out: Assets and tags that the configuration does not know, in words.
    """

    items: Callable[[], Iterator[Item]]
    left_out: tuple[str, ...] = ()


def open_recorded(
    path: Path, tables: tuple[TagTable, ...], asset: str | None = None, columns: Mapping[str, str] | None = None
) -> Recorded:
    """Open it.

    Args:
        path: A recording (.parquet), the folder of a journal, a table (.csv), Parquet of others.
        tables: Of the configuration.
        asset: Whose samples a table holds; None = those of the only asset there is.
        columns: Of a table: name of a tag, and of its column; left out = they are called alike.

    Raises:
        RecordingRefused: It is none of these, or holds nothing that the configuration knows.
        OSError: It cannot be read.
    """
    is_table = path.suffix.lower() in CSV
    whose = asset or (tables[0].asset if len(tables) == 1 else "")
    if is_table and not whose:
        names = ", ".join(table.asset for table in tables)
        raise RecordingRefused(f"{path}: a table does not say whose samples it holds; give --asset, one of {names}")
    try:
        found = open_recording(path, whose, columns or {}).tables
    except RecordingRefused as refused:
        raise RecordingRefused(str(refused).removeprefix("--from ")) from refused
    known = {table.asset: table for table in tables}
    left_out = tuple(_unknown(found, known))
    if not any(set(table.names) & set(known[table.asset].names) for table in found.values() if table.asset in known):
        have = ", ".join(f"{table.asset}/{name}" for table in tables for name in table.names)
        raise RecordingRefused(f"{path}: holds none of the tags of the configuration, which are {have}")

    def items() -> Iterator[Item]:
        read = open_recording(path, whose, columns or {}).items
        configured = _Configured(known)
        return (one for item in (cut(read, _CUT_NS) if is_table else read) if (one := configured.of(item)) is not None)

    return Recorded(items, left_out)


def _unknown(found: Mapping[str, TagTable], known: Mapping[str, TagTable]) -> Iterator[str]:
    for table in found.values():
        if table.asset not in known:
            yield f"asset {table.asset} (not configured)"
            continue
        if names := [name for name in table.names if name not in known[table.asset].names]:
            yield f"{', '.join(names)} of asset {table.asset} (not configured)"


class _Configured:
    """Items as the configured gateway would have had them: its tables, only its tags."""

    def __init__(self, known: Mapping[str, TagTable]) -> None:
        self._known = known
        self._numbers: dict[int, tuple[TagTable, TagTable, NDArray[np.int32]]] = {}  # by identity, kept alive with it

    def of(self, item: Item) -> Item | None:
        """None = the configuration does not know it."""
        if item.asset not in self._known:
            return None if item.asset or isinstance(item, SampleBatch) else item
        if not isinstance(item, SampleBatch) or item.tags is self._known[item.asset]:
            return item
        if id(item.tags) not in self._numbers:
            mine = self._known[item.asset]
            places = {name: number for number, name in enumerate(mine.names)}
            numbers = np.array([places.get(name, -1) for name in item.tags.names], np.int32)
            self._numbers[id(item.tags)] = item.tags, mine, numbers
        _, mine, numbers = self._numbers[id(item.tags)]
        number = numbers[item.tag]
        keep = number >= 0
        if not keep.any():
            return None
        columns = item.source_time[keep], item.value[keep], item.status[keep]
        return SampleBatch(mine, number[keep].astype(np.uint16), *columns, item.received_time, item.origin)
