"""What is soaked: a simulated plant behind two proxies, the whole gateway, a folder and a web server as its targets."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil

from connectors.simulator.recorder import simulate
from connectors.simulator.tags import PUMPS, TABLES
from edge_gateway.demo.files import DemoFiles
from edge_gateway.demo.plant import Plant
from edge_gateway.layout import Layout
from edge_gateway.status import read_status
from edge_gateway.training import train_bundle
from flows.window_settings import WindowSettings
from tests.cloud_sink.fault_server import FaultServer
from tests.connectors.proxy import Proxy, proxied
from tests.running import hasty

WINDOWS = WindowSettings("1s", lateness="500ms")
_STOPS_WITHIN_S = 20.0
_STARTS_WITHIN_S = 60.0


@dataclass
class World:
    """All of it, running.

    Attributes:
        stops: Exit code and seconds of each ordered stop of the gateway.
        wrong: What did not go as it should on the way.
    """

    files: DemoFiles
    plant: Plant
    opcua: Proxy
    modbus: Proxy
    hub: FaultServer
    gateway: asyncio.subprocess.Process | None = None
    stops: list[tuple[int, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def status(self, role: str) -> dict[str, Any]:
        """What a process says of itself."""
        return read_status(Layout(self.files.data).status, role)

    def pid(self, role: str) -> int:
        """Of a process of the gateway; 0 = it does not run just now."""
        if self.gateway is None:
            return 0
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self.gateway.pid).children():
                with contextlib.suppress(psutil.Error):
                    words = child.cmdline()
                    if ("--only", role) in pairwise(words):
                        return child.pid
        return 0

    async def start(self) -> None:
        """Start the gateway and wait for its first window.

        Raises:
            TimeoutError: There is none.
        """
        with self.files.log.open("ab") as log:
            self.gateway = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "edge_gateway", "run", str(self.files.config)),
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "SLUICEGATE_PARENT": str(os.getpid())},
            )
        async with asyncio.timeout(_STARTS_WITHIN_S):
            while not self.status("flow").get("written", {}).get("summary"):  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.2)

    async def stop(self) -> None:
        """Stop the gateway as an operator would."""
        assert self.gateway is not None
        loop = asyncio.get_running_loop()
        began = loop.time()
        self.gateway.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(2 * _STOPS_WITHIN_S):
                code = await self.gateway.wait()
        except TimeoutError:
            self.gateway.kill()
            code = await self.gateway.wait()
        self.stops.append((code, loop.time() - began))

    async def command(self, *arguments: str) -> int:
        """Run `sluicegate` with these arguments; its exit code."""
        with self.files.log.open("ab") as log:
            command = (sys.executable, "-m", "edge_gateway", *arguments)
            return await (await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)).wait()


@contextlib.asynccontextmanager
async def world(folder: Path, seed: int) -> AsyncIterator[World]:
    """Set it up, and leave nothing behind that runs."""
    files = DemoFiles(folder)
    with files.claimed():
        files.prepare()
        items = (batch for batch in simulate(300, seed + 1000, 1_767_225_600 * 10**9) if batch.asset in PUMPS)
        detector = "mahalanobis"
        await asyncio.to_thread(
            lambda: train_bundle(
                items, TABLES[PUMPS[0]], WINDOWS, files.bundle, name="pump", version="1", detector=detector
            )
        )
        plant = await Plant.start(files.plant, seed, files.plant_log)
        try:
            with FaultServer() as hub:
                opcua_port = int(str(plant.facts["opcua_endpoint"]).rsplit(":", 1)[1].split("/")[0])
                async with proxied(opcua_port) as opcua, proxied(int(plant.facts["modbus_port"])) as modbus:
                    files.config.write_text(_configuration(plant.facts, opcua.port, modbus.port, hub.port))
                    made = World(files, plant, opcua, modbus, hub)
                    try:
                        yield made
                    finally:
                        if made.gateway is not None and made.gateway.returncode is None:
                            await made.stop()
        finally:
            await plant.stop()


def _configuration(facts: dict[str, Any], opcua: int, modbus: int, hub: int) -> str:
    text = hasty({**facts, "opcua_endpoint": f"opc.tcp://127.0.0.1:{opcua}", "modbus_port": modbus}, epoch="2s")
    with socket.create_server(("127.0.0.1", 0)) as free:
        page = free.getsockname()[1]
    return text + (
        f'\n[page]\nport = {page}\n\n[journal]\nquota = "16GiB"\nretention = "30d"\n'
        f'\n[[target]]\nname = "hub"\nkind = "https"\nurl = "http://127.0.0.1:{hub}/hub"\n'
    )
