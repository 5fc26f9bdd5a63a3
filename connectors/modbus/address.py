"""Where a value lives in a Modbus device and how its bytes are to be read. Pure.

    holding:100:float32:CDAB*0.1+5
    |       |   |       |    |   +-- offset, added after scaling
    |       |   |       |    +------ scale
    |       |   |       +----------- byte order as it stands on the wire; left out = big-endian (A is the high byte)
    |       |   +------------------- kind of value; left out for coils and discrete inputs, which are always bool
    |       +----------------------- protocol address, from 0, decimal or 0x... hexadecimal
    +------------------------------- coil, discrete, input or holding

What does not fit into one line (valid range, raw values that mean "none", texts of a string, counters) stands in the
form of a table, see `address_table.py`.

Addresses count from zero, as they travel on the wire (Modbus Application Protocol V1.1b3, 4.4). Manuals often print
"40001" for the first holding register instead: a prefix for the table and a number from one. Such a number is
refused with the address that it most likely means, since reading the neighbour's register goes unnoticed for long.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from connectors.errors import AddressError
from connectors.modbus.kinds import KINDS, MAX_TEXT, Kind, Order, Table, kind_text, order_names, parse_kind
from connectors.modbus.manual_number import manual_table, refuse_manual_number
from connectors.modbus.rules import NO_RULES, Rules

__all__ = ["MAX_ADDRESS", "Address", "Kind", "Order", "Rules", "Table", "parse"]

MAX_ADDRESS = 0xFFFF


@dataclass(frozen=True, slots=True)
class Address:
    """One value of one device. `parse` and `str` are inverses, the rules aside: no one-line form has them.

    Attributes:
        table: Which of the four tables.
        register: Zero-based protocol address of the first register (or of the bit) of the value.
        kind: What the bits mean: only `BOOL` in tables of bits.
        order: Byte order of a register value. Of a string only that within its registers.
        bit: For `BIT` the bit, for `BITS` the lowest one: 0 (least significant) to 15 within the register; otherwise 0.
        scale: Factor from the raw value to the engineering unit. Finite, not 0.
        offset: Added after scaling, in the engineering unit. Finite.
        length: For `BITS` the number of bits, for `STRING` that of characters, two in a register; otherwise 1.
        rules: What the raw value is held against.
    """

    table: Table
    register: int
    kind: Kind
    order: Order = Order.ABCD
    bit: int = 0
    scale: float = 1.0
    offset: float = 0.0
    length: int = 1
    rules: Rules = NO_RULES

    def __post_init__(self) -> None:
        self._check_shape()
        if self.register < 0 or self.end > MAX_ADDRESS + 1:
            value = f"register {self.register} for {self.kind.value}"
            last = MAX_ADDRESS + 1 - self.width
            raise AddressError(value, f"must be 0..{last}", "Use the zero-based protocol address.")
        if self.table.of_bits and self.kind is not Kind.BOOL:
            value = f"kind {self.kind.value} in table {self.table.value}"
            raise AddressError(value, "coils and discrete inputs are bool", "Leave the kind out.")
        names = order_names(self.kind)
        if self.order is not Order.ABCD and self.order not in names.values():
            value = f"order {self.order.name} for {self.kind.value}"
            fix = "Use ABCD or BADC." if names else "Leave it out."
            raise AddressError(value, "one register has no second word to swap", fix)
        if not math.isfinite(self.scale) or self.scale == 0:
            raise AddressError(f"scale {self.scale}", "must be finite and not 0", "Leave it out for a scale of 1.")
        if not math.isfinite(self.offset):
            raise AddressError(f"offset {self.offset}", "must be finite", "Leave it out for an offset of 0.")
        self.rules.check(self.kind, self.length)

    def _check_shape(self) -> None:
        """Bit and length, which only some kinds have."""
        value = f"bit {self.bit}, length {self.length} for {self.kind.value}"
        match self.kind:
            case Kind.BIT:
                if not 0 <= self.bit <= 15 or self.length != 1:
                    raise AddressError(value, "a register has bits 0..15", "Use one of bit0..bit15.")
            case Kind.BITS:
                if not (self.bit >= 0 and self.length >= 1 and self.bit + self.length <= 16):
                    rule = "a register has bits 0..15, the lower one comes first"
                    raise AddressError(value, rule, "Write it like bits4-7.")
            case Kind.STRING:
                if self.bit != 0 or not 1 <= self.length <= MAX_TEXT:
                    raise AddressError(value, f"a string has 1..{MAX_TEXT} characters", "Write it like string8.")
            case _:
                if self.bit != 0 or self.length != 1:
                    rule = "only the kinds bit and bits have a bit number, and bits and string a length"
                    raise AddressError(value, rule, "Use one of these kinds, or leave it out.")

    @property
    def width(self) -> int:
        """Addresses that the value takes: registers, or 1 bit."""
        return (self.length + 1) // 2 if self.kind is Kind.STRING else self.kind.width

    @property
    def end(self) -> int:
        """First address behind the value."""
        return self.register + self.width

    def __str__(self) -> str:
        number = f"0x{self.register:X}" if manual_table(str(self.register)) is self.table else str(self.register)
        text = f"{self.table.value}:{number}"
        if not self.table.of_bits:
            text += f":{kind_text(self.kind, self.bit, self.length)}"
        if self.order is not Order.ABCD:
            text += ":" + next(name for name, order in order_names(self.kind).items() if order is self.order)
        if self.scale != 1:
            text += f"*{self.scale!r}"
        if self.offset != 0:
            text += f"{self.offset:+}"
        return text


_NUMBER = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
# A minus belongs to bits4-7 where a digit of a kind stands before it, and to the offset elsewhere.
_SHAPE = re.compile(rf"((?:\w*:)*(?:bits\d+-\d+|\w*)(?::\w*)*)(?:\*([+-]?{_NUMBER}))?([+-]{_NUMBER})?", re.ASCII)
_EXAMPLE = "Write it like holding:100:float32:CDAB*0.1+5 or coil:7."


def parse(text: str, rules: Rules = NO_RULES) -> Address:
    """Read the compact form that the head of this file shows.

    Args:
        text: The compact form.
        rules: What the one line cannot say.

    Raises:
        AddressError: names the part at fault, the rule and the fix.
    """
    match = _SHAPE.fullmatch(text.replace(" ", ""))
    if match is None:
        raise AddressError(repr(text), "is no table:address:kind:order*scale+offset", _EXAMPLE)
    body, scale, offset = match.groups()
    table_name, *rest = body.split(":")
    if table_name not in list(Table):
        refuse_manual_number(text, table_name, None)
        tables = ", ".join(Table)
        raise AddressError(repr(text), f"{table_name!r} is none of the tables {tables}", _EXAMPLE)
    table = Table(table_name)
    if not rest or len(rest) > 3:
        raise AddressError(repr(text), "needs an address, at most a kind and an order after it", _EXAMPLE)
    register = _register(text, table, rest[0])
    kind, bit, length = _kind(text, table, rest[1] if len(rest) > 1 else "")
    order = _order(text, kind, rest[2]) if len(rest) > 2 else Order.ABCD
    return Address(table, register, kind, order, bit, float(scale or 1), float(offset or 0), length, rules)


def _register(text: str, table: Table, number: str) -> int:
    refuse_manual_number(text, number, table)
    try:
        return int(number, 16 if number[:2].lower() == "0x" else 10)
    except ValueError:
        raise AddressError(repr(text), f"{number!r} is no address", "Use a number from 0 to 65535.") from None


def _kind(text: str, table: Table, name: str) -> tuple[Kind, int, int]:
    if table.of_bits and not name:
        return Kind.BOOL, 0, 1
    found = parse_kind(name)
    if found is not None:
        return found
    all_kinds = f"{KINDS}, bit0..bit15, bits0-7, string8"
    if not name:
        raise AddressError(repr(text), "a register needs its kind", f"Add one of {all_kinds}.")
    raise AddressError(repr(text), f"{name!r} is no kind", f"Use one of {all_kinds}.")


def _order(text: str, kind: Kind, name: str) -> Order:
    names = order_names(kind)
    if name not in names:
        fix = f"Use one of {', '.join(names)}." if names else "Leave it out."
        raise AddressError(repr(text), f"{name!r} is no byte order of {kind.value}", fix)
    return names[name]
