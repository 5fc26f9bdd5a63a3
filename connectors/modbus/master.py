"""The asking side of Modbus TCP: one request at a time, and only its own answer counts.

A value under the wrong tag is worse than no value. So a reply must match its request in every field, or it is not used:

- Transaction id of a request that timed out before: a late reply. Discarded, counted, and waited on.
- Any other mismatch (transaction, protocol, unit, function code, byte count, length): the stream cannot be trusted any
  more. Nothing of it is used and the link is dropped.

pymodbus 3.16 accepts replies of another function or length; that is why this file exists.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from connectors.errors import BadReply, NoReply
from connectors.modbus.address import Table
from connectors.modbus.protocol import Deframer, Frame, read_payload, read_request
from connectors.modbus.transport import Transport

# How many unanswered requests are remembered. The driver drops a link that stays silent long before.
_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one read.

    Attributes:
        payload: Data bytes, as many as the request asks for.
        sent: Monotonic ns at which the request was handed to the transport.
        received: Monotonic ns at which the reply was complete.
    """

    payload: bytes
    sent: int
    received: int


class Master:
    """Asks over one open connection. Made anew for every connection; not to be used by two tasks at once.

    Counts in `counts`: "requests", "timeouts", "late_replies", "bad_replies".
    """

    def __init__(
        self,
        transport: Transport,
        counts: Counter[str],
        *,
        timeout: timedelta,
        pause: timedelta,
        monotonic: Callable[[], int],
    ) -> None:
        """Take over an open connection.

        Args:
            transport: Sole use of it.
            counts: Added to; outlives the connection.
            timeout: From handing over a request to its complete reply.
            pause: Least time between the end of one exchange and the next request.
            monotonic: ns, never stepping back.
        """
        self._transport = transport
        self._counts = counts
        self._timeout_s = timeout.total_seconds()
        self._pause_ns = round(pause.total_seconds() * 1e9)
        self._monotonic = monotonic
        self._deframer = Deframer()
        self._transaction = 0
        self._unanswered: deque[int] = deque(maxlen=_REMEMBERED)
        self._free_at = 0
        self.answered = False  # whether this connection ever brought a reply

    @property
    def closed(self) -> asyncio.Event:
        """Set once the connection is gone."""
        return self._transport.closed

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    async def read(self, unit: int, table: Table, start: int, count: int) -> Reply:
        """Read bits or registers.

        Args:
            unit: Unit id, 0..255.
            table: Which table.
            start: Zero-based address.
            count: 1..2,000 bits or 1..125 registers.

        Raises:
            DeviceException: the device refused; the link is fine.
            NoReply: nothing came in time; the link is kept, a reply that still comes is discarded.
            BadReply: not the answer to this request; the link is dropped.
            LinkDown: there is no link any more.
        """
        await self._keep_pause()
        self._transaction = (self._transaction + 1) & 0xFFFF
        transaction = self._transaction
        sent = self._monotonic()
        self._transport.send(Frame(transaction, unit, read_request(table, start, count)).encode())
        self._counts["requests"] += 1
        try:
            async with asyncio.timeout(self._timeout_s):
                frame = await self._answer_to(transaction)
            if frame.unit != unit:
                raise BadReply("unit id", frame.unit, str(unit))
            self.answered = True
            return Reply(read_payload(table, count, frame.pdu), sent, self._monotonic())
        except TimeoutError:
            self._counts["timeouts"] += 1
            self._unanswered.append(transaction)
            raise NoReply(unit, self._timeout_s) from None
        except BadReply:
            self._counts["bad_replies"] += 1
            self._transport.abort()
            raise
        finally:
            self._free_at = self._monotonic() + self._pause_ns

    async def _answer_to(self, transaction: int) -> Frame:
        """The frame with this transaction id; late ones before it are let go."""
        while True:
            while (frame := self._deframer.next()) is not None:
                if frame.transaction == transaction:
                    return frame
                if frame.transaction not in self._unanswered:
                    raise BadReply("transaction id", frame.transaction, str(transaction))
                self._unanswered.remove(frame.transaction)
                self._counts["late_replies"] += 1
            self._deframer.feed(await self._transport.receive())

    async def _keep_pause(self) -> None:
        wait_ns = self._free_at - self._monotonic()
        if self._pause_ns and wait_ns > 0:
            await asyncio.sleep(wait_ns / 1e9)
