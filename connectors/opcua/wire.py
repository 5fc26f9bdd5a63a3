"""OPC-UA binary messages of the subscription and read services, from bytes to columns. Pure.

Only the answers that carry values are read here, because they come a thousand times for every other message; the rest
is left to the library. Formats: OPC 10000-6, 5.2; message contents: OPC 10000-4, 5.14 and 7.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from connectors.errors import MalformedMessage
from connectors.opcua import skip
from connectors.opcua.blocks import read_values
from connectors.opcua.columns import Values

# Numeric ids of binary encodings in namespace 0 (OPC 10000-6, A.3).
SERVICE_FAULT, READ_RESPONSE, HISTORY_RESPONSE, PUBLISH_RESPONSE, REPUBLISH_RESPONSE = 397, 634, 667, 829, 835
_HISTORY_DATA, _DATA_CHANGE, _STATUS_CHANGE = 658, 811, 820

_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")


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


@dataclass(slots=True)
class HistoryPage:
    """What the history of one node said.

    Attributes:
        code: Status code of this node.
        point: Continuation point, b"" = that was all.
        values: In the order of the server; handles are rows. Empty if the node told nothing.
    """

    code: int
    point: bytes
    values: Values


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


def read_history(data: bytes) -> list[HistoryPage] | Fault:
    """Read a HistoryReadResponse: a page for every node of the request, in its order.

    Raises:
        MalformedMessage: Nothing of it can be used.
    """
    try:
        fault, pos = _head(data, HISTORY_RESPONSE)
        if fault is not None:
            return fault
        pages = []
        count = _I32.unpack_from(data, pos)[0]
        pos += 4
        for _ in range(count):
            page, pos = _history_page(data, pos)
            pages.append(page)
    except (struct.error, IndexError, ValueError) as error:
        msg = f"HistoryReadResponse of {len(data)} bytes cannot be read: {error}"
        raise MalformedMessage(msg) from error
    return pages


def _history_page(data: bytes, pos: int) -> tuple[HistoryPage, int]:
    code = _U32.unpack_from(data, pos)[0]
    end = skip.string(data, pos + 4)  # ByteString: has the form of a string
    point = data[pos + 8 : end]
    kind, body = skip.numeric_id(data, end)
    pos = skip.extension_object(data, end)
    count, first = 0, pos
    if kind == _HISTORY_DATA and pos > body + 1:  # with a body: behind encoding byte, length and number of values
        count = max(_I32.unpack_from(data, body + 5)[0], 0)
        first = body + 9
    values = read_values(data[:pos], first, count, handles=False)
    return HistoryPage(code, point, values), pos


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
