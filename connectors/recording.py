"""Recordings: samples as a Parquet file, for training, replay and people with data frames.

One row a sample: asset and tag by name, the two times, value, status and origin. Times are delta-coded, values split by
byte, everything else is a dictionary. The tag tables ride in the metadata, and so do notices and those borders of
blocks that the rows do not show: a replay is given exactly the items that a gateway was given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from connectors.journal.reader import JournalReader
from connectors.recorded_notices import Margin, read_margin
from connectors.samples import Item, Origin, SampleBatch
from connectors.selection import EVERYTHING, Selection
from connectors.tags import Tag, TagTable

ROWS_PER_GROUP = 500_000
_METADATA_KEY = b"sluicegate.tag_tables"
_MARGIN_KEY = b"sluicegate.margin"
_DICTIONARIES = ["asset", "tag", "status", "origin"]
_ENCODINGS = {
    "source_time": "DELTA_BINARY_PACKED",
    "received_time": "DELTA_BINARY_PACKED",
    "value": "BYTE_STREAM_SPLIT",
}


def write_recording(path: Path, items: Iterable[Item]) -> int:
    """Write blocks and notices in their order; the file appears under its name when it is whole.

    Where an asset's tag table changes on the way, the file's table is the union by name; the later definition counts.

    Returns:
        Samples written.
    """
    tags: dict[str, dict[str, Tag]] = {}
    fresh = path.with_name(path.name + ".new")
    written, margin = 0, Margin()
    try:
        with pq.ParquetWriter(
            fresh,
            _schema(),
            compression="zstd",
            use_dictionary=_DICTIONARIES,
            column_encoding=_ENCODINGS,
            version="2.6",
            data_page_version="2.0",
            write_page_checksum=True,
        ) as file:
            for group in _groups(margin.blocks(items)):
                for batch in group:
                    tags.setdefault(batch.asset, {}).update((tag.name, tag) for tag in batch.tags.tags)
                table = _to_arrow(group)
                file.write_table(table, row_group_size=ROWS_PER_GROUP * 2)
                written += table.num_rows
            tables = [TagTable(asset, tuple(known.values())).to_json() for asset, known in tags.items()]
            file.add_key_value_metadata({_METADATA_KEY: json.dumps(tables).encode(), **_margin(margin)})
        fresh.replace(path)
    finally:
        with suppress(FileNotFoundError):
            fresh.unlink()
    return written


def has_tables(path: Path) -> bool:
    """Whether a Parquet file carries tag tables, as recordings of ours do."""
    return _METADATA_KEY in (pq.read_metadata(path).metadata or {})


def recording_tables(path: Path) -> tuple[TagTable, ...]:
    """Tag tables of a recording.

    Raises:
        ValueError: It is a Parquet file, but no recording.
    """
    metadata = pq.read_metadata(path).metadata or {}
    if _METADATA_KEY not in metadata:
        msg = f"{path}: not a recording: it lacks the metadata {_METADATA_KEY.decode()!r}; make one with `record`"
        raise ValueError(msg)
    return tuple(TagTable.from_json(table) for table in json.loads(metadata[_METADATA_KEY]))


def read_recording(path: Path) -> Iterator[Item]:
    """The items of a recording as they were written.

    In one that has no notes of its own, neighbours of one asset, origin and received time come as one block.

    Raises:
        ValueError: It is a Parquet file, but no recording.
    """
    tables = {table.asset: table for table in recording_tables(path)}
    with pq.ParquetFile(path) as file:
        notes = read_margin((file.metadata.metadata or {}).get(_MARGIN_KEY, b""))
        row = 0
        for number in range(file.num_row_groups):
            table = file.read_row_group(number)
            for block in _to_batches(table, tables, notes.borders(row, row + table.num_rows)):
                yield from notes.before(row)
                yield block
                row += len(block)
        yield from notes.before(row)


def export_journal(folder: Path, path: Path, selection: Selection = EVERYTHING) -> int:
    """Write what a journal holds as a recording. Disturbs neither its writer nor the flow.

    Returns:
        Samples written.
    """
    return write_recording(path, selection.of(journal_items(folder)))


def journal_items(folder: Path) -> Iterator[Item]:
    """All that a journal holds now, from the oldest on.

    Raises:
        JournalTooNew: It was written by newer software.
    """
    reader = JournalReader(folder, 0)
    try:
        while items := reader.read():
            yield from items
    finally:
        reader.close()


def _margin(margin: Margin) -> dict[bytes, bytes]:
    noted = margin.encode()
    return {_MARGIN_KEY: noted} if noted else {}


def _groups(batches: Iterable[SampleBatch]) -> Iterator[list[SampleBatch]]:
    group: list[SampleBatch] = []
    rows = 0
    for batch in batches:
        group.append(batch)
        rows += len(batch)
        if rows >= ROWS_PER_GROUP:
            yield group
            group, rows = [], 0
    if group:
        yield group


def _schema() -> Any:
    time = pa.timestamp("ns", "UTC")
    name = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            ("asset", name),
            ("tag", name),
            ("source_time", time),
            ("value", pa.float64()),
            ("status", pa.uint32()),
            ("received_time", time),
            ("origin", pa.uint8()),
        ]
    )


def _to_arrow(group: Sequence[SampleBatch]) -> Any:
    sizes = [len(batch) for batch in group]
    assets = {asset: number for number, asset in enumerate(dict.fromkeys(batch.asset for batch in group))}
    names: dict[str, int] = {}
    numbers = {  # by table: number of a tag in this file's dictionary
        id(table): np.array([names.setdefault(name, len(names)) for name in table.names], np.int32)
        for table in {id(batch.tags): batch.tags for batch in group}.values()
    }

    def per_block(values: list[int], dtype: type) -> NDArray[Any]:
        return np.repeat(np.array(values, dtype), sizes)

    columns = [
        pa.DictionaryArray.from_arrays(per_block([assets[batch.asset] for batch in group], np.int32), list(assets)),
        pa.DictionaryArray.from_arrays(
            np.concatenate([numbers[id(batch.tags)][batch.tag] for batch in group]), pa.array(list(names), pa.string())
        ),
        np.concatenate([batch.source_time for batch in group]),
        np.concatenate([batch.value for batch in group]),
        np.concatenate([batch.status for batch in group]),
        per_block([batch.received_time for batch in group], np.int64),
        per_block([batch.origin for batch in group], np.uint8),
    ]
    schema = _schema()
    arrays = [
        pa.array(column, field.type) if isinstance(column, np.ndarray) else column
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _to_batches(table: Any, tables: dict[str, TagTable], further: NDArray[np.int64]) -> Iterator[SampleBatch]:
    """Blocks of one row group; `further` = borders that its rows do not show."""
    table = table.combine_chunks()

    def column(name: str, kind: Any = None) -> NDArray[Any]:
        array: NDArray[Any] = table.column(name).cast(kind or table.schema.field(name).type).to_numpy()
        return array

    def dictionary(name: str) -> tuple[list[str], NDArray[np.int32]]:
        array = table.column(name).unify_dictionaries().combine_chunks()
        return array.dictionary.to_pylist(), array.indices.to_numpy()

    assets, asset = dictionary("asset")
    names, tag = dictionary("tag")
    source_time, received = column("source_time", pa.int64()), column("received_time", pa.int64())
    value, status, origin = column("value"), column("status"), column("origin")
    changes = (asset[1:] != asset[:-1]) | (received[1:] != received[:-1]) | (origin[1:] != origin[:-1])
    shown = np.flatnonzero(changes) + 1
    borders = [0, *(np.union1d(shown, further) if len(further) else shown).tolist(), len(asset)]
    numbers: dict[str, NDArray[np.uint16]] = {}
    for start, end in pairwise(borders):
        if start == end:
            continue
        tags = tables[assets[asset[start]]]
        if tags.asset not in numbers:
            known = {name: number for number, name in enumerate(tags.names)}
            numbers[tags.asset] = np.array([known.get(name, 0) for name in names], np.uint16)
        rows = slice(start, end)
        yield SampleBatch(
            tags,
            numbers[tags.asset][tag[rows]],
            source_time[rows],
            value[rows],
            status[rows],
            int(received[start]),
            Origin(int(origin[start])),
        )
