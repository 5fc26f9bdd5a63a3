"""One poll of one unit: every block read once, every tag given a value or a reason. Knows requests, not assets."""

from __future__ import annotations

from collections import Counter

import numpy as np
import structlog
from numpy.typing import NDArray

from connectors.errors import ConnectorError, DeviceException, LinkDown, ModbusError, NoReply
from connectors.modbus.blocks import Block, Blocks
from connectors.modbus.clock import Clock
from connectors.modbus.columns import Columns
from connectors.modbus.health import Ask, Health
from connectors.modbus.line import Line
from connectors.modbus.outcome import ILLEGAL, UNIT_AWAY, status_of
from connectors.modbus.plan import Hole, Request
from connectors.modbus.rollover import RollOver
from connectors.modbus.settings import ModbusTag, ModbusUnit

log = structlog.get_logger()


class Poller:
    """Reads all blocks of some tags of one unit, one after the other, whenever the line is free."""

    def __init__(
        self,
        unit: ModbusUnit,
        tags: tuple[ModbusTag, ...],
        line: Line,
        health: Health,
        counts: Counter[str],
        clock: Clock,
        name: str,
    ) -> None:
        """Plan the requests.

        Args:
            unit: Of the line.
            tags: Those of the unit that are polled together.
            line: Shared with other pollers.
            health: Shared with the other pollers of the unit.
            counts: Added to: "errors", "quarantines", "counter_resets".
            clock: Time.
            name: Of the driver, for logs.
        """
        self._unit = unit
        self._rows = len(tags)
        self._line = line
        self._health = health
        self._counts = counts
        self._clock = clock
        self._log = log.bind(driver=name, unit=unit.unit_id)
        self._failing: dict[Request, int] = {}  # requests in trouble and the status last logged
        self._roll_over = RollOver([tag.address for tag in tags])
        self._blocks = Blocks([tag.address for tag in tags], unit.limits)

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
        columns = Columns(self._rows, self._clock.wall() - now, now)
        waiting = list(self._blocks.all)
        if self._health.ask(now) is Ask.ONE:  # the one that is tried goes first; if it is answered, so are the others
            waiting.insert(0, waiting.pop(self._health.probe(len(waiting))))
        for block in waiting:
            refusal = self._blocks.refusal(block)
            now = self._clock.monotonic()
            if self._health.ask(now) is Ask.NOTHING:
                columns.set_aside(block, self._health.status, now)
            elif refusal is not None and now < refusal.due:
                columns.set_aside(block, refusal.status, now)
            else:
                await self._read(block, columns, deadline)
        self._counts["counter_resets"] += self._roll_over.unwrap(columns.value)
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
        attempts = 1 if self._health.quarantined else self._unit.attempts
        try:
            reply = await self._line.ask(self._unit, block.request, deadline, attempts=attempts)
        except (ModbusError, LinkDown) as error:
            ended = self._clock.monotonic()
            columns.fail(block, error, begun, ended)
            self._judge(error, (ended - begun) // attempts)
            if isinstance(error, DeviceException) and error.code in ILLEGAL:
                halves = self._blocks.halves(block)
                if halves is not None:
                    await self._read_halves(*halves, columns, deadline)
                    return False
                self._blocks.refuse(block, status_of(error), ended)
            self._note_failure(block.request, error)
            return False
        self._answered()
        columns.put(block, reply)
        self._blocks.accept(block)
        if self._failing.pop(block.request, None) is not None:
            self._log.info("read_recovered", request=str(block.request))
        return True

    async def _read_halves(self, left: Block, right: Block, gap: Hole, columns: Columns, deadline: int) -> None:
        """Read a refused block in two. Where both parts are fine, it was the gap between them that is illegal."""
        left_whole = await self._read(left, columns, deadline)
        right_whole = await self._read(right, columns, deadline)
        if left_whole and right_whole:
            self._blocks.learn(gap)
            self._log.warning("gap_refused", gap=str(gap))

    def _judge(self, error: ModbusError | LinkDown, cost_ns: int) -> None:
        """What a failed read says of the unit. A link that broke, or a reply that is none, says nothing."""
        if isinstance(error, NoReply) or (isinstance(error, DeviceException) and error.code in UNIT_AWAY):
            if isinstance(error, NoReply):  # all of its time-out; how long it waited for its turn does not count
                cost_ns = round(error.timeout_s * 1e9) * (2 if self._line.listens_after_silence else 1)
            else:
                cost_ns = min(cost_ns, round(self._unit.timeout.total_seconds() * 1e9))
            if self._health.unanswered(self._clock.monotonic(), cost_ns, status_of(error)):
                self._counts["quarantines"] += 1
                self._log.error("unit_quarantined", why=str(error))
        elif isinstance(error, DeviceException):
            self._answered()

    def _answered(self) -> None:
        if self._health.answered():
            self._log.info("unit_released")

    def _note_failure(self, request: Request, error: ConnectorError) -> None:
        self._counts["errors"] += 1
        code = status_of(error)
        if isinstance(error, LinkDown) or self._failing.get(request) == code:
            return  # of a lost link the driver speaks, once for all requests
        self._failing[request] = code
        self._log.error("read_failed", request=str(request), why=str(error))
