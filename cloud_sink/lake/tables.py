"""What lies in a place as Arrow tables and datasets, with the columns of the contract whatever schema a file has."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from cloud_sink.errors import PlaceError
from cloud_sink.lake.places import Days, Found, Place
from cloud_sink.parquet import ARROW
from cloud_sink.schema import (
    ALERT_FIELDS,
    EVENT_FIELDS,
    LAYOUT,
    SUMMARY_HEAD,
    SUMMARY_SKETCH,
    SUMMARY_TAIL,
    Field,
    Type,
)

_PARTITIONS = pa.schema([("site", pa.string()), ("date", pa.date32()), ("hour", pa.int8())])
_CONTRACT = pa.schema([(field.name, ARROW[field.type]) for field in (*SUMMARY_HEAD, *SUMMARY_TAIL, *SUMMARY_SKETCH)])
_CHECKED = ds.ParquetFileFormat(
    default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True)
)
_DOCUMENT = {
    Type.TEXT: pa.string(),
    Type.TIME: pa.timestamp("us", "UTC"),
    Type.COUNT: pa.int64(),
    Type.REAL: pa.float64(),
    Type.FLAG: pa.bool_(),
    Type.LIST: pa.string(),
}
Document = tuple[Found, dict[str, Any]]


def summaries(place: Place, days: Days, site: str | None = None) -> Any:
    """Summary files as one dataset: columns of the contract, then features, then `site`, `date`, `hour`.

    Looks into the footer of every file of these days for its features.

    Raises:
        PlaceError: One of them cannot be read.
    """
    paths = [found.path for found in place.find(days, ("summaries",), site)]
    base = f"{place.root}/summaries/{LAYOUT}"
    options = ds.FileSystemFactoryOptions(
        partition_base_dir=base, partitioning=ds.partitioning(_PARTITIONS, flavor="hive")
    )
    factory = ds.FileSystemDatasetFactory(place.filesystem, paths, _CHECKED, options)
    try:
        found = factory.inspect(promote_options="permissive").remove_metadata() if paths else _PARTITIONS
        return factory.finish(pa.unify_schemas([_CONTRACT, found]))
    except (OSError, pa.ArrowException) as error:
        raise PlaceError(place.name, f"summaries cannot be read: {error}") from error


def documents(
    place: Place, days: Days, kinds: tuple[str, ...] = ("alerts", "events"), site: str | None = None
) -> Iterable[Document]:
    """Alerts and events as they were written, each with the object that it was found in.

    Raises:
        PlaceError: An object is not what it should be.
    """
    yield from read_documents(place, place.find(days, kinds, site))


def read_documents(place: Place, found: Sequence[Found]) -> Iterable[Document]:
    """The lines of some objects of alerts or events.

    Raises:
        PlaceError: As `documents`.
    """
    for one, body in zip(found, place.read([one.path for one in found]), strict=True):
        try:
            lines = [json.loads(line) for line in gzip.decompress(body).splitlines()]
        except (OSError, EOFError, zlib.error, ValueError) as error:
            raise PlaceError(place.name, f"{one.path} is damaged: {error}") from error
        yield from ((one, line) for line in lines)


def alert_table(found: Sequence[Document]) -> Any:
    """Of the documents that are alerts; an alert that was held back stands among the events."""
    return _table([each for each in found if is_alert(each[1])], ALERT_FIELDS)


def event_table(found: Sequence[Document]) -> Any:
    """Of the documents that are none."""
    return _table([each for each in found if not is_alert(each[1])], EVENT_FIELDS)


def is_alert(document: dict[str, Any]) -> bool:
    """Whether a line is an alert's."""
    return "alert_id" in document


def _table(found: Sequence[Document], fields: Sequence[Field]) -> Any:
    """One column for each top-level field; lists and objects as the JSON they are."""
    columns = {"site": pa.array([one.site for one, _ in found], pa.string())}
    columns["date"] = pa.array([one.day for one, _ in found], pa.date32())
    for name, kind, absent in _top_level(fields):
        read = _READ.get(kind, lambda value: value)
        values = [document.get(name, absent) for _, document in found]
        columns[name] = pa.array([None if value is None else read(value) for value in values], _DOCUMENT[kind])
    return pa.table(columns)


def _top_level(fields: Sequence[Field]) -> Iterable[tuple[str, Type, Any]]:
    plain = [(field.name, field.type, field.absent) for field in fields if "." not in field.name]
    objects = dict.fromkeys(field.name.split(".")[0] for field in fields if "." in field.name)
    return chain(plain, ((name, Type.LIST, None) for name in objects))


def _time(ns: int) -> int | None:
    return ns // 1000 if ns else None  # 0 = not known


_READ: dict[Type, Callable[[Any], Any]] = {Type.TIME: _time, Type.LIST: json.dumps}
