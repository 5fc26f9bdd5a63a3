"""Where a value lives in a Modbus device and how its bytes are to be read. Pure.

    holding:100:float32:CDAB*0.1+5
    |       |   |       |    |   +-- offset, added after scaling
    |       |   |       |    +------ scale
    |       |   |       +----------- byte order as it stands on the wire; left out = big-endian (A is the high byte)
    |       |   +------------------- kind of value; left out for coils and discrete inputs, which are always bool
    |       +----------------------- protocol address, from 0, decimal or 0x... hexadecimal
    +------------------------------- coil, discrete, input or holding

Addresses count from zero, as they travel on the wire (Modbus Application Protocol V1.1b3, 4.4). Manuals often print
"40001" for the first holding register instead: a prefix for the table and a number from one. Such a number is
refused with the address that it most likely means, since reading the neighbour's register goes unnoticed for long.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum

from connectors.errors import AddressError

MAX_ADDRESS = 0xFFFF


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

    BOOL = "bool"
    BIT = "bit"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    UINT16 = "uint16"
    UINT32 = "uint32"
    UINT64 = "uint64"
    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"

    @property
    def width(self) -> int:
        """Addresses that one value takes: registers, or 1 bit."""
        return {"32": 2, "64": 4}.get(self.value[-2:], 1)


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


@dataclass(frozen=True, slots=True)
class Address:
    """One value of one device. `parse` and `str` are inverses.

    Attributes:
        table: Which of the four tables.
        register: Zero-based protocol address of the first register (or of the bit) of the value.
        kind: What the bits mean: `BOOL` in tables of bits, everything else in tables of registers.
        order: Byte order of a register value.
        bit: For `Kind.BIT`: 0 (least significant) to 15 within the register; otherwise 0.
        scale: Factor from the raw value to the engineering unit. Finite, not 0.
        offset: Added after scaling, in the engineering unit. Finite.
    """

    table: Table
    register: int
    kind: Kind
    order: Order = Order.ABCD
    bit: int = 0
    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if self.register < 0 or self.end > MAX_ADDRESS + 1:
            value = f"register {self.register} for {self.kind.value}"
            last = MAX_ADDRESS + 1 - self.kind.width
            raise AddressError(value, f"must be 0..{last}", "Use the zero-based protocol address.")
        if self.table.of_bits != (self.kind is Kind.BOOL):
            value = f"kind {self.kind.value} in table {self.table.value}"
            if self.table.of_bits:
                raise AddressError(value, "coils and discrete inputs are bool", "Leave the kind out.")
            raise AddressError(value, "a register is no bool", "Name one bit of it, bit0..bit15.")
        if self.order not in _NAMES[self.kind.width].values():
            value = f"order {self.order.name} for {self.kind.value}"
            raise AddressError(value, "one register has no second word to swap", "Use ABCD or BADC.")
        if self.bit != 0 and not (self.kind is Kind.BIT and 0 < self.bit <= 15):
            value = f"bit {self.bit} for {self.kind.value}"
            raise AddressError(value, "only the kind bit has a bit number, 0..15", "Use kind bit, or bit 0.")
        if not math.isfinite(self.scale) or self.scale == 0:
            raise AddressError(f"scale {self.scale}", "must be finite and not 0", "Leave it out for a scale of 1.")
        if not math.isfinite(self.offset):
            raise AddressError(f"offset {self.offset}", "must be finite", "Leave it out for an offset of 0.")

    @property
    def end(self) -> int:
        """First address behind the value."""
        return self.register + self.kind.width

    def __str__(self) -> str:
        number = f"0x{self.register:X}" if _manual_table(str(self.register)) is self.table else str(self.register)
        text = f"{self.table.value}:{number}"
        if self.kind is Kind.BIT:
            text += f":bit{self.bit}"
        elif self.kind is not Kind.BOOL:
            text += f":{self.kind.value}"
        if self.order is not Order.ABCD:
            text += ":" + next(name for name, order in _NAMES[self.kind.width].items() if order is self.order)
        if self.scale != 1:
            text += f"*{self.scale!r}"
        if self.offset != 0:
            text += f"{self.offset:+}"
        return text


_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_SHAPE = re.compile(rf"([\w:]*)(?:\*([+-]?{_NUMBER}))?([+-]{_NUMBER})?", re.ASCII)
_EXAMPLE = "Write it like holding:100:float32:CDAB*0.1+5 or coil:7."


def parse(text: str) -> Address:
    """Read the compact form that the head of this file shows.

    Raises:
        AddressError: names the part at fault, the rule and the fix.
    """
    match = _SHAPE.fullmatch(text.replace(" ", ""))
    if match is None:
        raise AddressError(repr(text), "is no table:address:kind:order*scale+offset", _EXAMPLE)
    body, scale, offset = match.groups()
    table_name, *rest = body.split(":")
    if table_name not in list(Table):
        _refuse_manual_number(text, table_name, None)
        tables = ", ".join(Table)
        raise AddressError(repr(text), f"{table_name!r} is none of the tables {tables}", _EXAMPLE)
    table = Table(table_name)
    if not rest or len(rest) > 3:
        raise AddressError(repr(text), "needs an address, at most a kind and an order after it", _EXAMPLE)
    register = _register(text, table, rest[0])
    kind, bit = _kind(text, table, rest[1] if len(rest) > 1 else "")
    order = _order(text, kind, rest[2]) if len(rest) > 2 else Order.ABCD
    return Address(table, register, kind, order, bit, float(scale or 1), float(offset or 0))


def _register(text: str, table: Table, number: str) -> int:
    _refuse_manual_number(text, number, table)
    try:
        return int(number, 16 if number[:2].lower() == "0x" else 10)
    except ValueError:
        raise AddressError(repr(text), f"{number!r} is no address", "Use a number from 0 to 65535.") from None


def _kind(text: str, table: Table, name: str) -> tuple[Kind, int]:
    if table.of_bits and name in ("", "bool"):
        return Kind.BOOL, 0
    if bit := re.fullmatch(r"bit(\d{1,2})", name, re.ASCII):
        return Kind.BIT, int(bit[1])
    if name in list(Kind) and name != "bit":
        return Kind(name), 0
    kinds = ", ".join(kind for kind in Kind if kind not in ("bool", "bit"))
    if not name:
        raise AddressError(repr(text), "a register needs its kind", f"Add one of {kinds}, bit0..bit15.")
    raise AddressError(repr(text), f"{name!r} is no kind", f"Use one of {kinds}, bit0..bit15.")


def _order(text: str, kind: Kind, name: str) -> Order:
    names = _NAMES[kind.width]
    if kind is Kind.BOOL or name not in names:
        fix = "Leave it out." if kind is Kind.BOOL else f"Use one of {', '.join(names)}."
        raise AddressError(repr(text), f"{name!r} is no byte order of {kind.value}", fix)
    return names[name]


def _manual_table(number: str) -> Table | None:
    """The table that a number in a manual's style points to: a leading digit, then 0001..9999 or 00001..65536."""
    if not re.fullmatch(r"[0134]\d{4,5}", number, re.ASCII) or not 1 <= int(number[1:]) <= MAX_ADDRESS + 1:
        return None
    return {"0": Table.COIL, "1": Table.DISCRETE, "3": Table.INPUT, "4": Table.HOLDING}[number[0]]


def _refuse_manual_number(text: str, number: str, table: Table | None) -> None:
    """Refuse 40001, 400001 and 4x00001 where they are meant, or can only be meant, as a manual's numbers.

    Five digits of the same table might also be a protocol address; written as 0x9C41 they are taken for one.
    """
    digits = re.sub(r"^([134])[xX]", r"\1", number)
    meant = _manual_table(digits)
    if meant is None:
        return
    possible = table is not None and digits == number and int(digits) <= MAX_ADDRESS
    if possible and meant is not table:
        return
    fix = f"The zero-based protocol address would be {meant.value}:{int(digits[1:]) - 1}."
    if possible:
        fix += f" If the protocol address {int(digits)} is meant, write it as 0x{int(digits):X}."
    raise AddressError(repr(text), f"{number} looks like a manual's number, which counts from one", fix)
