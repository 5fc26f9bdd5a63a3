"""A field of Telegraf's Modbus input as an address of ours: the same registers, bytes, words and scale. Pure.

By what Telegraf documents in plugins/inputs/modbus. Its three styles of configuration name types and byte orders
differently; the tables here know the words of all three.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors.errors import AddressError
from connectors.modbus.address import Address
from connectors.modbus.kinds import Kind, Order, Table

_ORDERS = {
    **dict.fromkeys(("", "AB", "ABCD", "ABCDEFGH", "MSW-BE", "MSW"), Order.ABCD),
    **dict.fromkeys(("BA", "DCBA", "HGFEDCBA", "LSW-LE", "LSW"), Order.DCBA),
    **dict.fromkeys(("BADC", "BADCFEHG", "MSW-LE"), Order.BADC),
    **dict.fromkeys(("CDAB", "GHEFCDAB", "LSW-BE"), Order.CDAB),
}
_OTHER_BYTE = {
    Kind.INT8L: Kind.INT8H,
    Kind.INT8H: Kind.INT8L,
    Kind.UINT8L: Kind.UINT8H,
    Kind.UINT8H: Kind.UINT8L,
}
# In the style "register" FLOAT32 is a fixed-point number without sign, as UFIXED: the name is kept for old files.
_FIXED = {"FIXED": "int", "FLOAT": "int", "UFIXED": "uint", "FLOAT32": "uint", "UFLOAT": "uint"}


class NotTakenError(ValueError):
    """A field that the gateway cannot read; the text says why."""


def of_register_style(table: Table, field: Mapping[str, Any]) -> Address:
    """Of an item of coils, discrete_inputs, input_registers or holding_registers.

    Raises:
        NotTakenError: There is no like of it.
    """
    numbers = field.get("address")
    if not isinstance(numbers, list) or not numbers or not all(type(number) is int for number in numbers):
        raise NotTakenError("address must be a list of numbers")
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise NotTakenError("its addresses do not follow one another")
    if table.of_bits:
        return _address(table, numbers[0], Kind.BOOL, Order.ABCD, 1.0)
    name = str(field.get("data_type", ""))
    if stem := _FIXED.get(name):
        name = f"{stem}{16 * len(numbers)}"
    address = _of_registers(table, numbers[0], name.removesuffix("-IEEE"), field)
    if address.width != len(numbers):
        raise NotTakenError(f"{name} takes {address.width} registers, and {len(numbers)} are listed")
    return address


def of_other_styles(table: Table, field: Mapping[str, Any], order: object) -> Address:
    """Of an item of `fields` of a request or a metric.

    Args:
        table: Of the request, or of the field.
        field: It.
        order: `byte_order` of the request or metric.

    Raises:
        NotTakenError: There is no like of it.
    """
    number = field.get("address")
    if type(number) is not int:
        raise NotTakenError("address must be a number")
    if table.of_bits:
        return _address(table, number, Kind.BOOL, Order.ABCD, 1.0)
    return _of_registers(table, number, str(field.get("type", "")), {"byte_order": order, **field})


def _of_registers(table: Table, number: int, name: str, field: Mapping[str, Any]) -> Address:
    order = _ORDERS.get(str(field.get("byte_order", "")).upper())
    if order is None:
        raise NotTakenError(f"byte_order {field['byte_order']!r} is not known")
    try:
        scale = float(field.get("scale") or 1.0)
    except (TypeError, ValueError):
        raise NotTakenError(f"scale {field['scale']!r} is no number") from None
    if name == "BIT":
        bit = field.get("bit", 0)
        if type(bit) is not int:
            raise NotTakenError(f"bit {bit!r} is no number")
        return _address(table, number, Kind.BIT, _in_one(order), scale, bit)
    if name == "STRING":
        raise NotTakenError("a string has no number: give its texts, see connectors/modbus/README.md")
    if not re.fullmatch("(INT|UINT)(8L|8H|16|32|64)|FLOAT(16|32|64)", name.upper()):
        raise NotTakenError(f"type {name!r} is not known")
    kind = Kind(name.lower())
    if kind in _OTHER_BYTE:  # without an order here: which byte it is says it all
        return _address(table, number, _OTHER_BYTE[kind] if order.bytes_swapped else kind, Order.ABCD, scale)
    return _address(table, number, kind, _in_one(order) if kind.width == 1 else order, scale)


def _in_one(order: Order) -> Order:
    """What is left of an order within one register."""
    return Order.BADC if order.bytes_swapped else Order.ABCD


def _address(table: Table, number: int, kind: Kind, order: Order, scale: float, bit: int = 0) -> Address:
    try:
        return Address(table, number, kind, order, bit, scale)
    except AddressError as error:
        raise NotTakenError(f"{error.value}: {error.rule}") from error
