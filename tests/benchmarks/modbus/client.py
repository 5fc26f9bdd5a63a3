"""A client of `server.py` that measures itself, in one of seven ways. Ends with its stdin.

With `--links` more than one, `master`, `pymodbus` and the two bare ones have that many connections in one loop, each
with one request after the other, as a gateway has that reads several devices.

Prints READY. Each line on stdin asks for one measurement of so many seconds, which is printed as a line of JSON:
values, CPU time of this process with its system calls (`cpu`) and without (`user`).

- `driver`: our driver as it is, from the wire to `SampleBatch`es; one unit of 100 blocks, polled as fast as it can be.
- `idle_driver`: the same with ten units of one block each, every 10 ms: a poll for every request, asleep between them.
- `master`: only our master and decoder, one request after the other.
- `pymodbus`: its asynchronous client and `convert_from_registers`, one request after the other.
- `bare`: asyncio alone, a request out and its reply in, unread, with `asyncio.Protocol` as pymodbus uses it.
- `bare_buffered`: the same with `asyncio.BufferedProtocol` and a small buffer of its own, as our transport is.
- `fleet`: many drivers in one loop, each with a connection of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import resource
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import structlog
from pymodbus.client import AsyncModbusTcpClient

from connectors.modbus.address import Address, Kind, Table
from connectors.modbus.decode import compile_decoder
from connectors.modbus.driver import ModbusDriver
from connectors.modbus.endpoint import Endpoint
from connectors.modbus.framing import MbapStream
from connectors.modbus.master import Master
from connectors.modbus.settings import ModbusSettings, ModbusTag, ModbusUnit
from connectors.modbus.transport_tcp import connect_tcp
from connectors.samples import Item, SampleBatch
from connectors.tags import Tag, TagTable

HOST = "127.0.0.1"
SECOND = timedelta(seconds=1)
BLOCK = 50  # float32 in 100 registers
BLOCKS = 100
UNITS = 10
SHORTEST = timedelta(milliseconds=10)

Measure = Callable[[float], Awaitable[dict[str, float]]]


def user_s() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


async def answer(measure: Measure) -> None:
    """Measure as often as asked."""
    stdin = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    print("READY", flush=True)
    while line := await stdin.readline():
        print(json.dumps(await measure(float(line))), flush=True)


Read = Callable[[], Awaitable[Any]]
Link = Callable[[int], Awaitable[Read]]
"""Opens a connection to a port; each call of what it returns is one request and its reply."""


async def in_a_row(link: Link, port: int, links: int) -> None:
    """On each link one read after the other, for as long as asked."""
    reads = [await link(port) for _ in range(links)]

    async def repeat(read: Read, until: float) -> int:
        values = 0
        while time.perf_counter() < until:
            await read()
            values += BLOCK
        return values

    async def measure(seconds: float) -> dict[str, float]:
        for read in reads:
            await read()
        until, begun, user = time.perf_counter() + seconds, time.process_time(), user_s()
        values = sum(await asyncio.gather(*(repeat(read, until) for read in reads)))
        return {"values": values, "cpu": time.process_time() - begun, "user": user_s() - user}

    await answer(measure)


async def pymodbus(port: int) -> Read:
    client = AsyncModbusTcpClient(HOST, port=port)
    assert await client.connect()

    async def read() -> Any:
        reply = await client.read_holding_registers(0, count=2 * BLOCK, device_id=1)
        return client.convert_from_registers(reply.registers, client.DATATYPE.FLOAT32)

    assert await read() == list(range(BLOCK))
    return read


async def master(port: int) -> Read:
    transport = await connect_tcp(HOST, port, SECOND)
    asking = Master(transport, Counter(), timeout=SECOND, pause=timedelta(0), monotonic=time.monotonic_ns)
    decoder = compile_decoder(0, [Address(Table.HOLDING, 2 * i, Kind.FLOAT32) for i in range(BLOCK)])

    async def read() -> Any:
        reply = await asking.read(1, Table.HOLDING, 0, 2 * BLOCK)
        return decoder.decode_with_status(reply.payload)

    values, codes = await read()
    assert values.tolist() == list(range(BLOCK))
    assert not codes.any()
    return read


class Bare(asyncio.Protocol):
    """Tells that something has come."""

    news: asyncio.Future[None]

    def data_received(self, data: bytes) -> None:
        self.news.set_result(None)


class BareBuffered(asyncio.BufferedProtocol):
    """The same, received into a buffer of its own."""

    news: asyncio.Future[None]

    def __init__(self) -> None:
        self._buffer = bytearray(4096)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.news.set_result(None)


async def bare(port: int, kind: type[Bare | BareBuffered]) -> Read:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_connection(kind, HOST, port)
    request = MbapStream().request(1, Table.HOLDING, 0, 2 * BLOCK)

    async def read() -> Any:
        protocol.news = loop.create_future()
        transport.write(request)
        await protocol.news

    return read


LINKS: dict[str, Link] = {
    "pymodbus": pymodbus,
    "master": master,
    "bare": partial(bare, kind=Bare),
    "bare_buffered": partial(bare, kind=BareBuffered),
}


def device(port: int, asset: str, units: int, tags: int, interval: timedelta) -> ModbusDriver:
    """A driver of one connection; each unit is an asset with that many float32 side by side, from register 0 on."""
    assets = [f"{asset}/{unit}" for unit in range(1, units + 1)]
    settings = ModbusSettings(
        name=asset,
        endpoint=Endpoint(host=HOST, port=port),
        units=tuple(
            ModbusUnit(
                unit_id=unit,
                poll_interval=interval,
                max_registers=2 * BLOCK,
                tags=tuple(
                    ModbusTag(name, f"tag{i}", Address(Table.HOLDING, 2 * i, Kind.FLOAT32)) for i in range(tags)
                ),
            )
            for unit, name in enumerate(assets, 1)
        ),
    )
    return ModbusDriver(settings, [TagTable(name, tuple(Tag(f"tag{i}") for i in range(tags))) for name in assets])


class Fleet:
    """Drivers side by side, and what came of them."""

    def __init__(self, drivers: list[ModbusDriver], tags: int) -> None:
        self._drivers = drivers
        self._expected = np.arange(tags, dtype=np.float64)
        self._begin()

    def _begin(self) -> None:
        self._values = self._wrong = 0
        self._age_ns: list[int] = []
        self._before = self._counters()

    def _counters(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for driver in self._drivers:
            total.update(driver.counters())
        return total

    def _emit(self, item: Item) -> None:
        assert isinstance(item, SampleBatch)
        self._values += len(item)
        self._age_ns.append(time.time_ns() - int(item.source_time[0]))
        if item.status.any() or not (item.value == self._expected).all():
            self._wrong += 1

    async def _measure(self, seconds: float) -> dict[str, float]:
        self._begin()
        began, begun, user = time.perf_counter(), time.process_time(), user_s()
        await asyncio.sleep(seconds)
        cpu, wall = time.process_time() - begun, time.perf_counter() - began
        counted = self._counters() - self._before
        age_ms = np.array(self._age_ns) / 1e6
        return {
            "values": self._values,
            "cpu": cpu,
            "user": user_s() - user,
            "wall": wall,
            "polls": counted["polls"],
            "skipped": counted["polls_skipped"],
            "errors": counted["errors"] + self._wrong,
            "age_p50_ms": float(np.percentile(age_ms, 50)),
            "age_p99_ms": float(np.percentile(age_ms, 99)),
        }

    async def run(self) -> None:
        tasks = [asyncio.create_task(driver.run(self._emit)) for driver in self._drivers]
        while self._counters()["polls"] < 2 * len(tasks):  # noqa: ASYNC110 - drivers as they are tell nobody
            await asyncio.sleep(0.1)
        print(json.dumps({"skipped": self._counters()["polls_skipped"]}), flush=True)
        await answer(self._measure)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=(*LINKS, "driver", "idle_driver", "fleet"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--links", type=int, default=1)
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--tags", type=int, default=30)
    args = parser.parse_args()
    match args.way:
        case way if way in LINKS:
            await in_a_row(LINKS[way], args.port, args.links)
        case "driver":
            await Fleet([device(args.port, "plc", 1, BLOCKS * BLOCK, SHORTEST)], BLOCKS * BLOCK).run()
        case "idle_driver":
            await Fleet([device(args.port, "plc", UNITS, BLOCK, SHORTEST)], BLOCK).run()
        case "fleet":
            drivers = [device(args.port, f"plc{i}", 1, args.tags, SECOND) for i in range(args.devices)]
            await Fleet(drivers, args.tags).run()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
