"""What is done to the gateway while it is soaked. Each fault begins, lasts, and is over when its coroutine returns."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

from connectors.simulator.tags import PUMPS
from tests.cloud_sink import fault_server as web
from tests.connectors.proxy import Proxy
from tests.soak.world import World

Fault = Callable[[World, random.Random], Awaitable[None]]


async def _running(world: World, role: str, besides: int = 0) -> int:
    """Its pid once it runs.

    Raises:
        TimeoutError: It does not for 40 s.
    """
    async with asyncio.timeout(40):
        while (pid := world.pid(role)) in {0, besides}:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.2)
    return pid


def kill(role: str) -> Fault:
    """kill -9 a process; the supervisor starts another one."""

    async def fault(world: World, draw: random.Random) -> None:
        pid = await _running(world, role)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        await _running(world, role, besides=pid)

    return fault


def freeze(role: str) -> Fault:
    """A process gets no processor for a while, as on a machine that swaps."""

    async def fault(world: World, draw: random.Random) -> None:
        pid = await _running(world, role)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(draw.uniform(1, 5))
            os.kill(pid, signal.SIGCONT)

    return fault


def hang_up(which: Callable[[World], Proxy]) -> Fault:
    """A connection to the plant is reset."""

    async def fault(world: World, draw: random.Random) -> None:
        which(world).cut()

    return fault


def swallow(which: Callable[[World], Proxy]) -> Fault:
    """A connection to the plant stays, and nothing passes any more."""

    async def fault(world: World, draw: random.Random) -> None:
        proxy = which(world)
        proxy.mode = "blackhole"
        await asyncio.sleep(draw.uniform(3, 9))
        proxy.mode = "pass"
        proxy.cut()  # what was swallowed is missing in the middle of the stream

    return fault


async def plant_stands_still(world: World, draw: random.Random) -> None:
    """The servers hang, their sockets stay."""
    os.kill(world.plant.process.pid, signal.SIGSTOP)
    await asyncio.sleep(draw.uniform(1, 6))
    os.kill(world.plant.process.pid, signal.SIGCONT)


async def pump_breaks(world: World, draw: random.Random) -> None:
    """A real alarm."""
    await world.plant.inject(draw.choice(["bearing_wear", "cavitation"]), draw.choice(PUMPS))
    await asyncio.sleep(draw.uniform(4, 8))
    await world.plant.clear()


async def folder_away(world: World, draw: random.Random) -> None:
    """The file target is gone, as a network share is."""
    world.files.cloud.rename(world.files.away)
    await asyncio.sleep(draw.uniform(4, 15))
    world.files.away.rename(world.files.cloud)


async def server_away(world: World, draw: random.Random) -> None:
    """The web server refuses connections."""
    world.hub.shut()
    await asyncio.sleep(draw.uniform(4, 15))
    world.hub.open()


async def server_errs(world: World, draw: random.Random) -> None:
    """The web server answers some requests with nonsense."""
    said = [
        web.portal(),
        web.status(503),
        web.status(429, {"Retry-After": "2"}),
        web.status(403),
        web.cut_in_body(100),
        web.cut_in_answer(),
        web.nonsense(),
        web.login(),
    ]
    world.hub.script.extend(draw.choice(said) for _ in range(draw.randint(1, 6)))
    await asyncio.sleep(6)


async def server_loses_halves(world: World, draw: random.Random) -> None:
    """A proxy in between truncates what is sent, and tells nobody."""
    world.hub.truncate = True
    await asyncio.sleep(draw.uniform(2, 6))
    world.hub.truncate = False


async def somebody_shelves(world: World, draw: random.Random) -> None:
    """A person silences an alarm from the command line."""
    given = ("--asset", draw.choice(PUMPS), "--alarm", "anomaly", "--for", "1min")
    await _command(world, 0, "alerts", "shelve", *given, "--gateway", str(world.files.config))


RULE = """
[[rules]]
assets = ["pump-1"]
tag = "winding_temperature"
kind = "limit"
hh = 5000.0
"""


async def reloaded(world: World, draw: random.Random) -> None:
    """A rule comes into the configuration, or goes; the gateway takes it over while it runs."""
    config = world.files.config
    before = config.read_text()
    config.write_text(before.replace(RULE, "") if RULE in before else before + RULE)
    await _command(world, 0, "reload", str(config))


async def reloaded_wrongly(world: World, draw: random.Random) -> None:
    """Somebody errs in the configuration: it is refused, and the old one stays in force."""
    config = world.files.config
    before = config.read_text()
    config.write_text(before + draw.choice(['\n[windows]\nlength = "1s"\n', "\n[pages]\n", "\nrubbish"]))
    try:
        await _command(world, 2, "reload", str(config))
    finally:
        config.write_text(before)


async def _command(world: World, expected: int, *words: str) -> None:
    if (code := await world.command(*words)) != expected:
        world.wrong.append(f"`{' '.join(words[:1])}` ended with exit code {code}, not {expected}")


async def restarted(world: World, draw: random.Random) -> None:
    """The whole gateway is stopped and started, as for an upgrade."""
    await world.stop()
    await asyncio.sleep(draw.uniform(0, 2))
    await world.start()


def opcua(world: World) -> Proxy:
    """The connection to the OPC-UA server."""
    return world.opcua


def modbus(world: World) -> Proxy:
    """The connection to the Modbus server."""
    return world.modbus


ENDING: dict[str, Fault] = {
    "kill -9 acquire": kill("acquire"),
    "kill -9 flow": kill("flow"),
    "kill -9 deliver": kill("deliver"),
    "kill -9 page": kill("page"),
    "gateway restarted": restarted,
}
"""Processes end by these."""

DISTURBING: dict[str, Fault] = {
    "freeze acquire": freeze("acquire"),
    "freeze flow": freeze("flow"),
    "freeze deliver": freeze("deliver"),
    "hang up on OPC-UA": hang_up(opcua),
    "hang up on Modbus": hang_up(modbus),
    "black-hole OPC-UA": swallow(opcua),
    "black-hole Modbus": swallow(modbus),
    "plant stands still": plant_stands_still,
    "pump breaks": pump_breaks,
    "folder away": folder_away,
    "web server away": server_away,
    "web server errs": server_errs,
    "web server loses halves": server_loses_halves,
    "alarm shelved": somebody_shelves,
    "reload": reloaded,
    "reload of rubbish": reloaded_wrongly,
}
"""All go on, or should."""
