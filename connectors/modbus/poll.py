"""One poll: every block read once, every tag given a value or a reason. Knows requests, not assets."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np
import structlog
from numpy.typing import NDArray

from connectors import status
from connectors.errors import ConnectorError, DeviceException, LinkDown, ModbusError, NoReply
from connectors.modbus.blocks import Block, Blocks
from connectors.modbus.master import Master, Reply
from connectors.modbus.outcome import ILLEGAL, TRANSIENT, status_of
from connectors.modbus.plan import Hole, Request
from connectors.modbus.settings import ModbusSettings

log = structlog.get_logger()

BUSY_WAIT_S = 0.1  # before a busy device is asked once more; the specification only says "later" (V1.1b3, 7)
SILENT_READS = 2  # unanswered in a row, all attempts of each: then the link itself is taken for dead


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as an argument, so that tests own it."""

    wall: Callable[[], int] = time.time_ns
    monotonic: Callable[[], int] = time.monotonic_ns
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


class Columns:
    """What a poll brought: one row per address. Rows that were not filled are bad for want of a link."""

    def __init__(self, rows: int, anchor: int, now: int) -> None:
        """Begin a poll.

        Args:
            rows: Number of addresses.
            anchor: Wall clock minus monotonic clock, ns. Taken once, so that a step of the wall clock cannot tear
                the poll.
            now: Monotonic ns.
        """
        self.value = np.full(rows, np.nan)
        self.status = np.full(rows, status.BAD_NO_COMMUNICATION, dtype=np.uint32)
        self.source_time = np.full(rows, anchor + now, dtype=np.int64)
        self.received_time = anchor + now  # wall ns, of the end of the poll
        self.first_reply: int | None = None  # source time, wall ns; exceptions are replies too
        self.last_reply: int | None = None
        self.heard_before: int | None = None  # `last_reply` when the link failed
        self._link_down: LinkDown | None = None
        self._no_reply: NoReply | None = None
        self._anchor = anchor

    def put(self, block: Block, reply: Reply) -> None:
        """Values as read. What is no finite number is none: the sensor's or the device's way to say so."""
        values = block.decoder.decode(reply.payload)
        finite = np.isfinite(values)
        source_time = self._heard(reply.sent, reply.received)
        self.value[block.rows] = np.where(finite, values, np.nan)
        self.status[block.rows] = np.where(finite, np.uint32(status.GOOD), np.uint32(status.BAD_SENSOR_FAILURE))
        self.source_time[block.rows] = source_time

    def fail(self, block: Block, error: ModbusError | LinkDown, begun: int, ended: int) -> None:
        """No values, and why. Monotonic ns."""
        if isinstance(error, DeviceException):
            self._heard(begun, ended)
        elif isinstance(error, LinkDown) and self._link_down is None:
            self._link_down, self.heard_before = error, self.last_reply
        elif isinstance(error, NoReply):
            self._no_reply = error
        self.set_aside(block, status_of(error), (begun + ended) // 2)

    def set_aside(self, block: Block, code: int, at: int) -> None:
        """No values by a verdict of earlier polls. Monotonic ns."""
        self.status[block.rows] = code
        self.source_time[block.rows] = self._anchor + at

    @property
    def outage(self) -> LinkDown | NoReply | None:
        """Why the device could not be heard: no link for some request, or no reply to any. None where it could."""
        return self._link_down or (self._no_reply if self.first_reply is None else None)

    def end(self, now: int) -> None:
        """The poll is over. Monotonic ns."""
        self.received_time = self._anchor + now

    def _heard(self, sent: int, received: int) -> int:
        """Half-way between request and response, where the device took the values: wrong by half the round trip."""
        source_time = self._anchor + (sent + received) // 2
        self.last_reply = source_time
        if self.first_reply is None:
            self.first_reply = source_time
        return source_time


class Poller:
    """Reads all blocks of one unit, one after the other, over whatever link there is at the moment."""

    def __init__(
        self, settings: ModbusSettings, link: Callable[[], Master | None], counts: Counter[str], clock: Clock
    ) -> None:
        """Plan the requests.

        Args:
            settings: Of the unit.
            link: The master of the open connection, None while there is none.
            counts: Added to: "errors", "exceptions".
            clock: Time.
        """
        self._settings = settings
        self._link = link
        self._counts = counts
        self._clock = clock
        self._silent = 0
        self._failing: dict[Request, int] = {}  # requests in trouble and the status last logged
        self._blocks = Blocks([tag.address for tag in settings.tags], settings.limits)

    @property
    def order(self) -> NDArray[np.intp]:
        """All rows in the order in which a poll of a device without holes reads them."""
        return np.concatenate([block.rows for block in self._blocks.all])

    async def poll(self, deadline: int) -> Columns:
        """Read everything once.

        Args:
            deadline: Monotonic ns at which the next poll is due; nothing is asked twice after it.
        """
        now = self._clock.monotonic()
        columns = Columns(len(self._settings.tags), self._clock.wall() - now, now)
        for block in self._blocks.all:
            refusal = self._blocks.refusal(block)
            now = self._clock.monotonic()
            if refusal is not None and now < refusal.due:
                columns.set_aside(block, refusal.status, now)
            else:
                await self._read(block, columns, deadline)
        columns.end(self._clock.monotonic())
        return columns

    def replan(self) -> None:
        """Take in what the last poll taught."""
        if self._blocks.replan():
            planned = {block.request for block in self._blocks.all}
            self._failing = {request: code for request, code in self._failing.items() if request in planned}

    async def _read(self, block: Block, columns: Columns, deadline: int) -> bool:
        """Read one block, in parts where the device refuses the whole. True where one request brought all of it."""
        begun = self._clock.monotonic()
        try:
            reply = await self._ask(block.request, deadline)
        except (ModbusError, LinkDown) as error:
            ended = self._clock.monotonic()
            columns.fail(block, error, begun, ended)
            if isinstance(error, DeviceException) and error.code in ILLEGAL:
                halves = self._blocks.halves(block)
                if halves is not None:
                    await self._read_halves(*halves, columns, deadline)
                    return False
                self._blocks.refuse(block, status_of(error), ended)
            self._note_failure(block.request, error)
            return False
        columns.put(block, reply)
        self._blocks.accept(block)
        if self._failing.pop(block.request, None) is not None:
            log.info("read_recovered", driver=self._settings.name, request=str(block.request))
        return True

    async def _read_halves(self, left: Block, right: Block, gap: Hole, columns: Columns, deadline: int) -> None:
        """Read a refused block in two. Where both parts are fine, it was the gap between them that is illegal."""
        left_whole = await self._read(left, columns, deadline)
        right_whole = await self._read(right, columns, deadline)
        if left_whole and right_whole:
            self._blocks.learn(gap)
            log.warning("gap_refused", driver=self._settings.name, gap=str(gap))

    async def _ask(self, request: Request, deadline: int) -> Reply:
        """One request with its repetitions. Raises what the last of them raised."""
        settings = self._settings
        busy_wait_s = min(BUSY_WAIT_S, settings.poll_interval.total_seconds() / 10)
        attempt, was_busy = 1, False
        while True:
            master = self._link()
            if master is None:
                raise LinkDown(settings.endpoint, "not connected")
            try:
                reply = await master.read(settings.unit_id, request.table, request.start, request.count)
            except NoReply:
                if attempt >= settings.attempts or self._clock.monotonic() >= deadline:
                    self._judge_silence(master)
                    raise
                attempt += 1
            except DeviceException as error:
                self._silent = 0
                self._counts["exceptions"] += 1
                if error.code not in TRANSIENT or was_busy or self._clock.monotonic() >= deadline:
                    raise
                was_busy = True
                await self._clock.sleep(busy_wait_s)
            else:
                self._silent = 0
                return reply

    def _judge_silence(self, master: Master) -> None:
        """A link to a device that lost power or cable never ends by itself."""
        self._silent += 1
        if self._silent >= SILENT_READS:
            self._silent = 0
            master.abort()

    def _note_failure(self, request: Request, error: ConnectorError) -> None:
        self._counts["errors"] += 1
        code = status_of(error)
        if isinstance(error, LinkDown) or self._failing.get(request) == code:
            return  # of a lost link the driver speaks, once for all requests
        self._failing[request] = code
        log.error("read_failed", driver=self._settings.name, request=str(request), why=str(error))
