"""Some devices accept one TCP connection only: the old one must be closed before the next is opened, whatever happens.

Looked at from both sides at every moment at which the driver opens a connection: this process must not hold a socket to
the device, and of those that the device has accepted none may be without a FIN or RST.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import psutil
import pytest

from connectors.errors import BadReply
from connectors.modbus.address import parse
from connectors.modbus.driver import ModbusDriver
from connectors.modbus.endpoint import Endpoint, connect
from connectors.modbus.kinds import Table
from connectors.modbus.master import Master
from connectors.modbus.rtu import seal
from connectors.modbus.settings import ModbusSettings, ModbusTag, ModbusUnit
from connectors.modbus.transport import Transport
from connectors.tags import Tag, TagTable
from edge_gateway.commands.modbus_access import Line
from edge_gateway.commands.modbus_url import Place

MS = timedelta(milliseconds=1)
ESTABLISHED = 1  # the first byte of the kernel's struct tcp_info, which holds the state
Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Device:
    """Counts connections that are open at once. Answers so many requests of each, then misbehaves by its script."""

    def __init__(self, script: Script, transport: str = "tcp", answers: int = 1) -> None:
        self.script = script
        self.transport = transport
        self.answers = answers
        self.accepted: list[socket.socket] = []
        self.most = 0
        self.port = 0

    def note_before_another(self) -> None:
        """Count the one that is about to be opened, and those that this process still holds."""
        held = [c for c in psutil.Process().net_connections("tcp") if c.raddr and c.raddr.port == self.port]
        self.most = max(self.most, 1 + len(held))

    def note_accepted(self) -> None:
        """Count those of which no end has been heard."""
        self.most = max(self.most, sum(one.fileno() >= 0 and state_of(one) == ESTABLISHED for one in self.accepted))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted.append(writer.get_extra_info("socket")._sock)
        self.note_accepted()
        rtu = self.transport == "rtu_over_tcp"
        answered = 0
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while not writer.is_closing():
                request = await reader.readexactly(8 if rtu else 12)
                if answered < self.answers:
                    answered += 1  # such a connection is replaced at once, without a wait that would hide the old one
                    reply = bytes([1, 3, 2, 0, 7])
                    writer.write(seal(reply) if rtu else request[:4] + bytes([0, len(reply)]) + reply)
                else:
                    await self.script(writer)
        writer.close()


def state_of(accepted: socket.socket) -> int:
    return accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def keep_silent(writer: asyncio.StreamWriter) -> None:
    pass


async def talk_nonsense(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def say_too_much(writer: asyncio.StreamWriter) -> None:
    writer.write(bytes(200_000))


SCRIPTS = (hang_up, reset, keep_silent, talk_nonsense, say_too_much)


def driver_of(device: Device) -> ModbusDriver:
    endpoint = Endpoint(transport=device.transport, host="127.0.0.1", port=device.port)  # type: ignore[arg-type]

    async def watched() -> Transport:
        device.note_before_another()
        return await connect(endpoint, 1000 * MS)

    tags = (ModbusTag("pump", "a", parse("holding:0:uint16")),)
    unit = ModbusUnit(tags=tags, poll_interval=10 * MS, timeout=10 * MS, attempts=1)
    waits = {"reconnect_min": MS, "reconnect_max": 2 * MS, "quarantine_min": MS, "quarantine_max": MS}
    settings = ModbusSettings(name="plc", endpoint=endpoint, units=(unit,), **waits)  # type: ignore[arg-type]
    return ModbusDriver(settings, [TagTable("pump", (Tag("a"),))], connect=watched)


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what is waited for is what a device has seen
            await asyncio.sleep(0.001)


async def serving(device: Device) -> asyncio.Server:
    server = await asyncio.start_server(device.serve, "127.0.0.1", 0)
    device.port = server.sockets[0].getsockname()[1]
    return server


async def stop(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("transport", ["tcp", "rtu_over_tcp"])
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_a_driver_never_has_two_connections(script: Script, transport: str) -> None:
    async def main() -> None:
        device = Device(script, transport)
        async with await serving(device):
            task = asyncio.create_task(driver_of(device).run(lambda _item: None))
            await until(lambda: len(device.accepted) >= 8)
            await stop(task)
        assert device.most == 1

    asyncio.run(main())


@pytest.mark.parametrize("script", [keep_silent, hang_up], ids=lambda script: script.__name__)
def test_nor_has_one_that_is_started_anew(script: Script) -> None:
    async def main() -> None:
        device = Device(script)
        async with await serving(device):
            for restart in range(8):
                task = asyncio.create_task(driver_of(device).run(lambda _item: None))
                # Stopped before, while and after it connects.
                seen = len(device.accepted)
                if restart % 2:
                    await until(lambda seen=seen: len(device.accepted) > seen)  # type: ignore[misc]
                else:
                    for _ in range(restart):
                        await asyncio.sleep(0)
                await stop(task)
        assert device.most == 1

    asyncio.run(main())


def test_nor_have_scan_and_peek() -> None:
    class Watched(Line):
        async def _open(self) -> Master:
            device.note_before_another()
            return await super()._open()

    device = Device(talk_nonsense, answers=0)

    async def main() -> None:
        async with await serving(device):
            line = Watched(Place(Endpoint(host="127.0.0.1", port=device.port)), timedelta(0), 10 * MS)
            for _ in range(8):
                with pytest.raises(BadReply, match="protocol id"):
                    await line.read(1, Table.HOLDING, 0, 1)
            line.drop()
            assert len(device.accepted) == 8
        assert device.most == 1

    asyncio.run(main())
