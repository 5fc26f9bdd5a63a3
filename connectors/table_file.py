"""Tables that others have written, one row a moment and one column a tag, as CSV: read as a recording of one asset."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable

TIME = "time"
TIMES = ("time", "timestamp", "datetime", "date", "source_time", "ts")  # names of it, where nobody says which it is
DELIMITERS = ",;\t|"
ROWS_PER_BLOCK = 20_000
LOOKED_AT = 100  # lines, to find out how numbers are written

_WITH_COMMA, _WITH_POINT = re.compile(r"-?\d+,\d+"), re.compile(r"-?\d+\.\d+")

# Numbers as times: seconds, ms, us or ns since the epoch. Each bound lies in the year 5138 of its own unit and in 1973
# of the next.
_UNITS = ((1e11, 10**9), (1e14, 10**6), (1e17, 10**3), (np.inf, 1))


def read_table(path: Path, asset: str, columns: Mapping[str, str]) -> tuple[TagTable, Iterator[SampleBatch]]:
    """Read a CSV file with a column of times and a column of numbers for each tag.

    Delimiter (comma, semicolon, tab, bar) and decimal point or comma are found out. Times are ISO 8601 (UTC where they
    do not say) or numbers since the epoch, in s, ms, us or ns. Rows may be in any order. An empty cell is no sample.

    Args:
        path: The file; its first row names the columns.
        asset: What to call it.
        columns: Name of a tag, and of its column; "time" for that of the times. Nothing but the time, or nothing at
            all: every column of numbers is a tag.

    Returns:
        The tags, each with the usual interval of its samples, and the blocks in order of time.

    Raises:
        ValueError: It is no such table, or has no such column.
        OSError: It cannot be read.
    """
    table = _read(path)
    time_column = columns.get(TIME) or next((name for name in table.column_names if name.lower() in TIMES), None)
    if time_column is None:
        said = f"none of its columns is called {', '.join(TIMES)}; it has {', '.join(table.column_names)}"
        raise ValueError(f"{path}: {said}. Say which holds the time: time=COLUMN")
    wanted = {tag: column for tag, column in columns.items() if tag != TIME}
    for column in (time_column, *wanted.values()):
        if column not in table.column_names:
            raise ValueError(f"{path}: has no column {column!r}; it has {', '.join(table.column_names)}")
    if not wanted:
        numbers = [field.name for field in table.schema if _is_number(field.type) and field.name != time_column]
        wanted = {name: name for name in numbers}
    if not wanted:
        raise ValueError(f"{path}: no column but {time_column!r} holds numbers: there is no tag in it")
    time = _times(path, time_column, table.column(time_column))
    order = np.argsort(time, kind="stable")
    values = np.column_stack([_numbers(path, name, table.column(name)) for name in wanted.values()])[order]
    time = time[order]
    tags = tuple(Tag(tag, "", _interval(time[np.isfinite(values[:, at])])) for at, tag in enumerate(wanted))
    found = TagTable(asset, tags)
    return found, _blocks(found, time, values)


def _read(path: Path) -> Any:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        head, *first = [*islice(file, LOOKED_AT)] or [""]
    delimiter = max(DELIMITERS, key=head.count)
    cells = [cell.strip() for line in first for cell in line.split(delimiter)]
    commas = delimiter != "," and any(map(_WITH_COMMA.fullmatch, cells)) and not any(map(_WITH_POINT.fullmatch, cells))
    point = "," if commas else "."
    try:
        return pa_csv.read_csv(
            path,
            parse_options=pa_csv.ParseOptions(delimiter=delimiter),
            convert_options=pa_csv.ConvertOptions(decimal_point=point, strings_can_be_null=True),
        )
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path}: is no table: {error}") from error


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _numbers(path: Path, name: str, column: Any) -> NDArray[np.float64]:
    if not (_is_number(column.type) or pa.types.is_null(column.type)):
        raise ValueError(f"{path}: column {name!r} holds {column.type}, a tag is a number")
    array: NDArray[np.float64] = column.cast(pa.float64()).to_numpy()
    return array


def _times(path: Path, name: str, column: Any) -> NDArray[np.int64]:
    """Ns since the epoch."""
    kind = column.type
    if column.null_count:
        raise ValueError(f"{path}: column {name!r} holds the time, and is empty in {column.null_count} rows")
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        array: NDArray[np.int64] = column.cast(pa.timestamp("ns")).cast(pa.int64()).to_numpy()
        return array
    if not _is_number(kind):
        example = column[0].as_py() if len(column) else ""
        rule = "times are written as in ISO 8601, 2026-01-31T08:15:00Z, or as a number since the epoch"
        raise ValueError(f"{path}: column {name!r} holds {example!r}: {rule}")
    numbers: NDArray[Any] = column.to_numpy()
    largest = float(np.abs(numbers).max(initial=0.0))
    factor = next(factor for bound, factor in _UNITS if largest < bound)
    whole = np.floor(numbers)
    rest = np.round((numbers - whole) * factor).astype(np.int64)  # 0 where the numbers are integers
    ns: NDArray[np.int64] = whole.astype(np.int64) * factor + rest
    return ns


def _interval(time: NDArray[np.int64]) -> float:
    """Median step in seconds; 0 where there is none."""
    steps = np.diff(time)
    return float(np.median(steps)) / 1e9 if len(steps) else 0.0


def _blocks(table: TagTable, time: NDArray[np.int64], values: NDArray[np.float64]) -> Iterator[SampleBatch]:
    numbers = np.arange(len(table), dtype=np.uint16)
    for first in range(0, len(time), ROWS_PER_BLOCK):
        part = values[first : first + ROWS_PER_BLOCK].reshape(-1)
        known = np.isfinite(part)
        when = np.repeat(time[first : first + ROWS_PER_BLOCK], len(table))[known]
        if len(when):
            tag = np.tile(numbers, len(part) // len(table))[known]
            yield SampleBatch(table, tag, when, part[known], np.zeros(len(when), dtype=np.uint32), int(when[-1]))
