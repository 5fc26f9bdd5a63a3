"""A reference compactor: a day of one site becomes one file of each kind, in a place of its own.

What was delivered is left as it is (gateways may add to a day for as long as they have a backlog, and a lifecycle rule
of the bucket may remove it later). Run again, it adds what has come since to what it made before.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cloud_sink.errors import PlaceError
from cloud_sink.lake.places import Days, Found, Place
from cloud_sink.parquet import SORTED_BY, encode, with_absent
from cloud_sink.schema import (
    ACTIVE,
    FOOTER,
    LAYOUT,
    SHADOW,
    SUMMARY_HEAD,
    SUMMARY_SCHEMA,
    SUMMARY_SKETCH,
    SUMMARY_TAIL,
)

_DAY = "day"  # name of the one file; no gateway's, whose names end in a time and a batch


@dataclass(frozen=True, slots=True)
class Compacted:
    """One file that was made.

    Attributes:
        key: Where it lies.
        objects: Merged into it, with the one that was there before.
        size: Bytes of those.
        compacted: Bytes of the new one.
        records: Rows or lines in it.
        repeats: Rows or lines that were there before, left out.
    """

    key: str
    objects: int
    size: int
    compacted: int
    records: int
    repeats: int


def compact(source: Place, out: Place, day: date, software: str) -> Iterator[Compacted]:
    """Make the files of a day, one after the other, each verified.

    Args:
        source: Where gateways deliver to.
        out: Where the files go; another place, or `source` itself.
        day: UTC, by the date in the keys.
        software: Version, for the footer.

    Raises:
        PlaceError: A place cannot be read or written, or a summary file is of a newer schema.
    """
    days = Days(day, day)
    inputs: dict[tuple[str, str], list[tuple[Place, Found]]] = {}
    for place in (source,) if out == source else (source, out):
        for found in place.find(days):
            inputs.setdefault((found.kind, found.site), []).append((place, found))
    for (kind, site), objects in sorted(inputs.items()):
        bodies = [body for place, found in objects for body in place.read([found.path])]
        ending = "parquet" if kind == "summaries" else "jsonl.gz"
        key = f"{kind}/{LAYOUT}/site={site}/date={day}/{_DAY}.{ending}"
        try:
            if kind == "summaries":
                data, records, repeats = merge_summaries(bodies, site, software, source.name)
            else:
                data, records, repeats = merge_lines(bodies)
        except (OSError, EOFError, zlib.error, ValueError) as error:  # pyarrow's are among these
            raise PlaceError(source.name, f"{kind} of {site} on {day} cannot be merged: {error}") from error
        out.write(key, data)
        yield Compacted(key, len(objects), sum(map(len, bodies)), len(data), records, repeats)


def merge_lines(bodies: Iterable[bytes]) -> tuple[bytes, int, int]:
    """Gzipped lines of all, each key once, in order of keys.

    Returns:
        The file, its lines, and how many were left out.
    """
    lines = [line for body in bodies for line in gzip.decompress(body).splitlines()]
    by_key = {json.loads(line)["key"]: line for line in lines}
    kept = [by_key[key] for key in sorted(by_key)]
    return gzip.compress(b"".join(line + b"\n" for line in kept), mtime=0), len(kept), len(lines) - len(kept)


def merge_summaries(bodies: Sequence[bytes], site: str, software: str, place: str) -> tuple[bytes, int, int]:
    """One file of the present schema from files of any, each row once.

    Returns:
        As `merge_lines`.
    """
    files = [pq.ParquetFile(pa.BufferReader(body), page_checksum_verification=True) for body in bodies]
    footers = [_footer_of(file) for file in files]
    if (newest := max(int(footer["schema"]) for footer in footers)) > SUMMARY_SCHEMA:
        raise PlaceError(place, f"has summaries of schema {newest}, this software knows {SUMMARY_SCHEMA}; upgrade it")
    tables = [with_absent(file.read()).replace_schema_metadata() for file in files]
    table = pa.concat_tables(tables, promote_options="permissive")
    table = table.take(pc.sort_indices(table, [(name, "ascending") for name in (*SORTED_BY, "partial")]))
    kept = table.filter(_first_of_each(table)).select(_in_order(table.column_names))
    gateways = sorted({name for footer in footers for name in footer["gateway"].split(",")})
    footer = {"schema": str(SUMMARY_SCHEMA), "site": site, "gateway": ",".join(gateways), "software": software}
    data = encode(kept, {f"{FOOTER}{name}": value for name, value in footer.items()})
    return data, len(kept), len(table) - len(kept)


def _footer_of(file: Any) -> dict[str, str]:
    metadata = {key.decode(): value.decode() for key, value in (file.metadata.metadata or {}).items()}
    return {key.removeprefix(FOOTER): value for key, value in metadata.items() if key.startswith(FOOTER)}


def _first_of_each(table: Any) -> Any:
    """Which rows of a sorted table differ from the one before in what makes a window of a tag."""
    different = None
    for name in (*SORTED_BY, "partial"):
        column = table[name].combine_chunks()
        changed = pc.not_equal(column[1:], column[:-1])
        different = changed if different is None else pc.or_(different, changed)
    return pa.concat_arrays([pa.array([True]), different])


def _in_order(names: Sequence[str]) -> list[str]:
    """Features between head and tail, wherever a file of another schema had them; further models at the end."""
    head, tail = [field.name for field in SUMMARY_HEAD], [field.name for field in SUMMARY_TAIL]
    further = [name for name in names if name.startswith((ACTIVE, SHADOW))]
    further += [field.name for field in SUMMARY_SKETCH if field.name in names]
    return [*head, *(name for name in names if name not in {*head, *tail, *further}), *tail, *further]
