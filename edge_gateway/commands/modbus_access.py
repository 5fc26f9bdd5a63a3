"""From `modbus://...` to a master that can be asked, and from errors to what a person reads."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import typer

from connectors.errors import BadReply, ConnectorError, DeviceException, LinkDown, NoReply
from connectors.modbus.kinds import Table
from connectors.modbus.master import Master, Reply
from connectors.modbus.transport_tcp import connect_tcp
from edge_gateway.commands.refusal import Refusal
from edge_gateway.exit_codes import Exit

_ENDPOINT = re.compile(r"modbus://(\[[0-9a-fA-F:.]+\]|[^\s/:\[\]]+)(?::(\d{1,5}))?(?:/(\d{1,3}))?/?")
_CONNECT_TIMEOUT = timedelta(seconds=3)
PORT = 502  # registered for Modbus TCP


@dataclass(frozen=True, slots=True)
class Place:
    """Where to ask.

    Attributes:
        host: Name or address.
        port: 1..65535.
        unit: Of the endpoint's path; None where it names none.
    """

    host: str
    port: int
    unit: int | None


def place_of(endpoint: str) -> Place:
    """Read `modbus://HOST[:PORT][/UNIT]`.

    Raises:
        Refusal: It cannot be read.
    """
    match = _ENDPOINT.fullmatch(endpoint)
    if match is None:
        raise Refusal("ENDPOINT", f'"{endpoint}"', "is no endpoint", "Write it like modbus://192.168.0.20:502/1.")
    port, unit = int(match[2] or PORT), None if match[3] is None else int(match[3])
    if not 1 <= port <= 65_535:
        raise Refusal("ENDPOINT", f'"{endpoint}"', "the port must be 1 to 65535", "Modbus TCP devices listen on 502.")
    if unit is not None and unit > 255:
        raise Refusal("ENDPOINT", f'"{endpoint}"', "the unit must be 0 to 255", "Use the unit id set on the device.")
    return Place(match[1].strip("[]"), port, unit)


class Line:
    """One connection at a time, made anew when it has ended; all that the commands know of masters."""

    def __init__(self, place: Place, pause: timedelta, timeout: timedelta) -> None:
        """Nothing is opened yet."""
        self.place = place
        self._pause = pause
        self._timeout = timeout
        self._master: Master | None = None

    async def read(self, unit: int, table: Table, start: int, count: int) -> Reply:
        """See `Master.read`; also raises `EndpointUnreachable`."""
        if self._master is None or self._master.ended:
            if self._master is not None:
                await self._master.closed.wait()  # some devices have but one connection
            self._master = await self._open()
        return await self._master.read(unit, table, start, count)

    async def _open(self) -> Master:
        """The one place that opens a connection."""
        transport = await connect_tcp(self.place.host, self.place.port, _CONNECT_TIMEOUT)
        return Master(transport, Counter(), timeout=self._timeout, pause=self._pause, monotonic=time.monotonic_ns)

    def drop(self) -> None:
        """End the connection: behind a time-out nothing that still comes is of use."""
        if self._master is not None:
            self._master.abort()


W = TypeVar("W")


def run_modbus(
    endpoint: str, pause_ms: float, timeout_s: float, wish: W | Refusal, work: Callable[[Line, W], Awaitable[int]]
) -> int:
    """Do the work over a line; what goes wrong becomes a message and an exit code.

    Args:
        endpoint: `modbus://HOST[:PORT][/UNIT]`.
        pause_ms: Kept free after every exchange.
        timeout_s: Of one request.
        wish: What is asked for, or why that cannot be.
        work: What to do.
    """

    async def whole() -> int:
        if isinstance(wish, Refusal):
            raise wish
        line = Line(place_of(endpoint), timedelta(milliseconds=pause_ms), timedelta(seconds=timeout_s))
        try:
            return await work(line, wish)
        finally:
            line.drop()

    try:
        return asyncio.run(whole())
    except Refusal as refusal:
        typer.echo(str(refusal), err=True)
        return refusal.exit_code
    except ConnectorError as error:
        typer.echo(explained(error), err=True)
        return Exit.FAILED


def explained(error: ConnectorError) -> str:
    """What to look at next."""
    match error:
        case DeviceException():
            return f"the device refused: {error}; sluicegate scan shows what it has"
        case NoReply():
            return f"{error}; check the unit id, or give more --timeout"
        case BadReply() | LinkDown():
            return f"{error}; is it Modbus TCP, and does the device allow another connection?"
        case _:
            return str(error)
