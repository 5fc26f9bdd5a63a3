"""Window summaries as Parquet: the one door to pyarrow in this room.

One row per asset, tag and window. float32 with BYTE_STREAM_SPLIT, DELTA for times and counts, dictionaries for strings
only, zstd 3: 37 bytes a row where the library's defaults need 116 (measured on 12 features; sorting by asset, tag,
time is 7 % of that). Statistics only where a reader prunes by them, since they cost footer bytes for every column.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cloud_sink.records import OtherScore, WindowSummary
from cloud_sink.schema import (
    ACTIVE,
    FOOTER,
    SHADOW,
    SUMMARY_HEAD,
    SUMMARY_SCHEMA,
    SUMMARY_SKETCH,
    SUMMARY_TAIL,
    Field,
    Type,
)
from cloud_sink.settings import Naming
from cloud_sink.sketch import Sketches

_FIELDS = {field.name: field for field in (*SUMMARY_HEAD, *SUMMARY_TAIL, *SUMMARY_SKETCH)}
ARROW = {
    Type.TEXT: pa.string(),
    Type.TIME: pa.timestamp("ns", tz="UTC"),
    Type.COUNT: pa.int32(),
    Type.REAL: pa.float32(),
    Type.FLAG: pa.bool_(),
    Type.BUCKETS: pa.list_(pa.int32()),
}
_ENCODINGS = {
    **dict.fromkeys((Type.TIME, Type.COUNT, Type.BUCKETS), "DELTA_BINARY_PACKED"),
    Type.REAL: "BYTE_STREAM_SPLIT",
}
SORTED_BY = ("asset", "tag", "start", "end")
_SKETCH = [field.name for field in SUMMARY_SKETCH]
_ROW_GROUP = 2**20  # one in every file of a gateway; for a day of thousands of tags
_GROUPED_BY = ("asset", "start", "end", "partial")  # what a summary's key is made of


def write_summaries(summaries: Sequence[WindowSummary], naming: Naming) -> bytes:
    """Encode summaries, in whatever order they come; the same ones give the same bytes.

    A feature that an asset does not have is null there; one that had no good sample in a window is NaN.

    Args:
        summaries: At least one.
        naming: Goes into the footer.
    """
    ordered = sorted(summaries, key=lambda s: (s.asset, s.start, s.end, s.partial))
    return encode(_table(ordered), _footer(naming))


def encode(table: Any, footer: Mapping[str, str]) -> bytes:
    """A file of summaries, each column as the contract has it; others are features.

    Args:
        table: Sorted as `SORTED_BY`.
        footer: Its key-value metadata.
    """
    types = {name: _FIELDS[name].type if name in _FIELDS else Type.REAL for name in table.column_names}
    sink = io.BytesIO()
    writer = pq.ParquetWriter(
        sink,
        table.schema,
        compression="zstd",
        compression_level=3,
        use_dictionary=[name for name, kind in types.items() if kind is Type.TEXT],
        column_encoding={
            f"{name}.list.element" if kind is Type.BUCKETS else name: _ENCODINGS[kind]
            for name, kind in types.items()
            if kind in _ENCODINGS
        },
        write_statistics=[field.name for field in _FIELDS.values() if field.pruned],
        write_page_checksum=True,
        store_schema=False,
    )
    with writer:
        writer.write_table(table, row_group_size=_ROW_GROUP)
        writer.add_key_value_metadata(footer)
    return sink.getvalue()


def _footer(naming: Naming) -> dict[str, str]:
    return {
        f"{FOOTER}schema": str(SUMMARY_SCHEMA),
        f"{FOOTER}site": naming.site,
        f"{FOOTER}gateway": naming.gateway,
        f"{FOOTER}software": naming.software,
    }


def _table(ordered: Sequence[WindowSummary]) -> Any:
    """The columns of the contract, in its order, sorted."""
    rows = np.array([len(s.tags) for s in ordered])
    columns = {
        **{field.name: _declared(field, ordered, rows) for field in SUMMARY_HEAD},
        **{_column(feature): _feature(ordered, feature) for feature in _features(ordered)},
        **{field.name: _declared(field, ordered, rows) for field in SUMMARY_TAIL},
        **{column: _other(ordered, column, rows) for column in _others(ordered)},
        **_sketch_columns(ordered),
    }
    table = pa.table(columns)
    return table.take(pc.sort_indices(table, [(name, "ascending") for name in SORTED_BY]))


def _declared(field: Field, ordered: Sequence[WindowSummary], rows: NDArray[Any]) -> Any:
    """A column of the contract: what a summary has for each tag as it is, what it has once for all of its rows."""
    if field.name == "tag":
        return pa.array([tag for s in ordered for tag in s.tags], ARROW[field.type])
    values = [getattr(s, field.name) for s in ordered]
    if isinstance(values[0], np.ndarray):
        return pa.array(np.concatenate(values), ARROW[field.type])
    once = pa.array(values, pa.int64() if field.type is Type.TIME else ARROW[field.type])
    return once.take(pa.array(np.repeat(np.arange(len(ordered)), rows))).cast(ARROW[field.type])


def _sketch_columns(ordered: Sequence[WindowSummary]) -> dict[str, Any]:
    """Of the summaries that have sketches a value for each tag, null in all other rows; {} where none has any."""
    if not any(s.sketches for s in ordered):
        return {}
    rows: list[tuple[Any, ...]] = []
    for s in ordered:
        tags = range(len(s.tags))
        rows += [(None, None, None) if s.sketches is None else (s.sketches.since, *s.sketches.of_tag(i)) for i in tags]
    return {
        field.name: pa.array([row[at] for row in rows], ARROW[field.type]) for at, field in enumerate(SUMMARY_SKETCH)
    }


def _features(ordered: Sequence[WindowSummary]) -> list[str]:
    """All features, in order of first appearance."""
    return list(dict.fromkeys(feature for s in ordered for feature in s.features))


def _column(feature: str) -> str:
    """The feature's own name, unless it would hide one of ours."""
    return f"feature_{feature}" if feature in _FIELDS or feature.startswith((ACTIVE, SHADOW)) else feature


