"""What OPC-UA servers and Modbus devices answer."""

from __future__ import annotations

import datetime as dt
import functools
import struct
from collections.abc import Callable

from asyncua import ua
from asyncua.ua.ua_binary import extensionobject_to_binary, struct_to_binary

from connectors.errors import BadReply, DeviceException, MalformedMessage
from connectors.modbus.address import Table
from connectors.modbus.framing import Framing, MbapAnyTransaction, MbapDatagrams, MbapStream, Rtu
from connectors.modbus.protocol import FUNCTION_CODES, data_size
from connectors.modbus.rtu import seal
from connectors.opcua.wire import (
    Fault,
    HistoryPage,
    Notification,
    read_history,
    read_publish,
    read_read,
    read_republish,
)
from tests.fuzz.doors import Door

NOW = dt.datetime(2024, 2, 29, 12, 0, 0, 250000, tzinfo=dt.UTC)
KIND = ua.VariantType
UNIT = 7
ASKED = [(Table.HOLDING, 3), (Table.INPUT, 125), (Table.COIL, 17), (Table.DISCRETE, 1)]


def _values() -> list[ua.DataValue]:
    said = [(1.5, KIND.Double), (7, KIND.UInt16), (True, KIND.Boolean), ("text", KIND.String), ([1.0, 2.0], KIND.Float)]
    values = [
        ua.DataValue(ua.Variant(value, kind), ua.StatusCode(0), SourceTimestamp=NOW, ServerTimestamp=NOW)
        for value, kind in said
    ]
    return [*values, ua.DataValue(StatusCode=ua.StatusCode(0x80350000)), ua.DataValue()]


def _publish() -> list[bytes]:
    found = []
    for values in (_values(), 40 * _values()[:1], []):
        items = [ua.MonitoredItemNotification(ClientHandle=n, Value=value) for n, value in enumerate(values)]
        response = ua.PublishResponse()
        response.Parameters.AvailableSequenceNumbers = [1, 2]
        if items:
            response.Parameters.NotificationMessage.NotificationData = [
                ua.DataChangeNotification(MonitoredItems=items),
                ua.StatusChangeNotification(Status=ua.StatusCode(0x800A0000)),
            ]
        found.append(struct_to_binary(response))
    return [*found, struct_to_binary(ua.ServiceFault())]


def _republish() -> list[bytes]:
    response = ua.RepublishResponse()
    items = [ua.MonitoredItemNotification(ClientHandle=n, Value=value) for n, value in enumerate(_values())]
    response.NotificationMessage.NotificationData = [ua.DataChangeNotification(MonitoredItems=items)]
    return [struct_to_binary(response)]


def _read() -> list[bytes]:
    return [struct_to_binary(ua.ReadResponse(Results=_values())), struct_to_binary(ua.ReadResponse())]


def _history() -> list[bytes]:
    data = extensionobject_to_binary(ua.HistoryData(DataValues=_values()))
    result = ua.HistoryReadResult(ContinuationPoint=b"more", HistoryData=ua.ExtensionObject())
    whole = struct_to_binary(ua.HistoryReadResponse(Results=[result]))
    at = whole.rindex(b"more") + 4  # the empty object that stands there gives way to one with values
    return [whole, whole[:at] + data + whole[at + 3 :]]


def _opcua(read: Callable[[bytes], object], seeds: Callable[[], list[bytes]]) -> Door:
    def enter(data: bytes) -> None:
        found = read(data)
        pieces = found if isinstance(found, list) else [found]
        for piece in pieces:
            values = piece.values if isinstance(piece, Notification | HistoryPage) else piece
            for one in values if isinstance(values, list) else [values]:
                if not isinstance(one, Fault):
                    # Every value takes a byte at least: a message cannot ask for more memory than it brings.
                    assert len(one.handle) == len(one.status) <= len(data)

    return Door(enter, (MalformedMessage,), seeds)


def _reply(transaction: int, table: Table, count: int) -> bytes:
    size = data_size(table, count)
    head = struct.pack(">HHHBBB", transaction, 0, 3 + size, UNIT, FUNCTION_CODES[table], size)
    return head + bytes(n % 256 for n in range(size))


def _modbus(make: Callable[[], Framing], seal_it: bool) -> Door:
    def enter(data: bytes) -> None:
        """The first byte says what was asked and how the rest is cut."""
        table, count = ASKED[data[0] % 4] if data else ASKED[0]
        step = (data[0] >> 2 if data else 0) or 255
        framing = make()
        framing.request(UNIT, table, 5, count)
        for at in range(1, len(data), step):
            got = framing.feed(data[at : at + step])
            assert framing.unread <= len(data)
            if got is not None:
                assert len(got) == data_size(table, count)
                return

    def seeds() -> list[bytes]:
        found = []
        for number, (table, count) in enumerate(ASKED):
            tcp = _reply(1, table, count)
            whole = seal(tcp[6:]) if seal_it else tcp
            refusal = bytes([UNIT, FUNCTION_CODES[table] | 0x80, 2])
            found += [
                bytes([number]) + whole,
                bytes([number | 5 << 2]) + whole,
                bytes([number]) + (seal(refusal) if seal_it else struct.pack(">HHH", 1, 0, 3) + refusal),
                bytes([number]) + whole + whole,
            ]
        return found

    return Door(enter, (BadReply, DeviceException), seeds)


DOORS = {
    "opcua-publish": _opcua(read_publish, functools.cache(_publish)),
    "opcua-republish": _opcua(read_republish, functools.cache(_republish)),
    "opcua-read": _opcua(read_read, functools.cache(_read)),
    "opcua-history": _opcua(read_history, functools.cache(_history)),
    "modbus-tcp": _modbus(MbapStream, seal_it=False),
    "modbus-any-transaction": _modbus(MbapAnyTransaction, seal_it=False),
    "modbus-udp": _modbus(MbapDatagrams, seal_it=False),
    "modbus-rtu": _modbus(Rtu, seal_it=True),
}
