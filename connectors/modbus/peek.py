"""One stretch of registers as every kind and order, for whoever has no manual. Pure.

A value counts as plausible by this rule, and only by this: a float is 0 or its magnitude lies in 1e-3..1e6, a whole
number of 32 or 64 bits lies in -1e6..1e6 and is not 0 (zeros are plausible as anything), a BCD number has no digit
above 9 and at least two digits. Whole numbers of 16 bits are never marked: nothing tells them apart. The mark is a
hint; the machine's own display is the proof.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.modbus.address import Address
from connectors.modbus.decode import compile_decoder
from connectors.modbus.kinds import Kind, Table, order_names

LEAST, MOST = 1e-3, 1e6  # of a plausible magnitude: from a small flow in m3/s to a large power in W
_KINDS = (
    Kind.UINT16,
    Kind.INT16,
    Kind.FLOAT16,
    Kind.BCD16,
    Kind.FLOAT32,
    Kind.INT32,
    Kind.UINT32,
    Kind.BCD32,
    Kind.FLOAT64,
    Kind.INT64,
    Kind.UINT64,
    Kind.BCD64,
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a value.

    Attributes:
        register: First register.
        kind: As in an address.
        order: Its name, as in an address; "" where there is nothing to order.
        value: NaN where the bits are no number of that kind.
        plausible: By the rule at the head of this file.
        text: Both bytes as characters, for the 16-bit kinds; "" where they are not printable.
    """

    register: int
    kind: Kind
    order: str
    value: float
    plausible: bool
    text: str = ""

    def address(self, table: Table) -> str:
        """To be copied into a configuration."""
        return f"{table.value}:{self.register}:{self.kind.value}" + (f":{self.order}" if self.order else "")


def readings(table: Table, start: int, payload: bytes) -> Iterator[Reading]:
    """Every register as every kind and order that fits behind it, register by register.

    Args:
        table: Of registers, or of bits, which have one reading each.
        start: First address.
        payload: The data bytes of the reply.
    """
    if table.of_bits:
        count = 8 * len(payload)
        bits = compile_decoder(start, [Address(table, start + i, Kind.BOOL) for i in range(count)]).decode(payload)
        yield from (Reading(start + i, Kind.BOOL, "", float(bit), plausible=False) for i, bit in enumerate(bits))
        return
    count = len(payload) // 2
    ways = [
        (Address(table, start + i, kind, order), name)
        for i in range(count)
        for kind in _KINDS
        if i + kind.width <= count
        for name, order in order_names(kind).items()
    ]
    values = compile_decoder(start, [address for address, _ in ways]).decode(payload)
    for (address, name), value in zip(ways, values.tolist(), strict=True):
        at = 2 * (address.register - start)
        text = _text(payload[at : at + 2], name) if address.kind is Kind.UINT16 else ""
        yield Reading(address.register, address.kind, name, value, plausible(address.kind, value), text)


def plausible(kind: Kind, value: float) -> bool:
    """By the rule at the head of this file; of 16-bit whole numbers and bits always false: they are not marked."""
    if not math.isfinite(value) or (kind.width == 1 and not (kind.is_float or kind.is_bcd)):
        return False
    if kind.is_float:
        return value == 0 or LEAST <= abs(value) <= MOST
    if kind.is_bcd:
        return value > 9
    return value != 0 and abs(value) <= MOST


def _text(pair: bytes, order: str) -> str:
    pair = pair[::-1] if order == "BA" else pair
    return pair.decode("ascii") if all(0x20 <= byte < 0x7F for byte in pair) else ""
