"""`[[inputs.modbus]]` of a telegraf.conf as `[[modbus]]` of ours. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from edge_gateway.config.modbus import ModbusSection
from edge_gateway.config.section import day, minute, ms
from edge_gateway.config.toml_spots import Steps
from edge_gateway.telegraf.durations import Wanted, duration_in, durations_in
from edge_gateway.telegraf.modbus_tags import PLANNING, REGISTER_STYLE, Units
from edge_gateway.telegraf.notes import Fate, Notes
from edge_gateway.telegraf.sieve import count_of, sieved
from edge_gateway.telegraf.values import Given

_OPTIONS = {"name", "controller", "transmission_mode", "configuration_type", "slave_id", "timeout", "interval"}
_SERIAL = {"baud_rate": "baudrate", "parity": "parity", "stop_bits": "stop_bits"}
_REASONS = {
    **dict.fromkeys(("busy_retries", "busy_retries_wait"), "a busy unit is asked again at its next poll"),
    "debug_connection": "`sluicegate peek` shows what a unit answers",
    **dict.fromkeys(("optimization", "optimization_max_register_fill"), PLANNING),
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
_PART = r"[^:/]+|\[[^]]+\]|\$\{[^}]*\}"
_TCP = re.compile(rf"tcp://(?P<host>(?:{_PART})+?)(?::(?P<port>\d+|\$\{{[^}}]*\}}))?/?")


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
    fields = Units(notes, serial=link["transport"] != "tcp")
    fields.take(steps, table, assets.name(name))
    timing, limits = _timing(steps, table, interval, notes), _workarounds(steps, table, notes)
    settings = {"name": links.name(name), **link, **timing, **limits}
    spoken = {*_OPTIONS, *_SERIAL, "data_bits", "workarounds", "request", "metric", *REGISTER_STYLE}
    notes.rest(steps, table, spoken, _REASONS)
    units = [{"unit_id": unit, "tags": tags} for unit, tags in fields.tags.items()]
    whole = {**settings, **units[0]} if len(units) == 1 else {**settings, "units": units}
    made = sieved(ModbusSection, whole, steps, notes) if units else None
    taken = count_of(made)
    notes.add(steps, Fate.TAKEN if taken else Fate.LEFT, f"{taken} of {fields.seen} fields as tags", name)
    return made


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


def _timing(steps: Steps, table: Mapping[str, Any], interval: timedelta, notes: Notes) -> dict[str, Any]:
    every = table.get("interval", interval.total_seconds())
    wanted = {
        "interval": Wanted("poll_interval", every, 10 * ms, day),
        "timeout": Wanted("timeout", table.get("timeout"), 10 * ms, minute),
    }
    return durations_in(steps, wanted, notes)


def _workarounds(steps: Steps, table: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    given = table.get("workarounds")
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
    notes.rest((*steps, "workarounds"), given, taken, _WORKAROUNDS)
    return found
