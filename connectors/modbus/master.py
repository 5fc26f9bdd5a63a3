"""The asking side of Modbus: one request at a time, and only its own answer counts.

A value under the wrong tag is worse than no value. So a reply must match its request in every field, or it is not used.
What happens to the link after a request without an answer depends on what could tell its late reply apart:

| framing, wire | after a time-out | after bytes that are not the answer |
|---|---|---|
| Modbus TCP over a stream | kept: the transaction id tells; dropped within a frame | dropped: it is out of step |
| Modbus TCP over a stream, ids ignored | dropped: nothing tells | dropped |
| Modbus over UDP | kept | kept: every datagram stands for itself |
| RTU over a stream | dropped | dropped |
| RTU over a serial line | kept, after a silence | kept, after a silence |

The silence is as long as the request could have taken: whoever has not answered by then is taken to be never going to.
With RTU a connection also begins with it: a late reply outlives the connection on a serial line, and in a gateway that
hands the bytes of its line to whoever is connected.

pymodbus 3.16 accepts replies of another function or length, and takes late RTU replies for the next answer; that is why
this file exists, and `tests/connectors/modbus/battery` shows both.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Literal, NamedTuple

from connectors.errors import BadReply, DeviceException, NoReply
from connectors.modbus.address import Table
from connectors.modbus.framing import Framing, MbapAnyTransaction, MbapDatagrams, MbapStream, Rtu
from connectors.modbus.transport import Transport

# A line that is never silent for as long as it must be is given up after so many times that long.
_PATIENCE = 4


class Reply(NamedTuple):
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
        framing: Literal["mbap", "rtu"] = "mbap",
        transaction_id: Literal["strict", "ignore"] = "strict",
    ) -> None:
        """Take over an open connection.

        Args:
            transport: Sole use of it.
            counts: Added to; outlives the connection.
            timeout: From handing over a request to its complete reply, where `read` is given no other. The time that
                the bytes take on a serial line is added to it.
            pause: Least time between the end of one exchange and the next request; never less than RTU demands.
            monotonic: ns, never stepping back.
            framing: As `Endpoint.framing`.
            transaction_id: As `Endpoint.transaction_id`.
        """
        wire = transport.wire
        self._transport = transport
        self._counts = counts
        self._timeout_s = timeout.total_seconds()
        self._pause_ns = round(max(pause.total_seconds(), wire.silence_s) * 1e9)
        self._monotonic = monotonic
        self._byte_s = wire.byte_s
        self._framing = _framing(framing, transaction_id, datagrams=wire.datagrams)
        # Whether a late reply could pass for the answer: then nothing may be under way when a request is sent.
        self._mute = isinstance(self._framing, Rtu | MbapAnyTransaction)
        self._drop_after_timeout = self._mute and not wire.serial
        self._drop_after_bad = not wire.serial and not wire.datagrams
        self._free_at = 0
        self._quiet_until = 0  # monotonic ns until which the line must be silent before the next request
        if framing == "rtu":
            self._quiet_until = monotonic() + round(self._timeout_s * 1e9)
        self.answered = False  # whether this connection ever brought a reply

    @property
    def ended(self) -> bool:
        """Whether there is no connection any more."""
        return self._transport.ended

    @property
    def closed(self) -> asyncio.Event:
        """Set soon after the end: wait for it before another connection is opened."""
        return self._transport.closed

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    async def read(
        self,
        unit: int,
        table: Table,
        start: int,
        count: int,
        timeout: timedelta | None = None,  # noqa: ASYNC109 - of the unit, and it must not end the rest of this method
    ) -> Reply:
        """Read bits or registers.

        Args:
            unit: Unit id, 0..255; over RTU 1..247.
            table: Which table.
            start: Zero-based address.
            count: 1..2,000 bits or 1..125 registers.
            timeout: Of this unit; the master's own by default.

        Raises:
            DeviceException: the device refused; the link is fine.
            NoReply: nothing came in time. A reply that still comes is not used; for the link see above.
            BadReply: not the answer to this request; for the link see above.
            LinkDown: there is no link any more.
        """
        if self._pause_ns:
            await self._keep_pause()
        if self._mute:
            await self._hear_silence()
        framing, transport, counts = self._framing, self._transport, self._counts
        request = framing.request(unit, table, start, count)
        limit_s = self._timeout_s if timeout is None else timeout.total_seconds()
        if self._byte_s:
            limit_s += framing.bytes_on_the_wire() * self._byte_s
        late = framing.late
        heard = False
        sent = self._monotonic()
        transport.send(request)
        counts["requests"] += 1
        try:
            payload = framing.feed(await transport.receive(limit_s))
            while payload is None:  # it may trickle in
                left_s = limit_s - (self._monotonic() - sent) / 1e9
                if left_s <= 0:
                    raise TimeoutError
                payload = framing.feed(await transport.receive(left_s))
            heard = True
            return Reply(payload, sent, self._monotonic())
        except DeviceException:
            heard = True
            raise
        except TimeoutError:
            counts["timeouts"] += 1
            if self._drop_after_timeout:
                transport.abort()
            raise NoReply(unit, limit_s) from None
        except BadReply:
            self._note_bad()
            raise
        finally:
            if framing.late != late:
                counts["late_replies"] += framing.late - late
            if heard:
                self.answered = True
            else:  # also where the caller was cancelled
                if framing.lapse() and self._drop_after_bad:
                    transport.abort()  # the rest may never come, and the next reply would be taken for it
                self._quiet_until = self._monotonic() + round(limit_s * 1e9)
            if self._pause_ns:
                self._free_at = self._monotonic() + self._pause_ns

    def _note_bad(self) -> None:
        self._counts["bad_replies"] += 1
        if self._drop_after_bad:
            self._transport.abort()

    async def _keep_pause(self) -> None:
        wait_ns = self._free_at - self._monotonic()
        if wait_ns > 0:
            await asyncio.sleep(wait_ns / 1e9)

    async def _hear_silence(self) -> None:
        """Wait until nothing has come for as long as is due; what comes is nobody's answer.

        Raises:
            BadReply: the line is not silent; a stream is dropped for it, a serial line is asked again later.
        """
        began = self._monotonic()
        unwanted = self._framing.unread
        if unwanted:  # they came in one piece with the answer before
            self._note_bad()
            raise BadReply("bytes that nobody asked for", unwanted, "0")
        while size := await self._noise(max(0, self._quiet_until - self._monotonic()) / 1e9):
            self._counts["late_replies"] += unwanted == 0
            unwanted += size
            now = self._monotonic()
            self._quiet_until = now + round(self._timeout_s * 1e9)
            if self._drop_after_timeout or now - began > _PATIENCE * self._timeout_s * 1e9:
                self._note_bad()
                raise BadReply("bytes that nobody asked for", unwanted, "0")

    async def _noise(self, seconds: float) -> int:
        """How many bytes come in that time; returns with the first of them."""
        # Twice: a process that stood still wakes up with time-out and bytes at once, and the time-out wins.
        for patience in (seconds, 0):
            try:
                async with asyncio.timeout(patience):
                    return len(await self._transport.receive())
            except TimeoutError:
                continue
        return 0


def _framing(framing: str, transaction_id: str, *, datagrams: bool) -> Framing:
    if framing == "rtu":
        return Rtu()
    if datagrams:
        return MbapDatagrams()
    return MbapStream() if transaction_id == "strict" else MbapAnyTransaction()
