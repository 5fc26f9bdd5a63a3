"""Several units on one line: a fair share for each, whatever one of them does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from connectors import status
from connectors.modbus.address import parse
from connectors.modbus.driver import ModbusDriver
from connectors.modbus.endpoint import Endpoint
from connectors.modbus.settings import ModbusSettings, ModbusTag, ModbusUnit
from connectors.samples import Item, Notice, SampleBatch
from connectors.tags import Tag, TagTable

MS = timedelta(milliseconds=1)
TEN = [TagTable(f"unit-{unit}", (Tag("a"), Tag("b"))) for unit in range(1, 11)]


def unit_of(number: int, **changes: Any) -> ModbusUnit:
    addresses = {"a": "holding:10:uint16", "b": "holding:500:uint16"}
    tags = tuple(ModbusTag(f"unit-{number}", tag, parse(address)) for tag, address in addresses.items())
    given = {"poll_interval": 250 * MS, "timeout": 40 * MS, "attempts": 1, **changes}
    return ModbusUnit(unit_id=number, tags=tags, **given)


@contextlib.asynccontextmanager
async def driving(port: int, *units: ModbusUnit, **line: Any) -> AsyncIterator[tuple[ModbusDriver, list[Item]]]:
    items: list[Item] = []
    limits = {"quarantine_min": 200 * MS, "quarantine_max": 2000 * MS, **line}
    endpoint = Endpoint(host="127.0.0.1", port=port)
    driver = ModbusDriver(ModbusSettings(name="bus", endpoint=endpoint, units=units, **limits), TEN)
    task = asyncio.create_task(driver.run(items.append))
    try:
        yield driver, items
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def blocks(items: list[Item], unit: int) -> list[SampleBatch]:
    return [item for item in items if isinstance(item, SampleBatch) and item.tags.asset == f"unit-{unit}"]


async def until(holds: Any, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - anything a test can think of
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("gateway_speaks", [False, True], ids=["silent", "exception 0B"])
def test_a14_one_dead_unit_of_ten_costs_the_others_next_to_nothing(peer: Any, *, gateway_speaks: bool) -> None:
    async def script(asked: Any, writer: Any) -> None:
        if asked.fields[1] != 4 or alive[0]:
            writer.write(asked.answer())
        elif gateway_speaks:
            writer.write(asked.exception(0x0B))

    alive = [False]

    async def main() -> None:
        units = [unit_of(number) for number in range(1, 11)]
        async with peer(script) as server, driving(server.port, *units) as (driver, items):
            await until(lambda: len(blocks(items, 1)) >= 14)
            for number in (1, 2, 3, 5, 6, 7, 8, 9, 10):
                times = np.array([block.source_time[0] for block in blocks(items, number)])
                assert all((block.status == status.GOOD).all() for block in blocks(items, number))
                between = np.diff(times)[1:] / 1e6  # the first one pays for finding out: two time-outs
                off = np.sort(abs(between - 250))
                assert off[: len(off) * 9 // 10].max() <= 50, f"within 20 %, a busy machine aside: {number}: {between}"
            asked_of_dead = sum(asked.fields[1] == 4 for asked in server.asked)
            assert asked_of_dead <= 7, "two reads, then probes after 0.4, 0.8, 1.6 s and so on"
            codes = {int(code) for block in blocks(items, 4) for code in block.status}
            assert codes == {status.BAD_NO_COMMUNICATION if gateway_speaks else status.BAD_TIMEOUT}
            assert all(len(block.status) == 2 for block in blocks(items, 4)), "each poll says so for each tag"
            assert driver.counters()["quarantines"] == 1
            assert server.connections == 1, "the line is fine: nine units speak"
            alive[0] = True
            await until(lambda: any((block.status == status.GOOD).all() for block in blocks(items, 4)))
            gaps = [item for item in items if isinstance(item, Notice)]
            assert [(gap.asset, gap.reason) for gap in gaps] == [("unit-4", "unit_silent")]

    asyncio.run(main())


def test_a_line_on_which_nobody_answers_is_made_anew(peer: Any) -> None:
    async def silent(_asked: Any, _writer: Any) -> None:
        pass

    async def main() -> None:
        units = [unit_of(number, poll_interval=50 * MS, timeout=20 * MS) for number in (1, 2, 3)]
        async with peer(silent) as server, driving(server.port, *units) as (_, items):
            await until(lambda: server.connections >= 2)
            server.script = type(server).script
            await until(lambda: all(blocks(items, n) and (blocks(items, n)[-1].status == 0).all() for n in (1, 2, 3)))

    asyncio.run(main())


def test_a_unit_that_keeps_silent_about_one_block_only_loses_that_one(peer: Any) -> None:
    async def script(asked: Any, writer: Any) -> None:
        if asked.fields[3] != 10:
            writer.write(asked.answer())

    async def main() -> None:
        one = unit_of(1, poll_interval=50 * MS, timeout=20 * MS)
        async with peer(script) as server, driving(server.port, one) as (driver, items):
            await until(lambda: driver.counters().get("polls", 0) >= 8)
        for block in blocks(items, 1):
            assert dict(zip(block.tag.tolist(), block.status.tolist(), strict=True)) == {
                0: status.BAD_TIMEOUT,
                1: status.GOOD,
            }

    asyncio.run(main())


def test_tags_of_one_unit_keep_intervals_of_their_own(peer: Any) -> None:
    async def main() -> None:
        tags = (
            ModbusTag("unit-1", "a", parse("holding:10:uint16"), 40 * MS),
            ModbusTag("unit-1", "b", parse("holding:11:uint16")),
        )
        unit = ModbusUnit(unit_id=1, poll_interval=200 * MS, tags=tags)
        async with peer() as server, driving(server.port, unit) as (_, items):
            await until(lambda: len(blocks(items, 1)) >= 18)
        fast = np.array([b.source_time[0] for b in blocks(items, 1) if b.tag.tolist() == [0]])
        slow = np.array([b.source_time[0] for b in blocks(items, 1) if b.tag.tolist() == [1]])
        assert len(fast) + len(slow) == len(blocks(items, 1))
        assert abs(np.median(np.diff(fast)) / 1e6 - 40) < 10  # a busy machine shifts single polls, no interval
        assert abs(np.median(np.diff(slow)) / 1e6 - 200) < 50

    asyncio.run(main())


def test_a_long_poll_lets_a_short_one_pass(peer: Any) -> None:
    async def slow(asked: Any, writer: Any) -> None:
        await asyncio.sleep(0.01)
        writer.write(asked.answer())

    async def main() -> None:
        table = TagTable("long", tuple(Tag(f"t{i}") for i in range(40)))
        tags = tuple(ModbusTag("long", f"t{i}", parse(f"holding:{10 * i}:uint16")) for i in range(40))
        long = ModbusUnit(unit_id=3, poll_interval=2000 * MS, merge_gap=0, tags=tags)
        settings = ModbusSettings(
            name="bus",
            endpoint=Endpoint(host="127.0.0.1", port=server_port[0]),
            units=(long, unit_of(1, poll_interval=50 * MS)),
        )
        items: list[Item] = []
        task = asyncio.create_task(ModbusDriver(settings, [*TEN, table]).run(items.append))
        await until(lambda: any(isinstance(i, SampleBatch) and i.tags.asset == "long" for i in items))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        times = np.array([block.source_time[0] for block in blocks(items, 1)])
        assert len(times) >= 6, "the long poll takes 40 requests of 10 ms"
        assert np.diff(times).max() / 1e6 < 300, "and would hold the line for more than 400 ms"

    server_port = [0]

    async def around() -> None:
        async with peer(slow) as server:
            server_port[0] = server.port
            await main()

    asyncio.run(around())
