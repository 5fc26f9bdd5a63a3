"""Numbers as manuals print them, 40001 for the first holding register: recognised and refused. Pure."""

from __future__ import annotations

import re

from connectors.errors import AddressError
from connectors.modbus.kinds import Table

_LAST = 0x1_0000  # counted from one
_PREFIXES = {"0": Table.COIL, "1": Table.DISCRETE, "3": Table.INPUT, "4": Table.HOLDING}


def manual_table(number: str) -> Table | None:
    """The table that a number in a manual's style points to: a leading digit, then 0001..9999 or 00001..65536."""
    if not re.fullmatch(r"[0134]\d{4,5}", number, re.ASCII) or not 1 <= int(number[1:]) <= _LAST:
        return None
    return _PREFIXES[number[0]]


def refuse_manual_number(text: str, number: str, table: Table | None) -> None:
    """Refuse 40001, 400001 and 4x00001 where they are meant, or can only be meant, as a manual's numbers.

    Five digits of the same table might also be a protocol address; written as 0x9C41 they are taken for one.

    Args:
        text: What is being read, for the message.
        number: The part of it that stands for the address.
        table: The table named before it, None where none is.

    Raises:
        AddressError: it is one; with the address that it most likely means.
    """
    digits = re.sub(r"^([134])[xX]", r"\1", number)
    meant = manual_table(digits)
    if meant is None:
        return
    possible = table is not None and digits == number and int(digits) < _LAST
    if possible and meant is not table:
        return
    fix = f"The zero-based protocol address would be {meant.value}:{int(digits[1:]) - 1}."
    if possible:
        fix += f" If the protocol address {int(digits)} is meant, write it as 0x{int(digits):X}."
    raise AddressError(repr(text), f"{number} looks like a manual's number, which counts from one", fix)
