"""A Modbus TCP server whose every byte is scripted, and a driver collected for as long as a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

import numpy as np
import pytest

from connectors.modbus.address import parse
from connectors.modbus.driver import ModbusDriver
from connectors.modbus.endpoint import Endpoint
from connectors.modbus.settings import ModbusSettings, ModbusTag, ModbusUnit
from connectors.samples import Item, Notice, SampleBatch
from connectors.tags import Tag, TagTable


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it."""

    adu: bytes
    number: int  # from 1 on, over all connections

    @property
    def fields(self) -> tuple[int, int, int, int, int]:
        """Transaction, unit, function, start, count."""
        transaction, _, _, unit, function, start, count = struct.unpack(">HHHBBHH", self.adu)
        return transaction, unit, function, start, count

    @property
    def registers(self) -> bytes:
        """Data of the honest answer: every register holds its own address, plus 1000."""
        _, _, _, start, count = self.fields
        return struct.pack(f">{count}H", *range(1000 + start, 1000 + start + count))

    def answer(
        self,
        data: bytes | None = None,
        *,
        transaction: int | None = None,
        protocol: int = 0,
        unit: int | None = None,
        function: int | None = None,
        byte_count: int | None = None,
    ) -> bytes:
        own_transaction, own_unit, own_function, _, _ = self.fields
        data = self.registers if data is None else data
        code = own_function if function is None else function
        pdu = bytes([code, len(data) if byte_count is None else byte_count]) + data
        return self._frame(pdu, own_transaction if transaction is None else transaction, protocol, unit or own_unit)

    def exception(self, code: int) -> bytes:
        transaction, unit, function, _, _ = self.fields
        return self._frame(bytes([function | 0x80, code]), transaction, 0, unit)

    @staticmethod
    def _frame(pdu: bytes, transaction: int, protocol: int, unit: int) -> bytes:
        return struct.pack(">HHHB", transaction & 0xFFFF, protocol, len(pdu) + 1, unit) + pdu


Script = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


async def honest(asked: Asked, writer: asyncio.StreamWriter) -> None:
    writer.write(asked.answer())


@dataclass
class Peer:
    """The server. Use as `async with`; `script` may be changed at any time."""

    script: Script = honest
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def start(self) -> None:
        self._writers: set[asyncio.StreamWriter] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        self.drop_connections()
        await self._server.wait_closed()

    def drop_connections(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                self.asked.append(Asked(await reader.readexactly(12), len(self.asked) + 1))
                await self.script(self.asked[-1], writer)
        self._writers.discard(writer)
        writer.close()


@dataclass
class Run:
    """A running driver and everything it has emitted."""

    driver: ModbusDriver
    items: list[Item] = field(default_factory=list)

    @property
    def batches(self) -> list[SampleBatch]:
        return [item for item in self.items if isinstance(item, SampleBatch)]

    @property
    def notices(self) -> list[Notice]:
        return [item for item in self.items if isinstance(item, Notice)]

    def last_is(self, code: int) -> bool:
        """Whether all samples of the last block have this status."""
        return bool(self.batches) and bool((self.batches[-1].status == code).all())

    async def until(self, holds: Callable[[], object], seconds: float = 5) -> None:
        async with asyncio.timeout(seconds):
            while not holds():  # noqa: ASYNC110 - what is waited for is anything a test can think of
                await asyncio.sleep(0.002)

    async def polls(self, count: int) -> None:
        """Until so many more polls are over."""
        goal = self.driver.counters().get("polls", 0) + count
        await self.until(lambda: self.driver.counters().get("polls", 0) >= goal)

    def never_wrong(self, wanted: dict[str, float]) -> None:
        """Every good value is the right one; whatever is not good is NaN. The one promise of this driver."""
        for batch in self.batches:
            right = np.array([wanted[name] for name in batch.tags.names])[batch.tag]
            good = batch.status >> 30 == 0
            np.testing.assert_array_equal(batch.value[good], right[good])
            assert np.isnan(batch.value[~good]).all()


@contextlib.asynccontextmanager
async def _running(port: int, tags: dict[str, str], **settings: Any) -> AsyncIterator[Run]:
    line = {
        "reconnect_min": timedelta(milliseconds=10),
        "reconnect_max": timedelta(milliseconds=100),
        "quarantine_min": timedelta(milliseconds=20),
        "quarantine_max": timedelta(milliseconds=100),
    }
    line |= {key: settings.pop(key) for key in (*line, "pause") if key in settings}
    given = {
        "poll_interval": timedelta(milliseconds=20),
        "timeout": timedelta(milliseconds=60),
        "merge_gap": 0,
        "attempts": 1,
        "unit_id": 7,
        **settings,
    }
    table = TagTable("pump", tuple(Tag(name) for name in tags))
    mapped = tuple(ModbusTag("pump", name, parse(address)) for name, address in tags.items())
    endpoint = Endpoint(host="127.0.0.1", port=port)
    unit = ModbusUnit(tags=mapped, **given)
    driver = ModbusDriver(ModbusSettings(name="plc", endpoint=endpoint, units=(unit,), **line), [table])
    run = Run(driver)
    task = asyncio.create_task(driver.run(run.items.append))
    try:
        yield run
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def peer() -> type[Peer]:
    return Peer


@pytest.fixture
def running() -> Callable[..., contextlib.AbstractAsyncContextManager[Run]]:
    return _running
