"""What devices do wrong, and how each read of our master and of pymodbus ends.

Each read of a case ends in one of three ways: `+` the right values, `x` an error, `W` wrong values handed out as good;
`?` is `+` or `x`, as the machine's load has it.
"""

# ruff: noqa: E501, E741 - the cases are a table

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.connectors.modbus.battery.clients import TIMEOUT_S


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


async def no_transaction_id_twice(asked: Any, line: Any) -> None:
    line.write(2 * asked.answer(transaction=0))


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
    "T3b": Case("transaction id always 0, every reply twice at once", lambda: no_transaction_id_twice, FEW, on(ALL[:1], "+x+"), on(ALL[:1], "+++")),
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
