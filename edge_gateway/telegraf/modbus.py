"""`[[inputs.modbus]]` of a telegraf.conf as `[[modbus]]` of ours. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connectors.modbus.address import Address
from connectors.modbus.kinds import Table
from edge_gateway.config.section import day, minute, ms
from edge_gateway.config.toml_spots import Steps
from edge_gateway.telegraf.modbus_field import NotTakenError, of_other_styles, of_register_style
from edge_gateway.telegraf.notes import Fate, Notes
from edge_gateway.telegraf.values import Given, duration_in, tables

_REGISTER_STYLE = {
    "coils": Table.COIL,
    "discrete_inputs": Table.DISCRETE,
    "input_registers": Table.INPUT,
    "holding_registers": Table.HOLDING,
}
_OPTIONS = {"name", "controller", "transmission_mode", "configuration_type", "slave_id", "timeout", "interval"}
_SERIAL = {"baud_rate": "baudrate", "parity": "parity", "stop_bits": "stop_bits"}
_REASONS = {
    **dict.fromkeys(("busy_retries", "busy_retries_wait"), "a busy unit is asked again at its next poll"),
    "debug_connection": "`sluicegate peek` shows what a unit answers",
    "optimization": "the gateway plans its requests over all tags of a unit: `sluicegate plan`",
    "optimization_max_register_fill": "as optimization; see merge_gap",
    "rs485": "set it at the serial port of this machine, for example with `setserial` or in its device tree",
    "exclude_register_type_tag": "tags of InfluxDB have no like here",
}
_WORKAROUNDS = {
    "pause_after_connect": "there is no pause after a connect",
    "close_connection_after_gather": "the gateway keeps its connections",
    "read_coils_starting_at_zero": "reads begin at the first tag; add one at coil 0 to begin there",
    "one_request_per_field": "tags side by side share a request; merge_gap = 0 reads nothing else",
    "string_register_location": "strings are not taken",
}
_FIELD_REASONS = {
    "output": "all values are float64; a fraction that Telegraf cuts off is kept",
    "measurement": "the name of a measurement has no like here",
}
_FIELD = {
    "name",
    "address",
    "register",
    "type",
    "data_type",
    "byte_order",
    "scale",
    "bit",
    "output",
    "measurement",
    "omit",
}
_PART = r"[^:/]+|\[[^]]+\]|\$\{[^}]*\}"
_TCP = re.compile(rf"tcp://(?P<host>(?:{_PART})+?)(?::(?P<port>\d+|\$\{{[^}}]*\}}))?/?")


@dataclass(slots=True)
class _Line:
    """One `[[modbus]]` in the making."""

    steps: Steps
    table: Mapping[str, Any]
    notes: Notes
    serial: bool
    units: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    names: dict[str, Given] = field(default_factory=dict)
    taken: int = 0
    seen: int = 0


def modbus_line(
    steps: Steps, table: Mapping[str, Any], interval: timedelta, links: Given, assets: Given, notes: Notes
) -> dict[str, Any] | None:
    """One line, None = nothing of it can be taken.

    Args:
        steps: Of the input.
        table: It.
        interval: Of the agent.
        links: Names of links so far.
        assets: Names of assets so far.
        notes: What became of it is added here.
    """
    name = str(table.get("name") or "modbus")
    link = _link(steps, table, notes)
    if link is None:
        return None
    line = _Line(steps, table, notes, link["transport"] != "tcp")
    device = assets.name(name)
    for unit, key, at, entry, found in _fields(line):
        asset = f"{device[:58]}-{unit}" if _slaves(table) > 1 else device
        _take(line, unit, asset, key, at, entry, found)
    notes.add(steps, Fate.TAKEN if line.taken else Fate.LEFT, f"{line.taken} of {line.seen} fields as tags", name)
    if not line.taken:
        return None
    settings = {"name": links.name(name), **link, **_timing(line, interval), **_workarounds(line)}
    notes.rest(
        steps, table, {*_OPTIONS, *_SERIAL, "data_bits", "workarounds", "request", "metric", *_REGISTER_STYLE}, _REASONS
    )
    units = [{"unit_id": unit, "tags": tags} for unit, tags in line.units.items()]
    return {**settings, **units[0]} if len(units) == 1 else {**settings, "units": units}


def _link(steps: Steps, table: Mapping[str, Any], notes: Notes) -> dict[str, Any] | None:
    controller, mode = str(table.get("controller", "")), str(table.get("transmission_mode") or "auto").lower()
    if mode.startswith("ascii"):
        notes.add((*steps, "transmission_mode"), Fate.LEFT, "Modbus ASCII is not spoken; all of the input is left out")
        return None
    if match := _TCP.fullmatch(controller):
        transport, port = "rtu_over_tcp" if mode == "rtuovertcp" else "tcp", match["port"]
        told = {} if port in (None, "502") else {"port": int(port) if port.isdigit() else port}
        return {"transport": transport, "host": match["host"].strip("[]"), **told}
    device = controller.removeprefix("file://")
    if not device or "://" in device:
        notes.add(
            (*steps, "controller"), Fate.LEFT, "is neither tcp:// nor a serial port; all of the input is left out"
        )
        return None
    if table.get("data_bits", 8) != 8:
        notes.add((*steps, "data_bits"), Fate.LEFT, "RTU has 8 data bits; all of the input is left out")
        return None
    serial = {ours: table[theirs] for theirs, ours in _SERIAL.items() if theirs in table}
    return {"transport": "rtu", "device": device, **serial}


def _timing(line: _Line, interval: timedelta) -> dict[str, Any]:
    timing: dict[str, Any] = {}
    for key, ours, default, lowest, highest in (
        ("interval", "poll_interval", interval, 10 * ms, day),
        ("timeout", "timeout", None, 10 * ms, minute),
    ):
        value = line.table.get(key, default)
        text = duration_in(value if not isinstance(value, timedelta) else value.total_seconds(), lowest, highest)
        if text is not None:
            timing[ours] = text
        elif value is not None:
            line.notes.add((*line.steps, key), Fate.LEFT, f"is no duration that {ours} takes")
    return timing


def _workarounds(line: _Line) -> dict[str, Any]:
    given = line.table.get("workarounds")
    if not isinstance(given, dict):
        return {}
    found: dict[str, Any] = {}
    if (pause := duration_in(given.get("pause_between_requests"), timedelta(0), minute)) is not None:
        found["pause"] = pause
    for key, ours, most in (
        ("max_bit_registers_per_request", "max_bits", 2000),
        ("max_word_registers_per_request", "max_registers", 125),
    ):
        if isinstance(given.get(key), int) and 1 <= given[key] <= most:
            found[ours] = given[key]
    if given.get("one_request_per_field"):
        found["merge_gap"] = 0
    taken = {"pause_between_requests", "max_bit_registers_per_request", "max_word_registers_per_request"}
    line.notes.rest((*line.steps, "workarounds"), given, taken, _WORKAROUNDS)
    return found


def _slaves(table: Mapping[str, Any]) -> int:
    style = str(table.get("configuration_type") or "register")
    return len({one.get("slave_id", 0) for one in tables(table.get(style))}) if style != "register" else 1


_Field = tuple[int, str, Steps, Mapping[str, Any], Address | NotTakenError | None]


def _fields(line: _Line) -> Iterator[_Field]:
    """Unit, measurement, path, table and address of every field of the style in use; None = it is omitted there too."""
    style = str(line.table.get("configuration_type") or "register")
    keys = {"register": [*_REGISTER_STYLE], "request": ["request"], "metric": ["metric"]}
    for other in {*_REGISTER_STYLE, "request", "metric"} - set(keys.get(style, [])):
        if other in line.table:
            line.notes.add((*line.steps, other), Fate.LEFT, f"Telegraf does not read it in style {style!r}")
    if style == "register":
        unit = line.table.get("slave_id", 0)
        for key, table in _REGISTER_STYLE.items():
            for number, entry in enumerate(tables(line.table.get(key))):
                yield (
                    unit,
                    key,
                    (*line.steps, key, number),
                    entry,
                    _try(lambda t=table, e=entry: of_register_style(t, e)),
                )
        return
    for number, block in enumerate(tables(line.table.get(style))):
        at = (*line.steps, style, number)
        line.notes.rest(at, block, {"slave_id", "byte_order", "register", "fields"}, {**_REASONS, **_FIELD_REASONS})
        for place, entry in enumerate(tables(block.get("fields"))):
            wanted = {"register": block.get("register", "holding"), **entry}
            unit = block.get("slave_id", 0)
            found = None if entry.get("omit") else _try(lambda w=wanted, b=block: _other(w, b.get("byte_order", "")))
            yield unit, str(block.get("measurement") or style), (*at, "fields", place), entry, found


def _other(field: Mapping[str, Any], order: object) -> Address:
    if field["register"] not in list(Table):
        msg = f"register {field['register']!r} is not known"
        raise NotTakenError(msg)
    return of_other_styles(Table(field["register"]), field, order)


def _try(work: Any) -> Address | NotTakenError:
    try:
        address: Address = work()
    except NotTakenError as error:
        return error
    return address


def _take(
    line: _Line,
    unit: Any,
    asset: str,
    group: str,
    at: Steps,
    entry: Mapping[str, Any],
    found: Address | NotTakenError | None,
) -> None:
    name = str(entry.get("name", ""))
    line.seen += 1
    if found is None:
        line.seen -= 1
        line.notes.add(at, Fate.LEFT, "omitted there too; the gateway plans its requests itself", name)
        return
    if why := _unfit(line, unit, name, found):
        line.notes.add(at, Fate.LEFT, why, name)
        return
    assert isinstance(found, Address)
    line.notes.rest(at, entry, _FIELD, {})
    given = line.names.setdefault(asset, Given())
    tag = given.name(name, f"{entry.get('measurement') or group}.{name}")
    if tag != name:
        line.notes.add(at, Fate.CHANGED, f"tag {tag!r}: the name was taken, or is none of ours", name)
    if entry.get("output") in ("INT64", "UINT64") and found.scale != 1:
        line.notes.add((*at, "output"), Fate.CHANGED, _FIELD_REASONS["output"], name)
    line.units.setdefault(unit, []).append({"asset": asset, "tag": tag, "address": str(found)})
    line.taken += 1


def _unfit(line: _Line, unit: Any, name: str, found: Address | NotTakenError) -> str:
    """Why a field cannot be taken, "" = it can."""
    if isinstance(found, NotTakenError):
        return str(found)
    if not name:
        return "it has no name"
    if type(unit) is not int or not 0 <= unit <= 255:
        return f"slave_id {unit!r} is no number from 0 to 255"
    return (
        "slave_id 0 means all units of a serial line, and none answers" if line.serial and not 1 <= unit <= 247 else ""
    )
