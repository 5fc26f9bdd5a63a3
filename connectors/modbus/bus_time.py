"""What requests cost on the line: bytes and time. Pure.

Sources: "serial" is Modbus over Serial Line Specification and Implementation Guide V1.02 (2.5.1.1: a character is 11
bits with its parity or second stop bit; 3.5 characters of silence between two frames, 1.75 ms above 19,200 baud); "PDU"
is the Modbus Application Protocol V1.1b3 (6.1-6.4); "MBAP" is Modbus Messaging on TCP/IP V1.0b (3.1.3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from connectors.modbus.plan import Request

_REQUEST_PDU = 5  # function code, start, count
_REPLY_PDU = 2  # function code, byte count; then the data
_MBAP = 7  # header of a TCP frame
_RTU = 3  # unit id and CRC of a serial frame
_SILENCE_CHARS = 3.5
_FAST_BAUD = 19_200
_FAST_SILENCE_S = 0.00175
_TURNAROUND_S = 0.010  # our assumption for a serial device; many take 5 to 20 ms from request to reply


@dataclass(frozen=True, slots=True)
class TcpLine:
    """A network, on which the round trip is all.

    Attributes:
        round_trip_s: From handing over a request to its reply: network, device, and what hangs behind it.
        pause_s: Kept free after every exchange.
    """

    round_trip_s: float = 0.005
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SerialLine:
    """A serial line, RTU framing, our own or that behind a gateway.

    Attributes:
        baud: Bits per second.
        char_bits: 11 for 8E1, 8O1 and 8N2; 10 for 8N1.
        turnaround_s: What the device takes from a request to the begin of its reply.
        pause_s: Kept free after every exchange, beyond the silence that the protocol asks for.
    """

    baud: int
    char_bits: int = 11
    turnaround_s: float = _TURNAROUND_S
    pause_s: float = 0.0

    @property
    def char_s(self) -> float:
        """One character."""
        return self.char_bits / self.baud

    @property
    def silence_s(self) -> float:
        """Between two frames (serial 2.5.1.1)."""
        return _FAST_SILENCE_S if self.baud > _FAST_BAUD else _SILENCE_CHARS * self.char_s


Line = TcpLine | SerialLine


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one exchange, or of many.

    Attributes:
        requests: How many.
        sent: Bytes of requests.
        received: Bytes of replies.
        seconds: For which the line is taken.
    """

    requests: int = 0
    sent: int = 0
    received: int = 0
    seconds: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.requests + other.requests,
            self.sent + other.sent,
            self.received + other.received,
            self.seconds + other.seconds,
        )


def exchange(request: Request, line: Line) -> Cost:
    """A request and its good reply."""
    data = (request.count + 7) // 8 if request.table.of_bits else 2 * request.count
    frame = _MBAP if isinstance(line, TcpLine) else _RTU
    sent, received = frame + _REQUEST_PDU, frame + _REPLY_PDU + data
    if isinstance(line, TcpLine):
        return Cost(1, sent, received, line.round_trip_s + line.pause_s)
    seconds = (sent + received) * line.char_s + 2 * line.silence_s + line.turnaround_s + line.pause_s
    return Cost(1, sent, received, seconds)


def cycle(requests: Iterable[Request], line: Line) -> Cost:
    """All requests of one poll, one after the other."""
    return sum((exchange(request, line) for request in requests), Cost())


def share(cost: Cost, interval: timedelta) -> float:
    """Part of the line's time that a poll takes when made at this interval; 1.0 = all of it."""
    return cost.seconds / interval.total_seconds()
