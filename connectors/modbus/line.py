"""A line: its one connection, kept or made anew, and one request at a time for all units that share it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

from connectors.backoff import Backoff
from connectors.errors import DeviceException, EndpointUnreachable, LinkDown, NoReply
from connectors.modbus.clock import Clock
from connectors.modbus.health import SILENT_READS
from connectors.modbus.master import Master, Reply
from connectors.modbus.outcome import TRANSIENT
from connectors.modbus.plan import Request
from connectors.modbus.settings import ModbusSettings, ModbusUnit
from connectors.modbus.transport import Connect
from connectors.modbus.turns import Turns

BUSY_WAIT_S = 0.1  # before a busy device is asked once more; the specification only says "later" (V1.1b3, 7)
PATIENCE = 5  # unanswered reads in a row, of whichever units: then a line of many is taken for dead


class Line:
    """Shared by the pollers of all units. `run` keeps the connection; `ask` uses whatever there is at the moment.

    Counts in `counts`: "connects", "exceptions", and what the master counts.
    """

    def __init__(
        self,
        settings: ModbusSettings,
        connect: Connect,
        counts: Counter[str],
        clock: Clock,
        rng: random.Random,
        on_new_link: Callable[[], None],
    ) -> None:
        """Nothing is opened yet.

        Args:
            settings: Of the line.
            connect: Opens the transport.
            counts: Added to.
            clock: Time.
            rng: Spreads the reconnects.
            on_new_link: Called when a connection that replaces one taken for dead is open.
        """
        self._settings = settings
        self._connect = connect
        self._counts = counts
        self._clock = clock
        self._rng = rng
        self._on_new_link = on_new_link
        self._turns = Turns()
        self._master: Master | None = None
        self._silent = 0
        self._patience = min(SILENT_READS + len(settings.units) - 1, PATIENCE)
        self._taken_for_dead = False
        self.tried = asyncio.Event()
        self.why_down = ""  # why the last attempt to connect failed

    @property
    def listens_after_silence(self) -> bool:
        """Whether a request without a reply holds the line for twice its time-out: RTU listens for as long again."""
        return self._settings.endpoint.framing == "rtu"

    async def run(self) -> None:
        """Connect, wait for the end of the connection, connect again.

        A connection that brought replies may have been idle for too long for the device: it is replaced at once, which
        goes unnoticed between two polls. One that brought none counts as a failure, or a port that accepts and hangs
        up would be hammered.
        """
        backoff = Backoff(self._settings.reconnect_min, self._settings.reconnect_max, self._rng)
        try:
            while True:
                if await self._hold_one_link():
                    backoff.reset()
                else:
                    await self._clock.sleep(backoff.next())
        finally:
            if self._master is not None:
                self._master.abort()
                await self._master.closed.wait()  # whoever starts the driver anew opens a connection at once

    async def _hold_one_link(self) -> bool:
        """One connection from its start to its end. True where it brought replies."""
        settings = self._settings
        try:
            transport = await self._connect()
        except EndpointUnreachable as error:
            self.why_down = str(error)
            self._taken_for_dead = True
            self.tried.set()
            return False
        self.why_down = ""
        self._counts["connects"] += 1
        self._master = master = Master(
            transport,
            self._counts,
            framing=settings.endpoint.framing,
            transaction_id=settings.endpoint.transaction_id,
            timeout=max(unit.timeout for unit in settings.units),
            pause=settings.pause,
            monotonic=self._clock.monotonic,
        )
        if self._taken_for_dead:
            self._taken_for_dead = False
            self._on_new_link()
        self.tried.set()
        await transport.closed.wait()
        self._master = None
        return master.answered

    async def ask(self, unit: ModbusUnit, request: Request, deadline: int, *, attempts: int) -> Reply:
        """One read, with its repetitions.

        Args:
            unit: Of this line.
            request: Of the planner.
            deadline: Monotonic ns at which the next poll is due; nothing is asked twice after it.
            attempts: How often a request without an answer is sent.

        Raises:
            ModbusError | LinkDown: what the last attempt raised.
        """
        busy_wait_s = min(BUSY_WAIT_S, unit.poll_interval.total_seconds() / 10)
        attempt, was_busy = 1, False
        while True:
            try:
                async with self._turns.turn(deadline):
                    return await self._read(unit, request)
            except NoReply:
                if attempt >= attempts or self._clock.monotonic() >= deadline:
                    self._judge_silence()
                    raise
                attempt += 1
            except DeviceException as error:
                self._silent = 0
                self._counts["exceptions"] += 1
                if error.code not in TRANSIENT or was_busy or self._clock.monotonic() >= deadline:
                    raise
                was_busy = True
                await self._clock.sleep(busy_wait_s)

    async def _read(self, unit: ModbusUnit, request: Request) -> Reply:
        master = self._master
        if master is None:
            raise LinkDown(str(self._settings.endpoint), "not connected")
        reply = await master.read(unit.unit_id, request.table, request.start, request.count, unit.timeout)
        self._silent = 0
        return reply

    def _judge_silence(self) -> None:
        """A link to a device that lost power or cable never ends by itself."""
        self._silent += 1
        if self._silent >= self._patience:
            self._silent = 0
            self._taken_for_dead = True
            if self._master is not None:
                self._master.abort()
