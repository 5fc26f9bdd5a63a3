"""From an endpoint to a master that can be asked, and from errors to what a person reads."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

import typer

from connectors.errors import BadReply, ConnectorError, DeviceException, LinkDown, NoReply
from connectors.modbus.endpoint import Endpoint, connect
from connectors.modbus.kinds import Table
from connectors.modbus.master import Master, Reply
from edge_gateway.commands.modbus_url import Place, place_of
from edge_gateway.commands.refusal import Refusal
from edge_gateway.exit_codes import Exit

_CONNECT_TIMEOUT = timedelta(seconds=3)


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
        endpoint = self.place.endpoint
        return Master(
            await connect(endpoint, _CONNECT_TIMEOUT),
            Counter(),
            timeout=self._timeout,
            pause=self._pause,
            monotonic=time.monotonic_ns,
            framing=endpoint.framing,
            transaction_id=endpoint.transaction_id,
        )

    def drop(self) -> None:
        """End the connection."""
        if self._master is not None:
            self._master.abort()


W = TypeVar("W")


def run_modbus(
    endpoint: str, pause_ms: float, timeout_s: float, wish: W | Refusal, work: Callable[[Line, W], Awaitable[int]]
) -> int:
    """Do the work over a line; what goes wrong becomes a message and an exit code.

    Args:
        endpoint: As `modbus_url` has it.
        pause_ms: Kept free after every exchange.
        timeout_s: Of one request.
        wish: What is asked for, or why that cannot be.
        work: What to do.
    """

    async def whole(place: Place, wished: W) -> int:
        line = Line(place, timedelta(milliseconds=pause_ms), timedelta(seconds=timeout_s))
        try:
            return await work(line, wished)
        except ConnectorError as error:
            typer.echo(explained(error, place.endpoint), err=True)
            return Exit.FAILED
        finally:
            line.drop()

    try:
        if isinstance(wish, Refusal):
            raise wish
        return asyncio.run(whole(place_of(endpoint), wish))
    except Refusal as refusal:
        typer.echo(str(refusal), err=True)
        return refusal.exit_code


def explained(error: ConnectorError, endpoint: Endpoint) -> str:
    """What to look at next."""
    match error:
        case DeviceException():
            return f"the device refused: {error}; sluicegate scan shows what it has"
        case NoReply() if endpoint.transport == "rtu":
            return f"{error}; check the unit id, baudrate, parity and stop_bits, or give more --timeout"
        case NoReply():
            return f"{error}; check the unit id, or give more --timeout"
        case BadReply() if endpoint.transport == "rtu":
            return f"{error}; check baudrate, parity and stop_bits, and that no other master is on the line"
        case BadReply() | LinkDown():
            frames = "RTU" if endpoint.framing == "rtu" else "Modbus TCP"
            return f"{error}; does {endpoint} speak {frames}, and allow another connection?"
        case _:
            return str(error)
