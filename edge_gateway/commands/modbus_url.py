"""Endpoints of Modbus as the command line spells them, in the words of the configuration. Pure.

| URL | Line |
|---|---|
| `modbus://HOST[:PORT][/UNIT]` | Modbus TCP, port 502 |
| `modbus+udp://HOST[:PORT][/UNIT]` | Modbus over UDP, port 502 |
| `modbus+tls://HOST[:PORT][/UNIT]?ca_file=F&certificate=F&private_key=F` | Modbus/TCP Security, port 802 |
| `modbus+rtu-over-tcp://HOST[:PORT][/UNIT]` | RTU through a transparent gateway, port 502 |
| `modbus+rtu:///dev/ttyUSB0?baudrate=9600&parity=E&stop_bits=1&unit_id=7` | a serial line |

Options stand behind `?` by the names that they have in the configuration; values may be percent-encoded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from connectors.modbus.endpoint import Endpoint, EndpointRejected
from edge_gateway.commands.refusal import Refusal
from edge_gateway.config.modbus_keys import KEYS, in_keys, key_of

_URL = re.compile(r"modbus(?:\+([a-z_-]+))?://([^?#]*)(?:\?([^#]*))?")
_NETWORK = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s/:\[\]]+)(?::(\d{1,5}))?(?:/(\d{1,3}))?/?")
_FILES = ("ca_file", "server_certificate", "certificate", "private_key")
_NUMBERS = ("baudrate", "stop_bits", "unit_id")
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "tcp": ("transaction_id",),
    "udp": (),
    "tls": (*_FILES, "transaction_id"),
    "rtu_over_tcp": (),
    "rtu": ("baudrate", "parity", "stop_bits"),
}
_FIELDS = {key: field for field, key in KEYS.items()}
_LIKE = "Write it like modbus://192.168.0.20:502/1, or modbus+rtu:///dev/ttyUSB0?baudrate=9600."


@dataclass(frozen=True, slots=True)
class Place:
    """Where to ask.

    Attributes:
        endpoint: The line.
        unit: On it; None where the URL names none.
    """

    endpoint: Endpoint
    unit: int | None = None


def place_of(url: str) -> Place:
    """Read a URL.

    Raises:
        Refusal: It cannot be read, or does not make an endpoint; names what is at fault, the rule and the fix.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise Refusal("ENDPOINT", f'"{url}"', "is no endpoint", _LIKE)
    transport = (match[1] or "tcp").replace("-", "_")
    if transport not in _OPTIONS:
        known = ", ".join(f"modbus+{name}".replace("_", "-") for name in _OPTIONS)
        raise Refusal("ENDPOINT", f'"{url}"', f"modbus+{match[1]} is no transport", f"Use modbus, or one of {known}.")
    options = _options(transport, match[3] or "")
    where = unquote(match[2])
    given: dict[str, Any] = {"device": where}
    unit = options.pop("unit_id", None)
    if transport == "rtu":
        if not where.startswith("/"):
            rule, fix = "must be the path of a serial port", "Write it like modbus+rtu:///dev/ttyUSB0, three slashes."
            raise Refusal("ENDPOINT", f'"{url}"', rule, fix)
    else:
        network = _NETWORK.fullmatch(where)
        if network is None:
            raise Refusal("ENDPOINT", f'"{url}"', f'"{where}" is no host', _LIKE)
        given = {"host": network[1].strip("[]"), "port": None if network[2] is None else int(network[2])}
        if network[3] is not None:
            if unit is not None:
                raise Refusal("ENDPOINT", f'"{url}"', "the unit stands twice", "Keep /UNIT or unit_id, not both.")
            unit = int(network[3])
    endpoint = _endpoint(transport, given | options)
    lowest, highest = (1, 247) if endpoint.framing == "rtu" else (0, 255)
    if unit is not None and not lowest <= unit <= highest:
        rule = f"must be {lowest} to {highest} over {transport}"
        raise Refusal("ENDPOINT unit", str(unit), rule, "Use the unit id set on the device.")
    return Place(endpoint, unit)


def _options(transport: str, query: str) -> dict[str, Any]:
    """What stands behind `?`, in the types of the configuration."""
    known = (*_OPTIONS[transport], "unit_id")
    options: dict[str, Any] = {}
    for pair in filter(None, query.split("&")):
        key, _, text = pair.partition("=")
        value = unquote(text)
        if key not in known:
            rule = f"modbus+{transport.replace('_', '-')} has no such option"
            raise Refusal(f"ENDPOINT {key}", value, rule, f"Use {', '.join(known)}.")
        if key in options:
            raise Refusal(f"ENDPOINT {key}", value, "stands more than once", "Remove one of them.")
        if not value:
            raise Refusal(f"ENDPOINT {key}", '""', "has no value", f"Write {key}=VALUE.")
        if key in _NUMBERS and not value.isdecimal():
            raise Refusal(f"ENDPOINT {key}", f'"{value}"', "must be a whole number", f"Write {key}=1, for example.")
        options[key] = int(value) if key in _NUMBERS else Path(value).expanduser() if key in _FILES else value
    return options


def _endpoint(transport: str, given: Mapping[str, Any]) -> Endpoint:
    fields = {_FIELDS.get(key, key): value for key, value in given.items()}
    try:
        return Endpoint(transport=transport, **fields)  # type: ignore[arg-type]  # one of the keys of _OPTIONS
    except EndpointRejected as wrong:
        value = None if wrong.value in ("", None) else str(wrong.value)
        raise Refusal(f"ENDPOINT {key_of(wrong)}", value, in_keys(wrong.rule), in_keys(wrong.fix)) from wrong
