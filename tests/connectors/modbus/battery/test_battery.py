"""Everything a device can do wrong, done to our master and to pymodbus: which of the two hands out wrong values?

Each read of a case ends in one of three ways: `+` the right values, `x` an error, `W` wrong values handed out as good;
`?` is `+` or `x`, as the machine's load has it.
Every true reply names its address and its request, so that an old value is a wrong one.
"""

# ruff: noqa: E501, E741 - the cases are a table

from __future__ import annotations

import asyncio
import inspect
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

pytestmark = [pytest.mark.integration, pytest.mark.faults]

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
            if self._master is None or self._master.ended:
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


def once(action: Callable[[Any, Any], Awaitable[None] | object], number: int = 1) -> Any:
    """Something odd to one request, and honest answers to all others."""

    async def script(asked: Any, line: Any) -> None:
        if asked.number != number:
            line.write(asked.answer())
        elif inspect.isawaitable(result := action(asked, line)):
            await result

    return script


async def late(asked: Any, line: Any) -> None:
    await asyncio.sleep((1.5 if asked.number == 1 else 0.3) * TIMEOUT_S)
    line.write(asked.answer())


async def very_late(asked: Any, line: Any) -> None:
    await asyncio.sleep((2.5 if asked.number == 1 else 0.3) * TIMEOUT_S)
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
    await asyncio.sleep((1.5 if asked.number == 1 else 0.3) * TIMEOUT_S)
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
    pause_s: float = 0.0  # between two reads; the blocks of one poll follow each other at once


ALL = ("tcp", "rtu_over_tcp", "rtu")
RTU = ("rtu_over_tcp", "rtu")


def on(media: tuple[str, ...], ends: str) -> dict[str, str]:
    return dict.fromkeys(media, ends)


FEW = (10, 40, 70)
CASES = {
    "T1": Case("late reply, other addresses", lambda: late, (*FEW, 100), on(ALL, "x+++"), on(ALL[:1], "x+++") | on(RTU, "xWWW")),
    "T2": Case("late reply, the same address again", lambda: late, (10,) * 4, on(ALL, "x+++"), on(ALL[:1], "x+++") | on(RTU, "xWWW")),
    "T3": Case("transaction id always 0, late reply", lambda: no_transaction_id, (*FEW, 100), on(ALL[:1], "x+++"), on(ALL[:1], "xWWW")),
    "T4": Case("10 registers asked for, 4 returned", lambda: once(lambda a, l: l.write(a.answer(a.registers[:4]))), FEW, on(ALL, "x++"), on(ALL, "W++")),
    "T4b": Case("10 registers asked for, 12 returned", lambda: once(lambda a, l: l.write(a.answer([*a.registers, 1, 2]))), FEW, on(ALL, "x++"), on(ALL, "W++")),
    "T5": Case("reply of another function", lambda: once(lambda a, l: l.write(a.answer([5] * 10, function=4))), FEW, on(ALL, "x++"), on(ALL, "W++")),
    "T6": Case("reply of another unit", lambda: once(lambda a, l: l.write(a.answer([6] * 10, unit=8))), FEW, on(ALL, "x++"), on(ALL, "x++")),
    "T7": Case("hangs up during the request", lambda: once(lambda a, l: l.close()), FEW, on(ALL[:2], "x++"), on(ALL[:2], "x++")),
    "T8": Case("no reply", lambda: once(lambda a, l: None), FEW, on(ALL, "x++"), on(ALL, "x++")),
    "T10": Case("two late replies and the good one in one segment", three_at_once, (10, 40, 70, 100), on(ALL[:1], "xx++") | on(RTU, "xxx+"), on(ALL[:1], "xx++") | on(RTU, "xxW+")),
    "T11": Case("exception to another function", lambda: once(lambda a, l: l.write(a.exception(2, function=4))), FEW, on(ALL, "x++"), on(ALL, "x++")),
    "T12": Case("garbage", lambda: once(lambda a, l: l.write(b"\xde\xad\xbe\xef" * 6)), FEW, on(ALL, "x++"), on(ALL, "x++")),
    "T13": Case("reply in three segments", lambda: in_pieces(3, 0.005), FEW, on(ALL, "+++"), on(ALL, "+++")),
    "T14": Case("reply that drips for longer than the time-out", lambda: once(in_pieces(5, TIMEOUT_S / 3)), FEW, on(ALL, "x++"), on(ALL, "x?+")),
    "T15": Case("truncated reply", lambda: once(lambda a, l: l.write(a.answer()[:11])), FEW, on(ALL, "x++"), on(ALL, "x++")),
    "T16": Case("slow, but in time", lambda: slow, (10, 40, 70, 10, 10), on(ALL, "+++++"), on(ALL, "+++++")),
    "T17": Case("every reply twice", lambda: twice, (10, 40, 70, 10, 10), on(ALL[:2], "+x+x+") | on(ALL[2:], "+++++"), on(ALL, "+++++"), 0.03),
    "T18": Case("a bit flipped on the line", lambda: once(lambda a, l: l.write(flipped(a.answer()))), FEW, on(RTU, "x++"), on(RTU, "x++")),
    "T19": Case("our own request echoed before the reply", lambda: once(lambda a, l: l.write(a.adu + a.answer())), FEW, on(RTU, "x++"), on(RTU, "x++")),
    "T20": Case("reply later than twice the time-out", lambda: very_late, (*FEW, 100), on(RTU[:1], "x+++"), on(RTU[:1], "xxWW")),
}  # fmt: skip


