"""The plant as it runs: steps on a fixed grid of real time, both servers, and a clean end."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.simulator import tags
from connectors.simulator.console import Console, read_lines, say
from connectors.simulator.faults import Injection
from connectors.simulator.modbus_server import HOST, PlantModbusServer
from connectors.simulator.opcua_server import PlantOpcUaServer
from connectors.simulator.scenery import PUMP, Machine, Scenery
from connectors.simulator.station import STEP_NS, TICK_NS

_PARENT_CHECK_S = 0.5


@dataclass(frozen=True, slots=True)
class PlantSettings:
    """What the plant obeys.

    Attributes:
        folder: Where the OPC-UA server's key and certificate are made.
        opcua_port: Of loopback; 0 = any free one.
        modbus_port: Of loopback; 0 = any free one.
        seed: Of all that is random, 0 or more.
        insecure: Also offer an OPC-UA endpoint without security.
        serve: Go on when standard input ends.
        faults: `at` counts in ns from the start.
        scenery: What is served.
    """

    folder: Path
    opcua_port: int = 0
    modbus_port: int = 0
    seed: int = 1
    insecure: bool = False
    serve: bool = False
    faults: tuple[Injection, ...] = ()
    scenery: Scenery = PUMP

    def __post_init__(self) -> None:
        for name in ("opcua_port", "modbus_port"):
            port = getattr(self, name)
            if not 0 <= port <= 65_535:
                msg = f"{name} {port}: must be 0..65535; use 0 for any free port"
                raise ValueError(msg)
        if self.seed < 0:
            msg = f"seed {self.seed}: must be 0 or more; use another one"
            raise ValueError(msg)


class Pace:
    """The grid in real time: tick n is due at start + n * 50 ms of the monotonic clock, whatever came before.

    A plant that was held up makes up every tick it owes, each under its own source time.

    Attributes:
        late_ticks: How many began more than a tick after they were due.
    """

    def __init__(self, now_s: float, wait_s: float) -> None:
        """Args: now_s is monotonic; the first tick is due one tick after now_s + wait_s."""
        self._start = now_s + wait_s
        self._tick = 0
        self.late_ticks = 0

    def next(self, now_s: float) -> float:
        """Seconds from now (monotonic) until the next tick is due; 0 when that has passed."""
        self._tick += 1
        wait = self._start + self._tick * TICK_NS / 1e9 - now_s
        self.late_ticks += wait < -TICK_NS / 1e9
        return max(0.0, wait)


async def run_plant(settings: PlantSettings) -> None:
    """Serve until told to stop: `quit`, the end of standard input, SIGTERM, SIGINT, or the death of the parent.

    Standard output carries one JSON line when ready and one per command, nothing else.

    Raises:
        OSError: A port is taken or the folder cannot be written.
        RuntimeError: pymodbus could not listen.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    parent = os.getppid()
    scenery = settings.scenery
    async with AsyncExitStack() as servers:
        opcua = modbus = None
        if scenery.opcua:
            server = PlantOpcUaServer(scenery, settings.opcua_port, settings.folder, insecure=settings.insecure)
            opcua = await servers.enter_async_context(server)
        if scenery.modbus:
            modbus = await servers.enter_async_context(PlantModbusServer(scenery, settings.modbus_port))
        now = time.time_ns()
        start = -(-now // STEP_NS) * STEP_NS
        pace = Pace(time.monotonic(), (start - now) / 1e9)
        machine = scenery.make(settings.seed, start)
        for fault in settings.faults:
            if machine.board is not None:
                machine.board.inject(Injection(fault.fault, fault.asset, start + fault.at))
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(_advance(machine, pace, opcua, modbus)),
                tasks.create_task(_watch_parent(parent, stop)),
            ]
            console = Console(machine, pace, stop, serve=settings.serve)
            threading.Thread(target=read_lines, args=(loop, console.obey), name="stdin", daemon=True).start()
            say(event="ready", **_places(opcua, modbus), pid=os.getpid(), time=start)
            await stop.wait()
            for task in running:
                task.cancel()


def _places(opcua: PlantOpcUaServer | None, modbus: PlantModbusServer | None) -> dict[str, Any]:
    """Where the servers are."""
    places: dict[str, Any] = {}
    if opcua is not None:
        places |= {"opcua_endpoint": opcua.endpoint, "opcua_server_certificate": str(opcua.certificate)}
    if modbus is not None:
        places |= {"modbus_host": HOST, "modbus_port": modbus.port, "unit_id": tags.UNIT_ID}
    return places


async def _advance(
    machine: Machine, pace: Pace, opcua: PlantOpcUaServer | None, modbus: PlantModbusServer | None
) -> None:
    while True:
        await asyncio.sleep(pace.next(time.monotonic()))  # also when late: the servers must get their turn
        readings = machine.advance(1)
        if modbus is not None:
            modbus.publish(readings)
        if opcua is not None:
            await opcua.publish(readings)


async def _watch_parent(parent: int, stop: asyncio.Event) -> None:
    """An orphan is given another parent; that is how every Unix tells."""
    while os.getppid() == parent:  # noqa: ASYNC110 - no event tells it
        await asyncio.sleep(_PARENT_CHECK_S)
    stop.set()
