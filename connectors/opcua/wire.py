"""OPC-UA binary messages of the subscription and read services, from bytes to columns. Pure.

Only the answers that carry values are read here, because they come a thousand times for every other message; the rest
is left to the library. Formats: OPC 10000-6, 5.2; message contents: OPC 10000-4, 5.14 and 7.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from connectors.errors import MalformedMessage
from connectors.opcua import skip
from connectors.opcua.layout import (
    BOOLEAN,
    DATE_TIME,
    EPOCH_TICKS,
    HAS_SERVER,
    HAS_SERVER_PICO,
    HAS_SOURCE,
    HAS_SOURCE_PICO,
    HAS_STATUS,
    HAS_VALUE,
    KNOWN_PARTS,
    NUMERIC,
    TICKS_PER_SECOND,
    Layout,
    layout_of,
    to_float,
)

# Numeric ids of binary encodings in namespace 0 (OPC 10000-6, A.3).
SERVICE_FAULT, READ_RESPONSE, PUBLISH_RESPONSE, REPUBLISH_RESPONSE = 397, 634, 829, 835
_DATA_CHANGE, _STATUS_CHANGE = 811, 820

SHORTEST_RUN = 16  # below, numpy's fixed cost exceeds that of a loop

_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_I64 = struct.Struct("<q")


class Shape(IntEnum):
    """What stands in the value of an item."""

    NUMBER = 0
    NOTHING = 1
    NUMBERS = 2  # a one-dimensional array, kept in `Values.arrays`
    OTHER = 3  # string, structure, matrix, ...: no number


@dataclass(slots=True, eq=False)
class Values:
    """Data values as columns of equal length n.

    Attributes:
        handle: uint32[n], client handle of the monitored item; position in the request for a read.
        value: float64[n], NaN where there is no number.
        status: uint32[n], raw status code; 0 (Good) where the message leaves it out.
        source: int64[n], source timestamp in ticks of 100 ns since 1601; 0 = none.
        server: int64[n], server timestamp, likewise.
        shape: uint8[n], `Shape`.
        arrays: Row -> float64 array, for the rows of shape NUMBERS.
    """

    handle: NDArray[np.uint32]
    value: NDArray[np.float64]
    status: NDArray[np.uint32]
    source: NDArray[np.int64]
    server: NDArray[np.int64]
    shape: NDArray[np.uint8]
    arrays: dict[int, NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.handle)


@dataclass(slots=True)
class Notification:
    """One notification message.

    Attributes:
        subscription: Its id; 0 in the answer to a Republish, which does not say.
        sequence: Sequence number; of a keep-alive: the one that comes next.
        keepalive: It carries nothing.
        values: Its data changes.
        ended: Status code of a StatusChangeNotification: the subscription is over; None = goes on.
        more: The server has more that is ready to be sent.
    """

    subscription: int
    sequence: int
    keepalive: bool
    values: list[Values]
    ended: int | None = None
    more: bool = False


@dataclass(slots=True)
class Fault:
    """The service did not work; the code says why."""

    code: int


def read_publish(data: bytes) -> Notification | Fault:
    """Read a PublishResponse (or the ServiceFault in its place).

    Raises:
        MalformedMessage: Nothing of it can be used.
    """
    try:
        fault, pos = _head(data, PUBLISH_RESPONSE)
        if fault is not None:
            return fault
        subscription = _U32.unpack_from(data, pos)[0]
        pos = skip.counted(data, pos + 4, 4)  # AvailableSequenceNumbers
        return replace(_notification(data, pos + 1, subscription), more=data[pos] != 0)
    except (struct.error, IndexError, ValueError) as error:
        msg = f"PublishResponse of {len(data)} bytes cannot be read: {error}"
        raise MalformedMessage(msg) from error


def read_republish(data: bytes) -> Notification | Fault:
    """Read a RepublishResponse; a message without notifications means that the server has nothing left.

    Raises:
        MalformedMessage: Nothing of it can be used.
    """
    try:
        fault, pos = _head(data, REPUBLISH_RESPONSE)
        return _notification(data, pos, 0) if fault is None else fault
    except (struct.error, IndexError, ValueError) as error:
        msg = f"RepublishResponse of {len(data)} bytes cannot be read: {error}"
        raise MalformedMessage(msg) from error


def read_read(data: bytes) -> Values | Fault:
    """Read a ReadResponse: the results in the order of the request.

    Raises:
        MalformedMessage: Nothing of it can be used.
    """
    try:
        fault, pos = _head(data, READ_RESPONSE)
        if fault is not None:
            return fault
        count = max(_I32.unpack_from(data, pos)[0], 0)
        return read_values(data, pos + 4, count, handles=False)
    except (struct.error, IndexError, ValueError) as error:
        msg = f"ReadResponse of {len(data)} bytes cannot be read: {error}"
        raise MalformedMessage(msg) from error


def _head(data: bytes, expected: int) -> tuple[Fault | None, int]:
    """Type id and response header; a bad service result is a fault whatever the type."""
    kind, pos = skip.numeric_id(data, 0)
    code = _U32.unpack_from(data, pos + 12)[0]  # after timestamp (8) and request handle (4)
    pos = skip.diagnostic_info(data, pos + 16)
    pos = skip.strings(data, pos)
    pos = skip.extension_object(data, pos)
    if kind == SERVICE_FAULT or code >> 30:
        return Fault(code), pos
    if kind != expected:
        msg = f"answer of type {kind} where {expected} was expected"
        raise ValueError(msg)
    return None, pos


def _notification(data: bytes, pos: int, subscription: int) -> Notification:
    sequence = _U32.unpack_from(data, pos)[0]
    count = _I32.unpack_from(data, pos + 12)[0]  # after sequence number (4) and publish time (8)
    pos += 16
    result = Notification(subscription, sequence, count <= 0, [])
    for _ in range(count):
        kind, body = skip.numeric_id(data, pos)
        pos = skip.extension_object(data, pos)
        body += 5  # encoding byte and length
        if kind == _DATA_CHANGE:
            items = max(_I32.unpack_from(data, body)[0], 0)
            if items:
                result.values.append(read_values(data[:pos], body + 4, items, handles=True))
        elif kind == _STATUS_CHANGE:
            result.ended = _U32.unpack_from(data, body)[0]
    return result


def read_values(data: bytes, pos: int, count: int, *, handles: bool, shortest_run: int = SHORTEST_RUN) -> Values:
    """Read `count` data values that stand one behind the other.

    Runs of one layout are read as blocks, the others one by one; the result is the same.

    Args:
        data: Ends where the values may end at the latest.
        pos: Where the first one begins.
        count: How many; every one takes at least a byte, so a count beyond the data is refused.
        handles: Each is preceded by a client handle (MonitoredItemNotification).
        shortest_run: Shorter runs are read one by one.

    Raises:
        ValueError, IndexError, struct.error: The bytes do not hold that.
    """
    if count > len(data) - pos:
        msg = f"{count} values in {len(data) - pos} bytes"
        raise ValueError(msg)
    gathered = _Gathered()
    left = count
    while left:
        layout = _fixed_layout(data, pos, handles=handles)
        if layout is None:
            pos = gathered.one(data, pos, count - left, handles=handles)
            left -= 1
            continue
        same = 1  # measured in Python up to the shortest run: nothing is set up for a run that is none
        while same < min(left, shortest_run) and layout.matches(data, pos + same * layout.size):
            same += 1
        if same >= shortest_run:
            records = layout.run(data, pos, left)
            gathered.block(layout, records, count - left)
            same = len(records)
        else:
            gathered.few(layout, data, pos, same, count - left)
        pos += same * layout.size
        left -= same
    return gathered.columns()


def _fixed_layout(data: bytes, pos: int, *, handles: bool) -> Layout | None:
    """Layout of the item at `pos` if its length follows from mask and type."""
    pos += 4 if handles else 0
    mask = data[pos]
    if mask & ~KNOWN_PARTS:
        msg = f"data value with encoding mask 0x{mask:02X} at byte {pos}"
        raise ValueError(msg)
    if not mask & HAS_VALUE:
        return layout_of(mask, 0, handles=handles)
    kind = data[pos + 1]
    return layout_of(mask, kind, handles=handles) if kind in NUMERIC else None


class _Gathered:
    """Columns in the making: blocks as they are, single items in lists until the next block closes them."""

    def __init__(self) -> None:
        self._pieces: list[Values] = []
        self._rows: list[tuple[int, float, int, int, int, int]] = []
        self._arrays: dict[int, NDArray[np.float64]] = {}

    def block(self, layout: Layout, records: NDArray[np.void], first: int) -> None:
        self._close()
        n = len(records)
        names = records.dtype.names or ()
        zeros = np.zeros(n, dtype=np.int64)
        self._pieces.append(
            Values(
                records["handle"].copy() if "handle" in names else np.arange(first, first + n, dtype=np.uint32),
                to_float(records["value"], layout.kind) if layout.kind else np.full(n, np.nan),
                records["status"].copy() if "status" in names else np.zeros(n, dtype=np.uint32),
                records["source"].copy() if "source" in names else zeros,
                records["server"].copy() if "server" in names else zeros,
                np.full(n, Shape.NUMBER if layout.kind else Shape.NOTHING, dtype=np.uint8),
            )
        )

    def few(self, layout: Layout, data: bytes, pos: int, count: int, first: int) -> None:
        """Items of a layout with a fixed length, one by one."""
        handle, value, status, source, server = layout.where
        shape = Shape.NUMBER if layout.kind else Shape.NOTHING
        for row in range(first, first + count):
            parts = layout.struct.unpack_from(data, pos)
            pos += layout.size
            number = float("nan") if value < 0 else _number(parts[value], layout.kind)
            self._rows.append(
                (
                    row if handle < 0 else parts[handle],
                    number,
                    0 if status < 0 else parts[status],
                    0 if source < 0 else parts[source],
                    0 if server < 0 else parts[server],
                    shape,
                )
            )

    def one(self, data: bytes, pos: int, row: int, *, handles: bool) -> int:
        """An item whose value has no fixed length; returns where it ends."""
        handle = row
        if handles:
            handle = _U32.unpack_from(data, pos)[0]
            pos += 4
        mask = data[pos]
        array, shape, pos = _odd_value(data, pos + 1)
        if array is not None:
            self._arrays[row] = array
        status = source = server = 0
        if mask & HAS_STATUS:
            status = _U32.unpack_from(data, pos)[0]
            pos += 4
        if mask & HAS_SOURCE:
            source = _I64.unpack_from(data, pos)[0]
            pos += 8
        pos += 2 if mask & HAS_SOURCE_PICO else 0
        if mask & HAS_SERVER:
            server = _I64.unpack_from(data, pos)[0]
            pos += 8
        pos += 2 if mask & HAS_SERVER_PICO else 0
        if pos > len(data):
            msg = "data value runs over the end"
            raise ValueError(msg)
        self._rows.append((handle, float("nan"), status, source, server, shape))
        return pos

    def columns(self) -> Values:
        self._close()
        if len(self._pieces) == 1:
            whole = self._pieces[0]
        else:
            pieces = self._pieces
            whole = Values(
                np.concatenate([piece.handle for piece in pieces]),
                np.concatenate([piece.value for piece in pieces]),
                np.concatenate([piece.status for piece in pieces]),
                np.concatenate([piece.source for piece in pieces]),
                np.concatenate([piece.server for piece in pieces]),
                np.concatenate([piece.shape for piece in pieces]),
            )
        whole.arrays = self._arrays
        return whole

    def _close(self) -> None:
        if not self._rows and self._pieces:
            return
        handle, value, status, source, server, shape = zip(*self._rows, strict=True) if self._rows else ((),) * 6
        self._pieces.append(
            Values(
                np.array(handle, dtype=np.uint32),
                np.array(value, dtype=np.float64),
                np.array(status, dtype=np.uint32),
                np.array(source, dtype=np.int64),
                np.array(server, dtype=np.int64),
                np.array(shape, dtype=np.uint8),
            )
        )
        self._rows.clear()


def _number(raw: float, kind: int) -> float:
    """One number as `to_float` would make it."""
    if kind == BOOLEAN:
        return float(raw != 0)
    if kind == DATE_TIME:
        # int64 arithmetic wraps in a block; do as it does, the result of such a time is meaningless either way.
        ticks = (int(raw) - EPOCH_TICKS + (1 << 63)) % (1 << 64) - (1 << 63)
        return float(ticks) / TICKS_PER_SECOND
    return float(raw)


def _odd_value(data: bytes, pos: int) -> tuple[NDArray[np.float64] | None, Shape, int]:
    """A Variant that is no single number: array of numbers, nothing, or something else."""
    encoding = data[pos]
    if encoding == 0:
        return None, Shape.NOTHING, pos + 1
    end = skip.variant(data, pos)
    kind = encoding & skip.VARIANT_TYPE
    if kind not in NUMERIC or not encoding & skip.VARIANT_ARRAY:
        return None, Shape.OTHER, end
    if encoding & skip.VARIANT_DIMENSIONS and skip.dimensions(data, pos) != 1:
        return None, Shape.OTHER, end
    length = _I32.unpack_from(data, pos + 1)[0]
    if length <= 0:
        return None, Shape.NOTHING, end
    numbers = np.frombuffer(data, NUMERIC[kind], length, pos + 5)
    return to_float(numbers, kind), Shape.NUMBERS, end
