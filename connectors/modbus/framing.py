"""How a request becomes bytes and which bytes are its answer: Modbus TCP's header, or RTU. Pure.

A framing belongs to one connection and knows one request at a time.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

from connectors.errors import BadReply
from connectors.modbus.address import Table
from connectors.modbus.protocol import HEAD_SIZE, Deframer, Frame, data_size, read_payload, reply_head, request_frame
from connectors.modbus.rtu import REQUEST_SIZE, RtuExchange

# How many unanswered requests are remembered. The driver drops a link that stays silent long before.
_REMEMBERED = 64


class Framing(Protocol):
    """What a master needs of a framing."""

    late: int
    """Replies to earlier requests that were told apart and left out so far."""

    def request(self, unit: int, table: Table, start: int, count: int) -> bytes:
        """Begin a read: the bytes to send."""
        ...

    def bytes_on_the_wire(self) -> int:
        """Of the request begun last and its reply, together."""
        ...

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes as they came.

        Returns:
            The data of the answer to the request begun last, None until it is complete.

        Raises:
            DeviceException: the device answered with an exception.
            BadReply: what came is not the answer.
        """
        ...

    @property
    def unread(self) -> int:
        """Bytes that came behind the last answer, or of one not complete yet."""
        ...

    def lapse(self) -> bool:
        """The request begun last is given up; its answer may still come. True where a part of a frame has come."""
        ...


class MbapStream:
    """Modbus TCP over a stream: transaction ids tell late replies apart."""

    def __init__(self) -> None:
        self.late = 0
        self._deframer = Deframer()
        self._transaction = 0
        self._asked: tuple[int, Table, int] | None = None
        self._head = b""
        self._size = 0  # of the good reply, header and all
        self._unanswered: deque[int] = deque(maxlen=_REMEMBERED)

    def request(self, unit: int, table: Table, start: int, count: int) -> bytes:
        """See `Framing`."""
        transaction = self._transaction % 0xFFFF + 1  # never 0, which some devices answer to everything
        while transaction in self._unanswered:
            transaction = transaction % 0xFFFF + 1
        self._transaction = transaction
        self._asked = (unit, table, count)
        self._head = reply_head(transaction, unit, table, count)
        self._size = HEAD_SIZE + data_size(table, count)
        return request_frame(transaction, unit, table, start, count)

    def bytes_on_the_wire(self) -> int:
        """See `Framing`. Networks are taken to be quick."""
        return 0

    def feed(self, data: bytes) -> bytes | None:
        """See `Framing`. Late replies before the answer are let go."""
        # Nearly always the whole answer comes in one piece: every field of it is checked by comparing its head.
        if len(data) == self._size and data.startswith(self._head) and not self._deframer.unread:
            return data[HEAD_SIZE:]
        self._deframer.feed(data)
        while (frame := self._deframer.next()) is not None:
            if self._is_mine(frame):
                return self._read(frame)
        return None

    @property
    def unread(self) -> int:
        """See `Framing`."""
        return self._deframer.unread

    def lapse(self) -> bool:
        """See `Framing`."""
        self._unanswered.append(self._transaction)
        return self._deframer.unread > 0

    def _is_mine(self, frame: Frame) -> bool:
        if frame.transaction == self._transaction:
            return True
        if frame.transaction not in self._unanswered:
            raise BadReply("transaction id", frame.transaction, str(self._transaction))
        self._unanswered.remove(frame.transaction)
        self.late += 1
        return False

    def _read(self, frame: Frame) -> bytes:
        assert self._asked is not None
        unit, table, count = self._asked
        if frame.unit != unit:
            raise BadReply("unit id", frame.unit, str(unit))
        return read_payload(table, count, frame.pdu)


class MbapAnyTransaction(MbapStream):
    """Modbus TCP with a device that does not repeat the transaction id: nothing tells a late reply apart."""

    def _is_mine(self, frame: Frame) -> bool:  # noqa: ARG002 - that is the point
        return True


class MbapDatagrams(MbapStream):
    """Modbus over UDP: every datagram is one frame, and any of them may be lost, late or doubled."""

    def feed(self, data: bytes) -> bytes | None:
        """See `Framing`. A datagram that is no frame is nobody's answer."""
        self._deframer = Deframer()
        self._deframer.feed(data)
        frame = self._deframer.next()
        if frame is None or self._deframer.unread or not self._is_mine(frame):
            return None
        return self._read(frame)

    def _is_mine(self, frame: Frame) -> bool:
        """A datagram with any other id may be a doubled one of long ago: it is no fault of this exchange."""
        if frame.transaction == self._transaction:
            return True
        self.late += 1
        return False


class Rtu:
    """RTU, over a serial line or a stream. A late reply cannot be told apart: the master must not let one in."""

    late = 0

    def __init__(self) -> None:
        self._exchange: RtuExchange | None = None

    def request(self, unit: int, table: Table, start: int, count: int) -> bytes:
        """See `Framing`."""
        self._exchange = RtuExchange(unit, table, start, count)
        return self._exchange.request

    def bytes_on_the_wire(self) -> int:
        """See `Framing`."""
        assert self._exchange is not None
        return REQUEST_SIZE + self._exchange.reply_size

    def feed(self, data: bytes) -> bytes | None:
        """See `Framing`."""
        assert self._exchange is not None
        self._exchange.feed(data)
        return self._exchange.payload()

    @property
    def unread(self) -> int:
        """See `Framing`. The next exchange begins with an empty line."""
        return 0

    def lapse(self) -> bool:
        """See `Framing`. Of no matter: the next exchange begins with an empty line."""
        return False
