"""A block of 124 registers to 62 float32 values, against pymodbus' `convert_from_registers`, in the same run.

pymodbus is given its best case, one call for the whole block, and registers that are integers already; we start from
the bytes of the reply.
"""

from __future__ import annotations

import random
import statistics
import struct
import time
from collections.abc import Callable
from typing import Any

from pymodbus.client import AsyncModbusTcpClient

from connectors.modbus.address import parse
from connectors.modbus.decode import compile_decoder

VALUES = 62
ROUNDS = 7
GOAL = 3.0


def seconds_per_call(call: Callable[[], Any], calls: int) -> float:
    begun = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - begun) / calls


def run() -> list[dict[str, Any]]:
    """CPU time of both, median of seven interleaved rounds."""
    rng = random.Random(1)
    results = []
    for order, word_order in (("ABCD", "big"), ("CDAB", "little")):
        expected = [struct.unpack(">f", struct.pack(">f", rng.uniform(-1e6, 1e6)))[0] for _ in range(VALUES)]
        registers = [word for value in expected for word in _words(value, order)]
        payload = struct.pack(f">{2 * VALUES}H", *registers)
        decoder = compile_decoder(0, [parse(f"holding:{2 * i}:float32:{order}") for i in range(VALUES)])

        def ours(decoder: Any = decoder, payload: bytes = payload) -> Any:
            return decoder.decode(payload)

        def theirs(registers: list[int] = registers, word_order: Any = word_order) -> Any:
            return AsyncModbusTcpClient.convert_from_registers(
                registers, AsyncModbusTcpClient.DATATYPE.FLOAT32, word_order=word_order
            )

        assert ours().tolist() == expected
        assert theirs() == expected
        rounds = [(seconds_per_call(ours, 5000), seconds_per_call(theirs, 500)) for _ in range(ROUNDS)]
        own, other = (statistics.median(column) for column in zip(*rounds, strict=True))
        results.append(
            {
                "name": f"modbus_decode_{order.lower()}",
                "figure": own * 1e6,
                "unit": f"us CPU per {VALUES} float32",
                "against": "pymodbus convert_from_registers, one call",
                "ratio": other / own,
                "goal": f">= {GOAL:g} times",
                "met": other / own >= GOAL,
            }
        )
    return results


def _words(value: float, order: str) -> list[int]:
    words = list(struct.unpack(">2H", struct.pack(">f", value)))
    return words[::-1] if order == "CDAB" else words


if __name__ == "__main__":
    for result in run():
        print(result)
