"""Line protocol: one line a point, `measurement,tag=value field=value time`.

Written by hand because it is written for every tag of every window: a template for each set of features takes a
fraction of the time of `influxdb_client.Point`, which the tests compare it with. Syntax: InfluxDB documentation, "Line
protocol".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Field = float | int | bool | str

_MEASUREMENT = str.maketrans({",": r"\,", " ": r"\ ", "\n": r"\n", "\t": r"\t", "\r": r"\r"})
_KEY = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ ", "\n": r"\n", "\t": r"\t", "\r": r"\r"})
_STRING = str.maketrans({'"': r"\"", "\\": r"\\"})

INT64 = 1 << 63
"""Integers are signed and of 64 bits."""


@lru_cache(maxsize=16_384)
def series(measurement: str, tags: tuple[tuple[str, str], ...]) -> str:
    """Measurement and tags, escaped; a tag without a value is left out, as the protocol has no empty ones.

    Args:
        measurement: Name.
        tags: (key, value), in the order in which they are to stand: sorted by key is cheapest for the server.
    """
    told = [f"{key.translate(_KEY)}={_tag_value(value)}" for key, value in tags if value]
    return ",".join([measurement.translate(_MEASUREMENT), *told])


def point(measurement: str, tags: tuple[tuple[str, str], ...], fields: Mapping[str, Field], time: int) -> str:
    """One line without its end; "" if no field has a value, since a point must have one.

    Args:
        measurement: Name.
        tags: See `series`.
        fields: A float that is not finite is left out: the protocol has no NaN.
        time: In whatever precision the writer declares.

    Raises:
        ValueError: An integer that does not fit into 64 bits.
    """
    told = [f"{key.translate(_KEY)}={text}" for key, value in fields.items() if (text := _field(value))]
    return f"{series(measurement, tags)} {','.join(told)} {time}" if told else ""


def table(
    measurement: str,
    tags: Sequence[tuple[tuple[str, str], ...]],
    columns: Sequence[str],
    values: NDArray[np.float32] | NDArray[np.float64],
    counts: Mapping[str, NDArray[np.int32]],
    time: int,
) -> list[str]:
    """Many points of one measurement and time with the same fields.

    Args:
        measurement: Name.
        tags: Of each row; see `series`.
        columns: Names of the columns of `values`.
        values: float[rows, columns]; what is not finite is left out. Told with seven digits, as many as float32 has.
        counts: Integer fields, int[rows] each.
        time: See `point`.

    Returns:
        A line a row, without its end; none for a row that has no field at all.
    """
    whole = _template(tuple(columns), tuple(counts))
    integers = list(zip(*(column.tolist() for column in counts.values()), strict=True)) if counts else [()] * len(tags)
    complete: list[bool] = np.logical_and.reduce(np.isfinite(values), axis=1).tolist()
    out = []
    for row_tags, row, more, whole_row in zip(tags, values.tolist(), integers, complete, strict=True):
        head = series(measurement, row_tags)
        if whole_row:
            out.append(f"{head} {whole % (*row, *more)} {time}")
            continue
        left = [place for place, value in enumerate(row) if math.isfinite(value)]
        if left or more:
            template = _template(tuple(columns[place] for place in left), tuple(counts))
            out.append(f"{head} {template % (*(row[place] for place in left), *more)} {time}")
    return out


@lru_cache(maxsize=4096)
def _template(columns: tuple[str, ...], counts: tuple[str, ...]) -> str:
    parts = [f"{_percent(name)}=%.7g" for name in columns] + [f"{_percent(name)}=%di" for name in counts]
    return ",".join(parts)


def _percent(name: str) -> str:
    return name.translate(_KEY).replace("%", "%%")


def _tag_value(value: str) -> str:
    told = value.translate(_KEY)
    # A backslash at the end would take the comma or blank behind it with it; there is no way to write one.
    return told + " " if told.endswith("\\") else told


def _field(value: Field) -> str:
    """As text; "" = not to be told."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            if not -INT64 <= value < INT64:
                msg = f"{value} does not fit into a signed integer of 64 bits"
                raise ValueError(msg)
            return f"{value}i"
        case float():
            return repr(value).removesuffix(".0") if math.isfinite(value) else ""
        case str():
            return f'"{value.translate(_STRING)}"'
