"""The server process, and a proxy between it and the driver that can cut and swallow."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest

from connectors.opcua.certificates import make_self_signed
from connectors.opcua.driver import OpcUaDriver
from connectors.opcua.settings import OpcUaSettings, OpcUaTag
from connectors.samples import Item, Notice, SampleBatch
from connectors.tags import Tag, TagTable
from tests.connectors.proxy import proxied  # noqa: F401 - of the rig

PLANT = "urn:test:plant"
ALL = ("tick", "wave", "bad", "text", "setpoint", "absent")
GATEWAY_URI = "urn:test:gateway"
TABLE = TagTable("pump", tuple(Tag(n, interval_s=0.001, waveform=True) if n == "wave" else Tag(n) for n in ALL))


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass(frozen=True)
class Pki:
    server: tuple[Path, Path]
    gateway: tuple[Path, Path]


@pytest.fixture
def rig() -> ModuleType:
    """This module: test modules cannot import one another."""
    return sys.modules[__name__]


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    folder = tmp_path_factory.mktemp("pki")
    return Pki(
        make_self_signed(folder / "server", "urn:test:server", ["127.0.0.1", "localhost"]),
        make_self_signed(folder / "gateway", GATEWAY_URI, [socket.gethostname()]),
    )


@dataclass
class Plant:
    """The server process; may be started again on the same port."""

    port: int
    arguments: tuple[str, ...]
    process: subprocess.Popen[str] | None = None

    def start(self, *more: str) -> None:
        script = Path(__file__).parent / "peers" / "plant.py"
        self.process = subprocess.Popen(
            [sys.executable, str(script), "--port", str(self.port), *self.arguments, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == "READY"

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    async def start_again(self, *more: str) -> None:
        await asyncio.to_thread(self.start, *more)


@pytest.fixture
def plant() -> Iterator[Callable[..., Plant]]:
    plants: list[Plant] = []

    def make(*arguments: str, start: bool = True) -> Plant:
        plants.append(Plant(free_port(), arguments))
        if start:
            plants[-1].start()
        return plants[-1]

    yield make
    for one in plants:
        one.kill()


@pytest.fixture(scope="module")
def shared_plant(pki: Pki) -> Iterator[Plant]:
    """A server with certificate for tests that leave it as it is: it takes seconds to start."""
    plant = Plant(free_port(), ("--certificate", str(pki.server[0]), "--key", str(pki.server[1])))
    plant.start()
    yield plant
    plant.kill()


def make_settings(
    port: int, *, tags: tuple[str, ...] = ALL, pki: Pki | None = None, **changes: object
) -> OpcUaSettings:
    values: dict[str, object] = {
        "name": "plant",
        "endpoint": f"opc.tcp://127.0.0.1:{port}",
        "application_uri": GATEWAY_URI,
        "publishing_interval": timedelta(milliseconds=100),
        "keepalive": timedelta(milliseconds=500),
        "connect_timeout": timedelta(seconds=2),
        "request_timeout": timedelta(seconds=2),
        "reconnect_min": timedelta(milliseconds=50),
        "reconnect_max": timedelta(milliseconds=400),
        "tags": tuple(OpcUaTag("pump", name, f"nsu={PLANT};s={name}") for name in tags),
    }
    if pki is None:
        values |= {"policy": "None", "mode": "None"}
    else:
        values |= {
            "certificate": pki.gateway[0],
            "private_key": pki.gateway[1],
            "server_certificate": pki.server[0],
        }
    return OpcUaSettings(**{**values, **changes})  # type: ignore[arg-type]


class Running:
    """A driver at work and everything it emitted."""

    def __init__(self, settings: OpcUaSettings) -> None:
        self.driver = OpcUaDriver(settings, (TABLE,), retry_refused=timedelta(seconds=1))
        self.items: list[Item] = []
        self._task = asyncio.create_task(self.driver.run(self.items.append))

    async def until(self, condition: Callable[[], bool], what: str, seconds: float = 12.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if self._task.done():
                self._task.result()
            assert time.monotonic() < end, f"{what}; {self.driver.counters()}; last {self.items[-3:]}"
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    def samples(self, name: str, *, since: int = 0) -> list[tuple[float, int, int]]:
        """Value, status and source time of a tag, in the order of emission, from item number `since` on."""
        tag = TABLE.index(name)
        return [
            (float(block.value[i]), int(block.status[i]), int(block.source_time[i]))
            for block in self.items[since:]
            if isinstance(block, SampleBatch)
            for i in (block.tag == tag).nonzero()[0]
        ]

    def good(self, name: str, *, since: int = 0) -> list[float]:
        return [value for value, code, _ in self.samples(name, since=since) if code < 1 << 30]

    def notices(self) -> list[Notice]:
        return [item for item in self.items if isinstance(item, Notice)]


@contextlib.asynccontextmanager
async def running(settings: OpcUaSettings) -> AsyncIterator[Running]:
    run = Running(settings)
    try:
        yield run
    finally:
        await run.stop()
