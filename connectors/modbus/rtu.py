"""Modbus RTU frames. Pure.

Source: "SL" is Modbus over Serial Line Specification and Implementation Guide V1.02 (2.2, 2.5.1, 6.2.2).
"""

from __future__ import annotations

from connectors.errors import BadReply
from connectors.modbus.address import Table
from connectors.modbus.protocol import FUNCTION_CODES, read_payload, read_request

REQUEST_SIZE = 8  # unit, function, start, count, CRC
_EXCEPTION_SIZE = 5
_EXCEPTION_FLAG = 0x80
_HEADER_SIZE = 3  # unit, function, byte count
_CRC_SIZE = 2
_POLYNOMIAL = 0xA001  # x^16 + x^15 + x^2 + 1, reflected (SL 6.2.2)
_FAST_BAUD = 19_200
_FAST_SILENCE_S = 0.00175  # above 19,200 baud, whatever the rate (SL 2.5.1.1)
_SILENCE_CHARACTERS = 3.5


def _table() -> tuple[int, ...]:
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)  # noqa: PLW2901 - bit by bit
        table.append(crc)
    return tuple(table)


_CRC = _table()


def crc16(data: bytes | bytearray) -> int:
    """The check sum of a frame (SL 6.2.2); sent low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc


def seal(body: bytes) -> bytes:
    """A frame: `body`, from the unit id on, and its check sum."""
    return body + crc16(body).to_bytes(2, "little")


def frame_silence_s(baudrate: int, bits_per_character: int) -> float:
    """Least silence between two frames, t3.5, in seconds (SL 2.5.1.1)."""
    if baudrate > _FAST_BAUD:
        return _FAST_SILENCE_S
    return _SILENCE_CHARACTERS * bits_per_character / baudrate


class RtuExchange:
    """One read over RTU: its request, and the bytes that have come back so far.

    RTU has no transaction id. What can be compared is compared: unit, function, byte count, length, check sum. That
    these bytes do not answer an earlier request is for the master to see to.
    """

    def __init__(self, unit: int, table: Table, start: int, count: int) -> None:
        """Begin.

        Args:
            unit: 1..247 (SL 2.2). Nobody answers 0, the broadcast.
            table: Which table.
            start: 0..65535.
            count: 1..2,000 bits or 1..125 registers.
        """
        self.request = seal(bytes([unit]) + read_request(table, start, count))
        self._unit = unit
        self._table = table
        self._count = count
        self._data_size = (count + 7) // 8 if table.of_bits else 2 * count
        self._buffer = bytearray()

    @property
    def reply_size(self) -> int:
        """Bytes of the reply that carries values."""
        return _HEADER_SIZE + self._data_size + _CRC_SIZE

    def feed(self, data: bytes) -> None:
        """Add bytes as they came from the wire."""
        self._buffer += data

    def payload(self) -> bytes | None:
        """The data bytes of the reply once it is complete, None before.

        Refused as early as it shows: a line that talks nonsense must not hold up the other units for a time-out.

        Raises:
            DeviceException: the device answered with an exception.
            BadReply: these bytes are not the answer to this request.
        """
        got = self._buffer
        if not got:
            return None
        if got[0] != self._unit:
            raise BadReply("unit id", got[0], str(self._unit))
        if len(got) < 2:
            return None
        function = FUNCTION_CODES[self._table]
        if got[1] not in (function, function | _EXCEPTION_FLAG):
            raise BadReply("function code", got[1], str(function))
        refused = got[1] != function
        if not refused and len(got) >= _HEADER_SIZE and got[2] != self._data_size:
            raise BadReply("byte count", got[2], str(self._data_size))
        size = _EXCEPTION_SIZE if refused else self.reply_size
        if len(got) < size:
            return None
        return self._complete(size)

    def _complete(self, size: int) -> bytes:
        got = self._buffer
        # An adapter on a two-wire line may echo what we send; for 17 to 24 bits the echo can look like a reply.
        if got[:REQUEST_SIZE] == self.request:
            raise BadReply("bytes of our own request", REQUEST_SIZE, "0")
        if len(got) != size:
            raise BadReply("length", len(got), str(size))
        body = bytes(got[: size - _CRC_SIZE])
        crc = int.from_bytes(got[size - _CRC_SIZE :], "little")
        if crc != crc16(body):
            raise BadReply("check sum", crc, str(crc16(body)))
        return read_payload(self._table, self._count, body[1:])