async def ends_of(client: Client, device: Any, case: Case) -> str:
    ends = ""
    for address in case.addresses:
        before = len(device.asked)
        values = await client.read(address)
        # True is only what was asked for by this very read.
        true = [asked.registers for asked in device.asked[before:] if asked.fields == (UNIT, 3, address, COUNT)]
        ends += "x" if values is None else "+" if values in true else "W"
        await asyncio.sleep(case.pause_s)
    return ends


def runs(who: str) -> list[Any]:
    return [
        pytest.param(name, medium, id=f"{name}-{medium}")
        for name, case in CASES.items()
        for medium in getattr(case, who)
    ]


def play(device: Any, case: Case, medium: str, client_of: Callable[[Endpoint], Client]) -> str:
    async def main() -> str:
        async with device(medium, case.script()) as fake:
            client = client_of(fake.endpoint)
            try:
                return await ends_of(client, fake, case)
            finally:
                client.close()

    return asyncio.run(main())


def fits(ends: str, expected: str) -> bool:
    return len(ends) == len(expected) and all(
        end == wanted or (wanted == "?" and end in "+x") for end, wanted in zip(ends, expected, strict=True)
    )


@pytest.mark.parametrize(("name", "medium"), runs("ours"))
def test_no_wrong_value_poses_as_good(name: str, medium: str, device: Any) -> None:
    mode = "ignore" if name == "T3" else "strict"
    ends = play(device, CASES[name], medium, lambda endpoint: Ours(endpoint, mode))
    assert "W" not in ends
    assert fits(ends, CASES[name].ours[medium]), ends


@pytest.mark.parametrize(("name", "medium"), runs("pymodbus"))
def test_pymodbus_for_comparison(name: str, medium: str, device: Any) -> None:
    ends = play(device, CASES[name], medium, Pymodbus)
    assert fits(ends, CASES[name].pymodbus[medium]), ends


def test_a_strict_master_reads_nothing_from_a_device_without_transaction_ids(device: Any) -> None:
    assert play(device, CASES["T3"], "tcp", Ours) == "xxxx"


def test_t9_a_refused_connection_is_an_error_and_the_next_one_works(device: Any) -> None:
    async def main() -> None:
        async with device("tcp") as fake:
            endpoint = fake.endpoint
        client = Ours(endpoint)
        assert await client.read(10) is None
        server = await asyncio.start_server(fake._connected, "127.0.0.1", endpoint.port)
        assert await client.read(10) == fake.asked[-1].registers
        client.close()
        server.close()

    asyncio.run(main())


def test_the_readme_tells_what_was_found() -> None:
    """The comparison in the README is this table, and it claims no more than the tests above assert."""
    assert not any("W" in ends for case in CASES.values() for ends in case.ours.values())
    rows = []
    for name, case in CASES.items():
        cells = [case.pymodbus.get(medium, "") for medium in ALL]
        said = ["" if not ends else "**wrong data**" if "W" in ends else "ok" for ends in cells]
        rows.append(f"| {name} | {case.what} | {' | '.join(said)} |".replace("|  |", "| |").replace("|  |", "| |"))
    print("\n".join(rows))
    text = README.read_text(encoding="utf-8")
    assert [row for row in rows if row not in text] == []
