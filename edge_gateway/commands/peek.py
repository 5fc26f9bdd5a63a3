"""`sluicegate peek`: registers as every kind and byte order, side by side."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any, Self

import typer

from connectors.modbus.kinds import Kind, Table
from connectors.modbus.peek import Reading, readings
from connectors.modbus.protocol import MAX_BITS, MAX_REGISTERS
from edge_gateway.commands.modbus_access import Line
from edge_gateway.commands.refusal import Refusal
from edge_gateway.exit_codes import Exit

HEAD = ("", "address", "value", "text")
_STRETCH = re.compile(r"(coil|discrete|input|holding):(\d{1,5})(?:-(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class PeekWish:
    """What is asked for; see `register.py`."""

    table: Table
    start: int
    count: int
    show_all: bool
    as_json: bool

    @classmethod
    def read(cls, addresses: str, show_all: bool, as_json: bool) -> Self | Refusal:  # noqa: FBT001 - from the command
        """From the options; a `Refusal` where they cannot be read."""
        match = _STRETCH.fullmatch(addresses.replace(" ", ""))
        if match is None:
            fix = "Write it like holding:0-9; tables are coil, discrete, input, holding."
            return Refusal("TABLE:FIRST-LAST", f'"{addresses}"', "names no addresses", fix)
        table, first, last = Table(match[1]), int(match[2]), int(match[3] or match[2])
        most = MAX_BITS if table.of_bits else MAX_REGISTERS
        if not first <= last <= 65_535 or last - first >= most:
            rule = f"must be 1 to {most} addresses up to 65535, the lower one first"
            return Refusal("TABLE:FIRST-LAST", f'"{addresses}"', rule, "Protocol addresses count from 0.")
        return cls(table, first, last - first + 1, show_all, as_json)


async def peek_registers(line: Line, wish: PeekWish) -> int:
    """Read once and print."""
    unit = 1 if line.place.unit is None else line.place.unit
    reply = await line.read(unit, wish.table, wish.start, wish.count)
    found = [
        item for item in readings(wish.table, wish.start, reply.payload) if item.register < wish.start + wish.count
    ]
    if wish.as_json:
        typer.echo(json.dumps([_json(item, wish.table) for item in found], indent=2))
        return Exit.OK
    typer.echo("\t".join(HEAD))
    for item in found:
        if wish.show_all or item.plausible or item.kind in (Kind.BOOL, Kind.UINT16, Kind.INT16):
            typer.echo("\t".join(_row(item, wish.table)))
    return Exit.OK


def _row(item: Reading, table: Table) -> tuple[str, ...]:
    return "*" if item.plausible else "", _address(item, table), f"{item.value:.7g}", item.text


def _address(item: Reading, table: Table) -> str:
    return f"{table.value}:{item.register}" if table.of_bits else item.address(table)


def _json(item: Reading, table: Table) -> dict[str, Any]:
    return {
        "address": _address(item, table),
        "value": item.value if math.isfinite(item.value) else str(item.value),  # JSON knows no NaN
        "plausible": item.plausible,
        "text": item.text,
    }
