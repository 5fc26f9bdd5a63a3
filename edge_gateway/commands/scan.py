"""`sluicegate scan`: which units answer, and which of their addresses can be read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self

import typer

from connectors.errors import BadReply, DeviceException, LinkDown, NoReply
from connectors.modbus.kinds import Table
from connectors.modbus.outcome import ILLEGAL
from connectors.modbus.plan import Request
from connectors.modbus.protocol import GATEWAY_PATH_UNAVAILABLE, GATEWAY_TARGET_FAILED, ILLEGAL_FUNCTION
from connectors.modbus.scan import Bounds, Found, Outcome, scan_unit
from edge_gateway.commands.modbus_access import Line
from edge_gateway.commands.refusal import Refusal
from edge_gateway.exit_codes import Exit


@dataclass(frozen=True, slots=True)
class ScanWish:
    """What is asked for; see `register.py`."""

    units: tuple[int, ...]
    tables: tuple[Table, ...]
    bounds: Bounds
    as_json: bool

    @classmethod
    def read(
        cls, units: str, tables: tuple[str, ...], last: int, step: int, limit: int, *, as_json: bool
    ) -> Self | Refusal:
        """From the options; a `Refusal` where they cannot be read."""
        wrong = [name for name in tables if name not in list(Table)]
        if wrong:
            return Refusal("--table", f'"{wrong[0]}"', "is no table", f"Use one of {', '.join(Table)}.")
        numbers = _numbers(units)
        if numbers is None:
            return Refusal("--units", f'"{units}"', "must be numbers from 0 to 255", "For example 1-20, or 1,5,255.")
        chosen = tuple(table for table in Table if not tables or table in tables)
        return cls(numbers, chosen, Bounds(last, limit, step), as_json)


async def scan_units(line: Line, wish: ScanWish) -> int:
    """Scan and print, unit by unit.

    Returns:
        An `Exit` code: FAILED if no unit answers.
    """
    units = wish.units if line.place.unit is None else (line.place.unit,)
    answering: dict[int, Found] = {}
    for unit in units:
        found = await _scan_one(line, unit, wish)
        if found.answers:
            answering[unit] = found
            if not wish.as_json:
                _print(unit, found)
    if wish.as_json:
        typer.echo(json.dumps({"units": [_json(unit, found) for unit, found in answering.items()]}, indent=2))
    if not answering:
        typer.echo(f"none of {len(units)} units answers; check the unit ids, or give more --timeout", err=True)
    return Exit.OK if answering else Exit.FAILED


async def _scan_one(line: Line, unit: int, wish: ScanWish) -> Found:
    scan = scan_unit(wish.bounds, wish.tables)
    request = next(scan)
    heard = False
    while True:
        outcome = await _ask(line, unit, request)
        if outcome is Outcome.SILENT and heard:
            outcome = await _ask(line, unit, request)  # one that was there may lose a request; one that is not, cannot
        heard = heard or outcome is not Outcome.SILENT
        try:
            request = scan.send(outcome)
        except StopIteration as end:
            found: Found = end.value
            return found


async def _ask(line: Line, unit: int, request: Request) -> Outcome:
    try:
        await line.read(unit, request.table, request.start, request.count)
    except NoReply:
        if line.place.endpoint.transport != "rtu":  # a gateway may still be busy with it; opening a port resets devices
            line.drop()
        return Outcome.SILENT
    except DeviceException as error:
        if error.code in (GATEWAY_PATH_UNAVAILABLE, GATEWAY_TARGET_FAILED):
            return Outcome.SILENT
        if error.code == ILLEGAL_FUNCTION:
            return Outcome.NO_TABLE
        return Outcome.REFUSED if error.code in ILLEGAL else Outcome.FAILED
    except BadReply:
        return Outcome.FAILED
    except LinkDown:
        return Outcome.SILENT  # some devices hang up on what is not theirs
    return Outcome.READ


def _numbers(text: str) -> tuple[int, ...] | None:
    """Of "1-20" or "1,5,255", each once; None where it is none of these."""
    found: dict[int, None] = {}
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if not (first.isdecimal() and (last.isdecimal() if dash else not last)):
            return None
        found |= dict.fromkeys(range(int(first), min(int(last or first), 256) + 1))
    return tuple(found) if found and max(found) <= 255 else None


def _print(unit: int, found: Found) -> None:
    typer.echo(f"unit {unit}\t{found.requests} requests" + ("" if found.complete else "\tnot complete"))
    for table, ranges in found.ranges.items():
        typer.echo("\t".join([f"  {table.value}", *(f"{first}-{last}" for first, last in ranges)]))
    if not found.ranges:
        typer.echo("  nothing that could be read")
    if not found.complete:
        typer.echo(f"note: unit {unit}: ended by --limit or by silence; there may be more", err=True)


def _json(unit: int, found: Found) -> dict[str, object]:
    return {
        "unit": unit,
        "requests": found.requests,
        "complete": found.complete,
        "ranges": {table.value: [list(ends) for ends in ranges] for table, ranges in found.ranges.items()},
    }
