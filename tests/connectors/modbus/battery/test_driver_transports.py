"""The whole driver over every transport, against pymodbus's servers: one unit lives, one does not."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
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

pytestmark = [pytest.mark.integration, pytest.mark.faults]

PEER = Path(__file__).parent.parent / "peers" / "pymodbus_line_peer.py"
MS = timedelta(milliseconds=1)
ADDRESSES = {"a": "holding:50:uint16", "b": "holding:60:int16*0.5", "c": "holding:70:uint32:CDAB"}
RIGHT = [1050.0, 1060 * 0.5, 1071.0 * 65536 + 1070]
TABLES = [TagTable(asset, tuple(Tag(tag) for tag in ADDRESSES)) for asset in ("alive", "dead")]


class Server:
    """Started and killed as often as a test likes."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, str(PEER), *self._arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "READY\n"

    def kill(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()


@pytest.fixture(params=["tcp", "rtu", "rtu_over_tcp", "udp", "tls"])
def peer(request: Any, port: int, line: tuple[str, str], certificates: Path) -> Iterator[tuple[Endpoint, Server]]:
    theirs, ours = line
    files: dict[str, Any] = {}
    if request.param == "tls":
        names = {"ca_file": "authority.pem", "cert_file": "gateway.pem", "key_file": "gateway.key"}
        files = {field: certificates / name for field, name in names.items()}
    if request.param == "rtu":
        endpoint = Endpoint(transport="rtu", device=ours, baudrate=115_200, parity="N")
    else:
        endpoint = Endpoint(transport=request.param, host="127.0.0.1", port=port, **files)
    server = Server(request.param, theirs if request.param == "rtu" else str(port), str(certificates))
    server.start()
    yield endpoint, server
    server.kill()


def unit(number: int, asset: str) -> ModbusUnit:
    tags = tuple(ModbusTag(asset, tag, parse(address)) for tag, address in ADDRESSES.items())
    return ModbusUnit(unit_id=number, poll_interval=250 * MS, timeout=150 * MS, attempts=1, tags=tags)


@contextlib.asynccontextmanager
async def driving(endpoint: Endpoint) -> Any:
    items: list[Item] = []
    units = (unit(1, "alive"), unit(2, "dead"))
    limits = {"reconnect_min": 20 * MS, "reconnect_max": 200 * MS, "quarantine_min": 200 * MS}
    driver = ModbusDriver(ModbusSettings(name="bus", endpoint=endpoint, units=units, **limits), TABLES)  # type: ignore[arg-type]
    task = asyncio.create_task(driver.run(items.append))
    try:
        yield driver, items
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def blocks(items: list[Item], asset: str) -> list[SampleBatch]:
    return [item for item in items if isinstance(item, SampleBatch) and item.tags.asset == asset]


def good(items: list[Item]) -> list[SampleBatch]:
    return [block for block in blocks(items, "alive") if (block.status == status.GOOD).all()]


async def until(holds: Any, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - anything a test can think of
            await asyncio.sleep(0.01)


def mbpoll(endpoint: Endpoint) -> list[float]:
    """What mbpoll makes of the same registers."""

    def ask(*options: str) -> int:
        command = ["mbpoll", "-a", "1", "-0", "-1", "-m", "tcp", "-p", str(endpoint.port), *options, "127.0.0.1"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
        return int(re.findall(r"^\[\d+\]:\s+(\d+)", run.stdout, re.MULTILINE)[0])

    return [ask("-t", "4", "-r", "50"), ask("-t", "4", "-r", "60") * 0.5, ask("-t", "4:int", "-r", "70")]


def test_values_are_right_beside_a_dead_unit_and_after_a_restart(peer: tuple[Endpoint, Server]) -> None:
    endpoint, server = peer

    async def main() -> None:
        async with driving(endpoint) as (driver, items):
            await until(lambda: driver.counters().get("quarantines") and len(good(items)) >= 4)
            await asyncio.to_thread(server.kill)
            await until(lambda: all(blocks(items, "alive")[-1].status >> 30 == 2))
            before = len(good(items))
            await asyncio.to_thread(server.start)
            await until(lambda: len(good(items)) >= before + 2)
            assert any(isinstance(item, Notice) and item.asset == "alive" and item.end > item.start for item in items)
            if endpoint.transport == "tcp" and shutil.which("mbpoll"):
                assert await asyncio.to_thread(mbpoll, endpoint) == RIGHT
        for block in blocks(items, "alive"):
            fine = block.status == status.GOOD
            np.testing.assert_array_equal(block.value[fine], np.array(RIGHT)[block.tag][fine])
            assert np.isnan(block.value[~fine]).all()
        assert all((block.status >> 30 == 2).all() for block in blocks(items, "dead"))

    asyncio.run(main())