def _others(ordered: Sequence[WindowSummary]) -> list[str]:
    """Columns of the scores of further models, in order of first appearance."""
    return list(dict.fromkeys(_other_column(other) for s in ordered for other in s.others))


def _other_column(other: OtherScore) -> str:
    return (SHADOW if other.shadow else ACTIVE) + other.model


def _other(ordered: Sequence[WindowSummary], column: str, rows: NDArray[Any]) -> Any:
    """Null where the asset has no such model, NaN where it abstained."""
    found = [{_other_column(other): other.score for other in s.others}.get(column) for s in ordered]
    values = np.array([np.nan if score is None else score for score in found], np.float32)
    return pa.array(np.repeat(values, rows), mask=np.repeat([score is None for score in found], rows))


def _read_other(column: str, score: Any) -> OtherScore:
    shadow = column.startswith(SHADOW)
    return OtherScore(column.removeprefix(SHADOW if shadow else ACTIVE), float(score), shadow)


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
    if (found := int(file.metadata.metadata[f"{FOOTER}schema".encode()])) > SUMMARY_SCHEMA:
        msg = f"summary file of schema {found}, this software reads up to {SUMMARY_SCHEMA}; upgrade it"
        raise ValueError(msg)
    table = with_absent(file.read())
    sketches = [_plain(table[name]) for name in _SKETCH if name in table.column_names]
    table = table.drop_columns([name for name in _SKETCH if name in table.column_names])
    columns = {name: _numpy(table[name]) for name in table.column_names}
    features = [name for name in table.column_names if name not in _FIELDS]
    has = {name: table[name].combine_chunks().is_valid().to_numpy(zero_copy_only=False) for name in features}
    groups: dict[tuple[str, int, int, bool], list[int]] = {}
    for row, key in enumerate(zip(*(columns[name].tolist() for name in _GROUPED_BY), strict=True)):
        groups.setdefault(key, []).append(row)
    return [
        replace(
            _summary(columns, np.array(rows), [name for name in features if has[name][rows[0]]]),
            sketches=_sketches(sketches, rows) if sketches else None,
        )
        for _, rows in sorted(groups.items())
    ]


def with_absent(table: Any) -> Any:
    """A table of any version, with the columns that came later filled with what they mean where they are absent."""
    for field in _FIELDS.values():
        if field.name not in table.column_names and field.absent is not None:
            table = table.append_column(field.name, pa.repeat(pa.scalar(field.absent, ARROW[field.type]), len(table)))
    return table


def _plain(column: Any) -> list[Any]:
    plain: list[Any] = (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
    return plain


def _numpy(column: Any) -> NDArray[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return np.asarray(column.to_numpy())


def _sketches(columns: Sequence[Sequence[Any]], rows: Sequence[int]) -> Sketches | None:
    """Of one summary's rows: since when, buckets and counts of each tag."""
    since, buckets, counts = ([column[row] for row in rows] for column in columns)
    if since[0] is None:
        return None
    sizes = np.array([len(of_tag) for of_tag in buckets])
    joined = [list(chain.from_iterable(each)) for each in (buckets, counts)]
    return Sketches(since[0], sizes, np.array(joined[0], np.int32), np.array(joined[1], np.int64))


def _summary(columns: dict[str, NDArray[Any]], rows: NDArray[Any], features: list[str]) -> WindowSummary:
    """Of these rows; `features` = the columns it has that are not declared, scores of further models among them."""
    first = {name: column[rows[0]].item() for name, column in columns.items() if column.dtype != object}
    others = [name for name in features if name.startswith((ACTIVE, SHADOW))]
    features = [name for name in features if name not in others]
    return WindowSummary(
        asset=columns["asset"][rows[0]],
        start=first["start"],
        end=first["end"],
        tags=tuple(columns["tag"][rows]),
        features=tuple(features),
        n=columns["n"][rows],
        n_bad=columns["n_bad"][rows],
        coverage=columns["coverage"][rows],
        values=np.array([columns[name][rows] for name in features], np.float32).reshape(len(features), len(rows)).T,
        score=first["score"],
        threshold=first["threshold"],
        model=columns["model"][rows[0]],
        partial=first["partial"],
        backfilled=first["backfilled"],
        others=tuple(_read_other(name, columns[name][rows[0]]) for name in others),
    )
