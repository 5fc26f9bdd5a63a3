"""Window summaries as Parquet: the one door to pyarrow in this room.

One row per asset, tag and window. float32 with BYTE_STREAM_SPLIT, DELTA for times and counts, dictionaries for strings
only, zstd 3: 37 bytes a row where the library's defaults need 116 (measured on 12 features; sorting by asset, tag,
time is 7 % of that). Statistics only where a reader prunes by them, since they cost footer bytes for every column.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cloud_sink.records import WindowSummary
from cloud_sink.settings import Naming

SCHEMA_VERSION = 1
_STRINGS = ["asset", "tag", "model"]
_DELTA = ["start", "end", "n", "n_bad"]
_HEAD = ("asset", "tag", "start", "end", "n", "n_bad", "coverage")
_TAIL = ("score", "threshold", "model", "partial", "backfilled")
_TIME = pa.timestamp("ns", tz="UTC")


def write_summaries(summaries: Sequence[WindowSummary], naming: Naming) -> bytes:
    """Encode summaries, in whatever order they come; the same ones give the same bytes.

    A feature that an asset does not have is null there; one that had no good sample in a window is NaN.

    Args:
        summaries: At least one.
        naming: Goes into the footer.
    """
    ordered = sorted(summaries, key=lambda s: (s.asset, s.start, s.end, s.partial))
    table = _table(ordered)
    metadata = {
        "sluicegate.schema": str(SCHEMA_VERSION),
        "sluicegate.site": naming.site,
        "sluicegate.gateway": naming.gateway,
        "sluicegate.software": naming.software,
    }
    floats = [field.name for field in table.schema if pa.types.is_float32(field.type)]
    sink = io.BytesIO()
    writer = pq.ParquetWriter(
        sink,
        table.schema,
        compression="zstd",
        compression_level=3,
        use_dictionary=_STRINGS,
        column_encoding=dict.fromkeys(floats, "BYTE_STREAM_SPLIT") | dict.fromkeys(_DELTA, "DELTA_BINARY_PACKED"),
        write_statistics=["asset", "tag", "start", "end", "score"],
        write_page_checksum=True,
        store_schema=False,
    )
    with writer:
        writer.write_table(table, row_group_size=len(table))
        writer.add_key_value_metadata(metadata)
    return sink.getvalue()


def _table(ordered: Sequence[WindowSummary]) -> Any:
    rows = np.array([len(s.tags) for s in ordered])

    def spread(values: Sequence[Any], dtype: Any) -> NDArray[Any]:
        return np.repeat(np.array(values, dtype), rows)

    columns: dict[str, Any] = {
        "asset": spread([s.asset for s in ordered], object),
        "tag": np.array([tag for s in ordered for tag in s.tags], object),
        "start": pa.array(spread([s.start for s in ordered], np.int64)).cast(_TIME),
        "end": pa.array(spread([s.end for s in ordered], np.int64)).cast(_TIME),
        "n": np.concatenate([s.n for s in ordered]),
        "n_bad": np.concatenate([s.n_bad for s in ordered]),
        "coverage": np.concatenate([s.coverage for s in ordered]),
        **{_column(feature): _feature(ordered, feature) for feature in _features(ordered)},
        "score": spread([s.score for s in ordered], np.float32),
        "threshold": spread([s.threshold for s in ordered], np.float32),
        "model": spread([s.model for s in ordered], object),
        "partial": spread([s.partial for s in ordered], np.bool_),
        "backfilled": spread([s.backfilled for s in ordered], np.bool_),
    }
    table = pa.table(columns)
    return table.take(pc.sort_indices(table, [(name, "ascending") for name in ("asset", "tag", "start", "end")]))


def _features(ordered: Sequence[WindowSummary]) -> list[str]:
    """All features, in order of first appearance."""
    return list(dict.fromkeys(feature for s in ordered for feature in s.features))


def _column(feature: str) -> str:
    """The feature's own name, unless it would hide one of ours."""
    return f"feature_{feature}" if feature in (*_HEAD, *_TAIL) else feature


def _feature(ordered: Sequence[WindowSummary], feature: str) -> Any:
    values, missing = [], []
    for s in ordered:
        has = feature in s.features
        values.append(s.values[:, s.features.index(feature)] if has else np.zeros(len(s.tags), np.float32))
        missing.append(np.full(len(s.tags), not has))
    return pa.array(np.concatenate(values).astype(np.float32), mask=np.concatenate(missing))


def read_summaries(source: Path | bytes) -> list[WindowSummary]:
    """Inverse of `write_summaries`, ordered by asset and start; tags come back in alphabetical order.

    Raises:
        ValueError: The file is of a newer layout.
    """
    file = pq.ParquetFile(io.BytesIO(source) if isinstance(source, bytes) else source, page_checksum_verification=True)
    if (found := int(file.metadata.metadata[b"sluicegate.schema"])) > SCHEMA_VERSION:
        msg = f"summary file of schema {found}, this software reads up to {SCHEMA_VERSION}; upgrade it"
        raise ValueError(msg)
    table = file.read()
    columns = {name: table[name].combine_chunks() for name in table.column_names}
    start, end = (columns[name].cast(pa.int64()).to_numpy() for name in ("start", "end"))
    assets, tags, models = (columns[name].to_pylist() for name in _STRINGS)
    partial = columns["partial"].to_pylist()
    backfilled = columns["backfilled"].to_pylist() if "backfilled" in columns else [False] * len(partial)
    groups: dict[tuple[str, int, int, bool], list[int]] = {}
    for row, asset in enumerate(assets):
        groups.setdefault((asset, int(start[row]), int(end[row]), partial[row]), []).append(row)
    names = [name for name in table.column_names if name not in (*_HEAD, *_TAIL)]
    numbers = {
        name: columns[name].to_numpy(zero_copy_only=False) for name in (*names, *_HEAD[4:], "score", "threshold")
    }
    valid = {name: columns[name].is_valid().to_numpy(zero_copy_only=False) for name in names}
    summaries = []
    for (asset, first, last, cut), rows in sorted(groups.items()):
        own = [name for name in names if valid[name][rows[0]]]
        summaries.append(
            WindowSummary(
                asset,
                first,
                last,
                tuple(tags[row] for row in rows),
                tuple(own),
                numbers["n"][rows],
                numbers["n_bad"][rows],
                numbers["coverage"][rows],
                np.array([numbers[name][rows] for name in own], np.float32).reshape(len(own), len(rows)).T,
                float(numbers["score"][rows[0]]),
                float(numbers["threshold"][rows[0]]),
                models[rows[0]],
                cut,
                backfilled[rows[0]],
            )
        )
    return summaries
