"""The Modbus messages this connector speaks: four reads, their replies, and the frames of Modbus TCP. Pure.

There are four function codes here and no more. All four only read: a gateway must not be able to move a valve.

Sources: "PDU" is the Modbus Application Protocol Specification V1.1b3 (sections 4.1, 6.1-6.4, 7); "MBAP" is Modbus
Messaging on TCP/IP Implementation Guide V1.0b (section 3.1).
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from connectors.errors import BadReply, DeviceException
from connectors.modbus.address import Table

FUNCTION_CODES = {
    Table.COIL: 0x01,  # Read Coils, 6.1
    Table.DISCRETE: 0x02,  # Read Discrete Inputs, 6.2
    Table.HOLDING: 0x03,  # Read Holding Registers, 6.3
    Table.INPUT: 0x04,  # Read Input Registers, 6.4
}
MAX_BITS = 2000  # 0x7D0, 6.1 and 6.2
MAX_REGISTERS = 125  # 0x7D, 6.3 and 6.4

ILLEGAL_FUNCTION = 0x01
ILLEGAL_DATA_ADDRESS = 0x02
ILLEGAL_DATA_VALUE = 0x03
SERVER_DEVICE_FAILURE = 0x04
ACKNOWLEDGE = 0x05
SERVER_DEVICE_BUSY = 0x06
MEMORY_PARITY_ERROR = 0x08
GATEWAY_PATH_UNAVAILABLE = 0x0A
GATEWAY_TARGET_FAILED = 0x0B
EXCEPTION_NAMES = {  # section 7
    ILLEGAL_FUNCTION: "illegal function",
    ILLEGAL_DATA_ADDRESS: "illegal data address",
    ILLEGAL_DATA_VALUE: "illegal data value",
    SERVER_DEVICE_FAILURE: "server device failure",
    ACKNOWLEDGE: "acknowledge",
    SERVER_DEVICE_BUSY: "server device busy",
    MEMORY_PARITY_ERROR: "memory parity error",
    GATEWAY_PATH_UNAVAILABLE: "gateway path unavailable",
    GATEWAY_TARGET_FAILED: "gateway target device failed to respond",
}
_EXCEPTION_FLAG = 0x80
_OF_BITS = frozenset((Table.COIL, Table.DISCRETE))

_REQUEST = struct.Struct(">BHH")  # function code, start, count
_REQUEST_FRAME = struct.Struct(">HHHBBHH")  # the header of Modbus TCP and a request
_REPLY_HEAD = struct.Struct(">HHHBBB")  # the header of Modbus TCP, function code, byte count
HEAD_SIZE = _REPLY_HEAD.size
_MBAP = struct.Struct(">HHHB")  # transaction id, protocol id, length, unit id
_LENGTH_END = 6  # the length field counts from the unit id on
_MIN_LENGTH = 3  # unit id and the two bytes of an exception
_MAX_LENGTH = 254  # unit id and a PDU of at most 253 bytes (MBAP 3.1.3; PDU 4.1)


def read_request(table: Table, start: int, count: int) -> bytes:
    """The PDU that reads `count` bits or registers from zero-based address `start` on.

    Args:
        table: Which table; it decides the function code.
        start: 0..65535.
        count: 1..2,000 bits or 1..125 registers; the planner keeps to it.
    """
    return _REQUEST.pack(FUNCTION_CODES[table], start, count)


def data_size(table: Table, count: int) -> int:
    """Data bytes of a reply: two for each register, one for eight bits begun."""
    return (count + 7) // 8 if table in _OF_BITS else 2 * count


def request_frame(transaction: int, unit: int, table: Table, start: int, count: int) -> bytes:
    """`read_request` as sent over Modbus TCP. Arguments as there and in `Frame`."""
    return _REQUEST_FRAME.pack(transaction, 0, 1 + _REQUEST.size, unit, FUNCTION_CODES[table], start, count)


def reply_head(transaction: int, unit: int, table: Table, count: int) -> bytes:
    """All that stands before the data in the good reply to that request, `HEAD_SIZE` bytes: no other reply has it."""
    size = data_size(table, count)
    return _REPLY_HEAD.pack(transaction, 0, 3 + size, unit, FUNCTION_CODES[table], size)


def read_payload(table: Table, count: int, pdu: bytes) -> bytes:
    """The data bytes of the reply to `read_request(table, _, count)`.

    Args:
        table: As asked.
        count: As asked.
        pdu: The reply from its function code on.

    Returns:
        Exactly two bytes per register, or one per eight bits begun.

    Raises:
        DeviceException: the device answered with an exception.
        BadReply: function code, byte count or length are not those of the answer to this request.
    """
    function = FUNCTION_CODES[table]
    if pdu[0] == function | _EXCEPTION_FLAG:
        if len(pdu) != 2:
            raise BadReply("length of an exception", len(pdu), "2")
        raise DeviceException(pdu[1], EXCEPTION_NAMES.get(pdu[1], "not in the specification"))
    if pdu[0] != function:
        raise BadReply("function code", pdu[0], str(function))
    size = data_size(table, count)
    if pdu[1] != size:
        raise BadReply("byte count", pdu[1], str(size))
    if len(pdu) != 2 + size:
        raise BadReply("length", len(pdu), str(2 + size))
    return pdu[2:]


class Frame(NamedTuple):
    """One Modbus TCP frame, header fields checked for being a frame at all.

    Attributes:
        transaction: Transaction id, 0..65535: the device repeats the request's.
        unit: Unit id, 0..255.
        pdu: At least two bytes.
    """

    transaction: int
    unit: int
    pdu: bytes

    def encode(self) -> bytes:
        """As sent (MBAP 3.1.3)."""
        return _MBAP.pack(self.transaction, 0, 1 + len(self.pdu), self.unit) + self.pdu


class Deframer:
    """Cuts a stream of bytes into frames; keeps what is not complete yet, however small the pieces come."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Add bytes as they came from the wire."""
        self._buffer += data

    @property
    def unread(self) -> int:
        """Bytes that `next` has not handed out."""
        return len(self._buffer)

    def next(self) -> Frame | None:
        """The next complete frame, or None until more is fed.

        Raises:
            BadReply: this is no Modbus TCP, or the stream is out of step; nothing behind it can be trusted either.
        """
        if len(self._buffer) < _MBAP.size:
            return None
        transaction, protocol, length, unit = _MBAP.unpack_from(self._buffer)
        if protocol != 0:
            raise BadReply("protocol id", protocol, "0")
        if not _MIN_LENGTH <= length <= _MAX_LENGTH:
            raise BadReply("length field", length, f"{_MIN_LENGTH}..{_MAX_LENGTH}")
        end = _LENGTH_END + length
        if len(self._buffer) < end:
            return None
        frame = Frame(transaction, unit, bytes(self._buffer[_MBAP.size : end]))
        del self._buffer[:end]
        return frame
