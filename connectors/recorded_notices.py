"""What stands in the margin of a recording: notices, and borders between blocks that its rows do not show.

Lateness is judged block by block and notices close windows, so a replay needs both. They ride in the metadata of the
file, as a compressed Arrow stream in base64 (values of Parquet's metadata are text): other readers see samples only.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from connectors.samples import Item, Notice, NoticeKind, SampleBatch

_BORDER = ""  # where a notice has its kind
_AT_ONCE = 10_000  # entries kept as objects; a silent asset gives one a second
_NAME = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("kind", _NAME),
        ("asset", _NAME),
        ("reason", _NAME),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("count", pa.int64()),
        ("source", _NAME),
        ("detail", pa.string()),
    ]
)


class Margin:
    """Takes notes while a recording is written."""

    def __init__(self) -> None:
        self._rows = 0
        self._last: tuple[str, int, int] | None = None
        self._entries: list[tuple[Any, ...]] = []
        self._parts: list[Any] = []

    def blocks(self, items: Iterable[Item]) -> Iterator[SampleBatch]:
        """The blocks among them; the rest is noted."""
        for item in items:
            if isinstance(item, Notice):
                self._note((item.kind.value, item.asset, item.reason, item.start, item.end, item.count), item)
            elif len(item):
                key = (item.asset, item.received_time, int(item.origin))
                if key == self._last:
                    self._note((_BORDER, "", "", 0, 0, 0), None)
                self._last = key
                yield item
                self._rows += len(item)

    def encode(self) -> bytes:
        """For the metadata; b"" = there is nothing to be noted."""
        self._pack()
        if not self._parts:
            return b""
        table = pa.Table.from_batches(self._parts).unify_dictionaries()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, _SCHEMA, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
            stream.write_table(table)
        return base64.b64encode(sink.getvalue())

    def _note(self, facts: tuple[Any, ...], notice: Notice | None) -> None:
        words = ("", "") if notice is None else (notice.source, notice.detail)
        self._entries.append((self._rows, *facts, *words))
        if len(self._entries) >= _AT_ONCE:
            self._pack()

    def _pack(self) -> None:
        if self._entries:
            columns = zip(*self._entries, strict=True)
            arrays = [
                pa.array(column, field.type.value_type).dictionary_encode()
                if pa.types.is_dictionary(field.type)
                else pa.array(column, field.type)
                for column, field in zip(columns, _SCHEMA, strict=True)
            ]
            self._parts.append(pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA))
            self._entries = []


class Notes:
    """What was noted, to be asked for in the order of rows."""

    def __init__(self, table: Any) -> None:
        is_border = pc.equal(table.column("kind").cast(pa.string()), _BORDER)
        self._borders: NDArray[np.int64] = table.filter(is_border).column("row").to_numpy()
        self._notices = table.filter(pc.invert(is_border))
        self._at: NDArray[np.int64] = self._notices.column("row").to_numpy()
        self._done = 0

    def borders(self, start: int, end: int) -> NDArray[np.int64]:
        """Rows in start..end at which a block begins, counted from `start`."""
        inside = self._borders[(self._borders > start) & (self._borders < end)]
        return inside - start

    def before(self, row: int) -> Iterator[Notice]:
        """The next notices, those that came before this row."""
        end = int(np.searchsorted(self._at, row, side="right"))
        if end == self._done:
            return
        part = self._notices.slice(self._done, end - self._done)
        self._done = end
        for one in part.to_pylist():
            del one["row"]
            yield Notice(**{**one, "kind": NoticeKind(one["kind"])})


def read_margin(encoded: bytes) -> Notes:
    """Inverse of `Margin.encode`.

    Raises:
        ValueError: It is damaged.
    """
    if not encoded:
        return Notes(_SCHEMA.empty_table())
    with pa.ipc.open_stream(base64.b64decode(encoded)) as stream:
        return Notes(stream.read_all())
