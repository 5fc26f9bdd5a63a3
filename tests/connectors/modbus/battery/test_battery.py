"""Everything a device can do wrong, done to our master and to pymodbus: which of the two hands out wrong values?

Each read of a case ends in one of three ways, `+` the right values, `x` an error, `W` wrong values handed out as good.
Every true reply names its address and its request, so that an old value is a wrong one.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

import connectors.modbus
from connectors.errors import EndpointUnreachable, LinkDown, ModbusError
from connectors.modbus.address import Table
from connectors.modbus.endpoint import Endpoint, connect
from connectors.modbus.master import Master

pytestmark = pytest.mark.integration

TIMEOUT_S = 0.12
UNIT = 7
COUNT = 10
README = Path(connectors.modbus.__file__).parent / "README.md"


class Client(Protocol):
    async def read(self, address: int) -> list[int] | None:
        """Ten registers, None for any error."""
        ...

    def close(self) -> None: ...


class Ours:
    """Our master, connected anew whenever the link is gone."""

    def __init__(self, endpoint: Endpoint, transaction_id: Any = "strict") -> None:
        self._endpoint = endpoint
        self._transaction_id = transaction_id
        self._master: Master | None = None
        self.counts: Counter[str] = Counter()

    async def read(self, address: int) -> list[int] | None:
        try:
            if self._master is None or self._master.closed.is_set():
                self._master = Master(
                    await connect(self._endpoint, timedelta(seconds=1)),
                    self.counts,
                    timeout=timedelta(seconds=TIMEOUT_S),
                    pause=timedelta(0),
                    monotonic=time.monotonic_ns,
                    framing=self._endpoint.framing,
                    transaction_id=self._transaction_id,
                )
            reply = await self._master.read(UNIT, Table.HOLDING, address, COUNT)
        except (ModbusError, LinkDown, EndpointUnreachable):
            return None
        return [int.from_bytes(reply.payload[i : i + 2], "big") for i in range(0, len(reply.payload), 2)]

    def close(self) -> None:
        if self._master is not None:
            self._master.abort()


class Pymodbus:
    """pymodbus with the settings that suit it best here: no repetitions of its own, connected anew when needed."""

    def __init__(self, endpoint: Endpoint) -> None:
        from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
        from pymodbus.framer import FramerType

        framer = FramerType.RTU if endpoint.framing == "rtu" else FramerType.SOCKET
        options: Any = {"framer": framer, "timeout": TIMEOUT_S, "retries": 0, "reconnect_delay": 0}
        if endpoint.transport == "rtu":
            serial = {"baudrate": endpoint.baudrate, "parity": endpoint.parity}
            self._client: Any = AsyncModbusSerialClient(endpoint.device, **serial, **options)
        else:
            self._client = AsyncModbusTcpClient(endpoint.host, port=endpoint.port, **options)

    async def read(self, address: int) -> list[int] | None:
        from pymodbus.exceptions import ModbusException

        try:
            if not self._client.connected:
                await self._client.connect()
            reply = await self._client.read_holding_registers(address, count=COUNT, device_id=UNIT)
        except ModbusException:
            return None
        return None if reply.isError() else list(reply.registers)

    def close(self) -> None:
        self._client.close()


# Scripts


def once(action: Callable[[Any, Any], Awaitable[None] | None], number: int = 1) -> Any:
    """Something odd to one request, and honest answers to all others."""

    async def script(asked: Any, line: Any) -> None:
        if asked.number != number:
            line.write(asked.answer())
        elif (result := action(asked, line)) is not None:
            await result

    return script


async def late(asked: Any, line: Any) -> None:
    await asyncio.sleep(1.5 * TIMEOUT_S)
    line.write(asked.answer())


def three_at_once() -> Any:
    held: list[bytes] = []

    async def script(asked: Any, line: Any) -> None:
        held.append(asked.answer())
        if asked.number >= 3:
            line.write(b"".join(held))
            held.clear()

    return script


async def no_transaction_id(asked: Any, line: Any) -> None:
    if asked.number == 1:
        await asyncio.sleep(1.5 * TIMEOUT_S)
    line.write(asked.answer(transaction=0))


def in_pieces(pieces: int, gap_s: float) -> Any:
    async def script(asked: Any, line: Any) -> None:
        adu = asked.answer()
        size = -(-len(adu) // pieces)
        for i in range(0, len(adu), size):
            line.write(adu[i : i + size])
            await asyncio.sleep(gap_s)

    return script


async def twice(asked: Any, line: Any) -> None:
    line.write(asked.answer())
    await asyncio.sleep(0.01)
    line.write(asked.answer())


async def slow(asked: Any, line: Any) -> None:
    await asyncio.sleep(0.3 * TIMEOUT_S)
    line.write(asked.answer())


def flipped(adu: bytes) -> bytes:
    return adu[:12] + bytes([adu[12] ^ 0x10]) + adu[13:]


@dataclass(frozen=True)
class Case:
    """What the device does, the addresses read one after the other, and how each read ends on each medium."""

    what: str
    script: Callable[[], Any]
    addresses: tuple[int, ...]
    ours: dict[str, str]
    pymodbus: dict[str, str]


ALL = ("tcp", "rtu_over_tcp", "rtu")
RTU = ("rtu_over_tcp", "rtu")


def on(media: tuple[str, ...], ends: str) -> dict[str, str]:
    return dict.fromkeys(media, ends)


FEW = (10, 40, 70)
CASES = {
    "T1": Case("late reply, other addresses", lambda: once(late), (*FEW, 100), on(ALL, "x+++"), on(ALL, "x+++")),
    "T2": Case("late reply, the same address again", lambda: once(late), (10,) * 4, on(ALL, "x+++"), on(ALL, "x+++")),
    "T3": Case("transaction id always 0, late reply", lambda: no_transaction_id, (*FEW, 100), on(("tcp",), "x+++"), on(("tcp",), "x+++")),
    "T4": Case("10 registers asked for, 4 returned", lambda: once(lambda a, l: l.write(a.answer(a.registers[:4]))), FEW, on(ALL, "x++"), on(ALL, "x++")),
    "T4b": Case("10 registers asked for, 12 returned", lambda: once(lambda a, l: l.write(a.answer([*a.registers, 1, 2]))), FEW, on(ALL, "x++"), on(ALL, "x++")),
    "T5": Case("reply of another function", lambda: once(lambda a, l: l.write(a.answer([5] * 10, function=4))), FEW, on(ALL, "x++"), on(ALL, "x++")),
    "T6": Case("reply of another unit", lambda: once(lambda a, l: l.write(a.answer([6] * 10, unit=8))), FEW, on(ALL, "x++"), on(ALL, "x++")),
    "T7": Case("hangs up during the request", lambda: once(lambda a, l: l.close()), FEW, on(ALL[:2], "x++"), on(ALL[:2], "x++")),
    "T8": Case("no reply", lambda: once(lambda a, l: None), FEW, on(ALL, "x++"), on(ALL, "x++")),
    "T10": Case("two late replies and the good one in one segment", three_at_once, (10, 40, 70, 100), on(ALL, "xx++"), on(ALL, "xx++")),
    "T11": Case("exception to another function", lambda: once(lambda a, l: l.write(a.exception(2, function=4))), FEW, on(ALL, "x++"), on(ALL, "x++")),
    "T12": Case("garbage", lambda: once(lambda a, l: l.write(b"\xde\xad\xbe\xef" * 6)), FEW, on(ALL, "x++"), on(ALL, "x++")),
    "T13": Case("reply in three segments", lambda: in_pieces(3, 0.005), FEW, on(ALL, "+++"), on(ALL, "+++")),
    "T14": Case("reply that drips for longer than the time-out", lambda: once(lambda a, l: in_pieces(6, TIMEOUT_S / 4)(a, l)), FEW, on(ALL, "x++"), on(ALL, "x++")),
    "T15": Case("truncated reply", lambda: once(lambda a, l: l.write(a.answer()[:11])), FEW, on(ALL, "x++"), on(ALL, "x++")),
    "T16": Case("slow, but in time", lambda: slow, (10, 40, 70, 10, 10), on(ALL, "+++++"), on(ALL, "+++++")),
    "T17": Case("every reply twice", lambda: twice, (10, 40, 70, 10, 10), on(ALL, "+++++"), on(ALL, "+++++")),
    "T18": Case("a bit flipped on the line", lambda: once(lambda a, l: l.write(flipped(a.answer()))), FEW, on(RTU, "x++"), on(RTU, "x++")),
    "T19": Case("our own request echoed before the reply", lambda: once(lambda a, l: l.write(a.adu + a.answer())), FEW, on(RTU, "x++"), on(RTU, "x++")),
}  # fmt: skip


async def ends_of(client: Client, device: Any, addresses: tuple[int, ...]) -> str:
    ends = ""
    for address in addresses:
        before = len(device.asked)
        values = await client.read(address)
        # True is only what was asked for by this very read.
        true = [asked.registers for asked in device.asked[before:] if asked.fields == (UNIT, 3, address, COUNT)]
        ends += "x" if values is None else "+" if values in true else "W"
        await asyncio.sleep(0.03)  # the next poll; what came twice has come by then
    return ends


def runs(who: str) -> list[Any]:
    return [
        pytest.param(name, medium, id=f"{name}-{medium}") for name, case in CASES.items() for medium in getattr(case, who)
    ]


def play(device: Any, case: Case, medium: str, client_of: Callable[[Endpoint], Client]) -> str:
    async def main() -> str:
        async with device(medium, case.script()) as fake:
            client = client_of(fake.endpoint)
            try:
                return await ends_of(client, fake, case.addresses)
            finally:
                client.close()

    return asyncio.run(main())


@pytest.mark.parametrize(("name", "medium"), runs("ours"))
def test_no_wrong_value_poses_as_good(name: str, medium: str, device: Any) -> None:
    mode = "ignore" if name == "T3" else "strict"
    assert play(device, CASES[name], medium, lambda endpoint: Ours(endpoint, mode)) == CASES[name].ours[medium]


@pytest.mark.parametrize(("name", "medium"), runs("pymodbus"))
def test_pymodbus_for_comparison(name: str, medium: str, device: Any) -> None:
    assert play(device, CASES[name], medium, Pymodbus) == CASES[name].pymodbus[medium]
