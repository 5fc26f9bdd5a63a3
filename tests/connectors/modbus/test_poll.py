from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any, cast

import pytest

from connectors.errors import DeviceException, ModbusError, NoReply
from connectors.modbus.address import parse
from connectors.modbus.clock import Clock
from connectors.modbus.health import COST_SHARE, Ask, Health
from connectors.modbus.poll import Poller
from connectors.modbus.settings import ModbusTag, ModbusUnit

MS = 1_000_000


class Hand:
    """Of a clock that only tests move."""

    now = 0


class DeadLine:
    """On which every read fails, after so long."""

    def __init__(self, hand: Hand, error: ModbusError, took_ns: int, *, listens: bool) -> None:
        self._hand, self._error, self._took_ns = hand, error, took_ns
        self.listens_after_silence = listens

    async def ask(self, *_: Any, **__: Any) -> Any:
        self._hand.now += self._took_ns
        raise self._error


@pytest.mark.parametrize(
    ("error", "took_ms", "listens", "cost_ms"),
    [
        (NoReply(4, 0.2), 200, False, 200),
        (NoReply(4, 0.2), 200, True, 400),  # the silence after it is taken from the others as well
        (NoReply(4, 0.2), 900, False, 200),  # 700 ms of it were waiting for a turn
        (NoReply(4, 0.2), 900, True, 400),
        (DeviceException(0x0B, "read"), 150, True, 150),  # somebody spoke: there is no silence to keep
    ],
)
def test_a_dead_unit_is_probed_as_seldom_as_it_costs_the_line(
    error: ModbusError, took_ms: int, *, listens: bool, cost_ms: int
) -> None:
    hand = Hand()
    clock = Clock(wall=lambda: hand.now, monotonic=lambda: hand.now)
    health = Health(MS, 2 * MS)
    unit = ModbusUnit(
        unit_id=4,
        timeout=timedelta(milliseconds=200),
        attempts=1,
        tags=(ModbusTag("pump", "flow", parse("holding:0:uint16")),),
    )
    line = DeadLine(hand, error, took_ms * MS, listens=listens)
    poller = Poller(unit, unit.tags, cast("Any", line), health, Counter(), clock, "bus")
    for _ in range(2):
        assert health.ask(hand.now) is Ask.ALL
        asyncio.run(poller.poll(hand.now + MS))
    due = hand.now + COST_SHARE * cost_ms * MS
    assert health.ask(due - 1) is Ask.NOTHING
    assert health.ask(due) is Ask.ONE
