"""What the raw samples would be on the wire, in the forms that are in use. Each is encoded for real and measured."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from egress import day

from edge_gateway.demo.wire_cost import publish_size

_SITE, _GATEWAY = "riverside", "gateway-1"
_BATCH = 600  # samples in one gzipped message


def text_sizes(hour: int, stride: int) -> dict[str, float]:
    """Bytes a sample of the forms that are text; the first `1 / stride` of the hour stands for it."""
    sizes: dict[str, list[int]] = {}
    compact: list[str] = []
    for asset, tag, at, value in _samples(hour, stride):
        topic = f"{_SITE}/{_GATEWAY}/{asset}/{tag}"
        when = datetime.fromtimestamp(at / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        named = _json({"asset": asset, "tag": tag, "timestamp": when, "value": value, "quality": "Good"})
        short = _json({"t": when, "v": value, "q": 0})
        line = _line_protocol(asset, tag, at, value)
        for name, size in (
            ("JSON over MQTT QoS 1, a message a sample", publish_size(len(topic), len(named))),
            ("the same with keys of one letter", publish_size(len(topic), len(short))),
            (
                "Telegraf's JSON over MQTT, a message a sample",
                publish_size(len(topic), len(_telegraf(asset, tag, at, value))),
            ),
            ("Telegraf's line protocol over MQTT, a message a sample", publish_size(len(topic), len(line))),
            ("line protocol in batches, without MQTT", len(line) + 1),
        ):
            sizes.setdefault(name, []).append(size)
        compact.append(named)
    found = {name: float(np.mean(each)) for name, each in sizes.items()}
    whole = [compact[at : at + _BATCH] for at in range(0, len(compact) - _BATCH + 1, _BATCH)]
    zipped = sum(len(gzip.compress("\n".join(batch).encode())) for batch in whole)
    found[f"JSON, gzipped in batches of {_BATCH}"] = zipped / (_BATCH * len(whole))
    return found


def _samples(hour: int, stride: int) -> Iterator[tuple[str, str, int, float]]:
    """In order of time, as they come, without a gap, so that batches hold what they would."""
    at = day.times(hour)
    by_asset = [day.values(asset, hour) for asset in range(len(day.TABLES))]
    for row in range(len(at) // stride):
        for table, value in zip(day.TABLES, by_asset, strict=True):
            for tag, one in zip(table.names, value[row].tolist(), strict=True):
                yield table.asset, tag, int(at[row]), one


def _json(body: dict[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))


def _telegraf(asset: str, tag: str, at: int, value: float) -> str:
    """Telegraf's `data_format = "json"` of a metric of its opcua plugin, `json_timestamp_units = "1ms"`."""
    tags = {"host": _GATEWAY, "id": f"ns=2;s={asset}.{tag}"}
    return _json(
        {"fields": {"Quality": "OK (0x0)", tag: value}, "name": "opcua", "tags": tags, "timestamp": at // 10**6}
    )


def _line_protocol(asset: str, tag: str, at: int, value: float) -> str:
    """The same metric in InfluxDB's line protocol, `=` of a tag's value escaped."""
    return f'opcua,host={_GATEWAY},id=ns\\=2;s\\={asset}.{tag} {tag}={value},Quality="OK (0x0)" {at}'


def parquet_sizes(hour: int) -> dict[str, float]:
    """Bytes a sample of the hour as one Parquet file, in several encodings; all with zstd 3."""
    at = day.times(hour)
    columns = {
        f"{table.asset}.{tag}": column
        for asset, table in enumerate(day.TABLES)
        for tag, column in zip(table.names, day.values(asset, hour).T, strict=True)
    }
    long = _long(at)
    wide32 = pa.table({"time": at, **{name: column.astype(np.float32) for name, column in columns.items()}})
    delta, floats = {"time": "DELTA_BINARY_PACKED"}, list(columns)
    split = {**delta, "value": "BYTE_STREAM_SPLIT"}
    split_wide = {**delta, **dict.fromkeys(floats, "BYTE_STREAM_SPLIT")}
    names = ["asset", "tag"]
    files = {
        "raw Parquet, float64, the library's defaults": _size(long, use_dictionary=True),
        "raw Parquet, float64, DELTA times, BYTE_STREAM_SPLIT": _size(
            long, use_dictionary=names, column_encoding=split
        ),
        "raw Parquet, float32, DELTA times, BYTE_STREAM_SPLIT": _size(
            long.set_column(3, "value", long["value"].cast(pa.float32())), use_dictionary=names, column_encoding=split
        ),
        "raw Parquet, float32, a column a signal, BYTE_STREAM_SPLIT": _size(
            wide32, use_dictionary=False, column_encoding=split_wide
        ),
        "raw Parquet, float32, a column a signal, dictionaries": _size(
            wide32, use_dictionary=floats, column_encoding=delta
        ),
    }
    samples = len(at) * len(columns)
    return {name: size / samples for name, size in files.items()}


def _long(at: Any) -> Any:
    """asset, tag, time, value: sorted, which costs the strings nothing."""
    rows = len(at) * len(day.TABLES[0])
    assets, tags, values = [], [], []
    for asset, table in enumerate(day.TABLES):
        assets += [table.asset] * rows
        tags += np.repeat(table.names, len(at)).tolist()
        values.append(day.values(asset, day_hour(at)).T.ravel())
    time = np.tile(at, len(day.TABLES) * len(day.TABLES[0]))
    return pa.table({"asset": assets, "tag": tags, "time": time, "value": np.concatenate(values)})


def day_hour(at: Any) -> int:
    """Which hour of the day the times are of."""
    return int((at[0] - day.START) // (3600 * 10**9))


def _size(table: Any, **options: Any) -> int:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", compression_level=3, **options)
    return sink.tell()
