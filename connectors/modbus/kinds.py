"""The words of an address: tables, kinds of value, byte orders. Pure."""

from __future__ import annotations

import re
from enum import StrEnum

MAX_TEXT = 250  # characters, two in each of the 125 registers of a request (Modbus Application Protocol V1.1b3, 6.3)


class Table(StrEnum):
    """The four tables of a device (Modbus Application Protocol V1.1b3, 4.3)."""

    COIL = "coil"
    DISCRETE = "discrete"
    INPUT = "input"
    HOLDING = "holding"

    @property
    def of_bits(self) -> bool:
        """True where an address holds one bit, false where it holds a 16-bit register."""
        return self in (Table.COIL, Table.DISCRETE)


class Kind(StrEnum):
    """What the bits at an address mean."""

    BOOL = "bool"  # of a register: not 0
    BIT = "bit"
    BITS = "bits"  # several bits of one register as an unsigned number
    INT8H = "int8h"  # the high byte of a register
    INT8L = "int8l"
    UINT8H = "uint8h"
    UINT8L = "uint8l"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    UINT16 = "uint16"
    UINT32 = "uint32"
    UINT64 = "uint64"
    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    BCD16 = "bcd16"  # a decimal digit in every 4 bits
    BCD32 = "bcd32"
    BCD64 = "bcd64"
    STRING = "string"

    @property
    def width(self) -> int:
        """Addresses that one value takes: registers, or 1 bit. Of a string only the `Address` knows it."""
        return {"32": 2, "64": 4}.get(self.value[-2:], 1)

    @property
    def is_float(self) -> bool:
        """An IEEE 754 number."""
        return self.value.startswith("float")

    @property
    def is_signed(self) -> bool:
        """A two's complement number."""
        return self.value.startswith("int")

    @property
    def is_bcd(self) -> bool:
        """Decimal digits."""
        return self.value.startswith("bcd")


class Order(StrEnum):
    """Order of the bytes on the wire, named by where A, the high byte of a 32-bit value, and its followers stand.

    Big-endian registers are what the protocol says (V1.1b3, 4.2); in which order the registers of one value stand is
    not said, and vendors differ. A 64-bit value follows the same two rules.
    """

    ABCD = "ABCD"
    CDAB = "CDAB"
    BADC = "BADC"
    DCBA = "DCBA"

    @property
    def words_reversed(self) -> bool:
        """The low register comes first."""
        return self in (Order.CDAB, Order.DCBA)

    @property
    def bytes_swapped(self) -> bool:
        """Within each register the low byte comes first."""
        return self in (Order.BADC, Order.DCBA)


# The names by width in registers, as people write them. One register has no second word to swap.
_NAMES: dict[int, dict[str, Order]] = {
    1: {"AB": Order.ABCD, "BA": Order.BADC},
    2: {"ABCD": Order.ABCD, "CDAB": Order.CDAB, "BADC": Order.BADC, "DCBA": Order.DCBA},
    4: {"ABCDEFGH": Order.ABCD, "GHEFCDAB": Order.CDAB, "BADCFEHG": Order.BADC, "HGFEDCBA": Order.DCBA},
}
_WITHOUT_ORDER = (Kind.BOOL, Kind.INT8H, Kind.INT8L, Kind.UINT8H, Kind.UINT8L)


def order_names(kind: Kind) -> dict[str, Order]:
    """The byte orders of a kind by the names that people give them; empty where there is nothing to order."""
    return {} if kind in _WITHOUT_ORDER else _NAMES[kind.width]


_SIZED = re.compile(r"(bits?|string)(\d{1,3})(?:-(\d{1,2}))?", re.ASCII)


def parse_kind(name: str) -> tuple[Kind, int, int] | None:
    """A kind as people write it: `int16`, `bit3`, `bits4-7`, `string8`.

    Returns:
        Kind, lowest bit (else 0), and bits or characters (else 1); None where it is no kind.
    """
    if name in list(Kind) and name not in ("bit", "bits", "string"):
        return Kind(name), 0, 1
    match = _SIZED.fullmatch(name)
    if match is None or (match[1] == "bits") != (match[3] is not None):
        return None
    first = int(match[2])
    if match[1] == "string":
        return Kind.STRING, 0, first
    return Kind(match[1]), first, 1 if match[3] is None else int(match[3]) - first + 1


def kind_text(kind: Kind, bit: int, length: int) -> str:
    """The inverse of `parse_kind`."""
    match kind:
        case Kind.BIT:
            return f"bit{bit}"
        case Kind.BITS:
            return f"bits{bit}-{bit + length - 1}"
        case Kind.STRING:
            return f"string{length}"
        case _:
            return kind.value


KINDS = ", ".join(kind for kind in Kind if kind not in (Kind.BIT, Kind.BITS, Kind.STRING))
"""For messages; beside them stand `bit0`..`bit15`, `bits0-7` and `string8`."""
