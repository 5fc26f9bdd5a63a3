"""Parquet in the schema of a recording that something else has written: without tag tables, in any order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable

NEEDED = ("asset", "tag", "source_time", "value")
ROWS_PER_BLOCK = 100_000


def read_foreign(path: Path) -> tuple[tuple[TagTable, ...], Iterator[SampleBatch]]:
    """Read the whole file: one row a sample, with at least asset, tag, source_time and value.

    Without `status` every sample is good. The interval of a tag is the median of its steps.

    Args:
        path: Parquet.

    Returns:
        The assets with their tags, by name; and their samples, asset by asset, each in order of time.

    Raises:
        ValueError: A column is missing or of another kind.
        OSError: It cannot be read.
    """
    try:
        table = pq.read_table(path)
        lacking = [name for name in NEEDED if name not in table.column_names]
        if lacking:
            said = f"it lacks {', '.join(lacking)} and has {', '.join(table.column_names)}"
            raise ValueError(f"{path}: is no recording: {said}")
        names = {kind: _codes(table.column(kind)) for kind in ("asset", "tag")}
        time = _time(table.column("source_time"))
        value: NDArray[np.float64] = table.column("value").cast(pa.float64()).to_numpy()
        status = _status(table)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path}: is no recording: {error}") from error
    (assets, asset), (tags, tag) = names["asset"], names["tag"]
    order = np.lexsort((time, asset))
    asset, tag, time, value, status = asset[order], tag[order], time[order], value[order], status[order]
    parts = np.split(np.arange(len(asset)), np.flatnonzero(np.diff(asset)) + 1) if len(asset) else []
    tables = tuple(_table(assets[asset[part[0]]], tags, tag[part], time[part]) for part in parts)
    blocks = (
        block
        for found, part in zip(tables, parts, strict=True)
        for block in _blocks(found, tags, tag[part], time[part], value[part], status[part])
    )
    return tables, blocks


def _codes(column: Any) -> tuple[list[str], NDArray[np.int64]]:
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def _time(column: Any) -> NDArray[np.int64]:
    whole = column if pa.types.is_integer(column.type) else column.cast(pa.timestamp("ns", "UTC"))
    array: NDArray[np.int64] = whole.cast(pa.int64()).to_numpy()
    return array


def _status(table: Any) -> NDArray[np.uint32]:
    if "status" not in table.column_names:
        return np.zeros(table.num_rows, dtype=np.uint32)
    array: NDArray[np.uint32] = table.column("status").cast(pa.uint32()).to_numpy()
    return array


def _table(asset: str, names: list[str], tag: NDArray[np.int64], time: NDArray[np.int64]) -> TagTable:
    found = []
    for number in np.unique(tag):
        steps = np.diff(time[tag == number])
        found.append(Tag(names[number], "", float(np.median(steps)) / 1e9 if len(steps) else 0.0))
    return TagTable(asset, tuple(sorted(found, key=lambda one: one.name)))


def _blocks(
    table: TagTable,
    names: list[str],
    tag: NDArray[np.int64],
    time: NDArray[np.int64],
    value: NDArray[np.float64],
    status: NDArray[np.uint32],
) -> Iterator[SampleBatch]:
    place = {name: number for number, name in enumerate(table.names)}
    numbers = np.array([place.get(name, 0) for name in names], dtype=np.uint16)[tag]
    for first in range(0, len(tag), ROWS_PER_BLOCK):
        part = slice(first, first + ROWS_PER_BLOCK)
        yield SampleBatch(table, numbers[part], time[part], value[part], status[part], int(time[part][-1]))
