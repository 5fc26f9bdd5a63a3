"""Values, statuses and times as people and machines read them. Pure.

Names and values come from a device: what is not printable is escaped, so that none of it can command a terminal.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

from connectors.opcua.address import NodeAddress, node_text
from connectors.opcua.nodes import Reading
from connectors.opcua.seam.explain import code_name
from connectors.status import OVERFLOW_BITS

SHOWN = 60  # characters of a value


def printable(text: str) -> str:
    """The text without control characters, on one line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def value_text(value: Any, *, limit: int = SHOWN) -> str:
    """A value on one line, cut to the limit; an array tells its length."""
    if isinstance(value, list):
        few = ", ".join(value_text(item, limit=limit) for item in value[:4])
        return f"[{few}]" if len(value) <= 4 else f"[{few}, ...] ({len(value)})"
    text = _scalar_text(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _scalar_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.7g}"
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, dt.datetime):
        return time_text(value)
    if isinstance(value, NodeAddress):
        return printable(node_text(value))
    return printable(json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value))


def range_text(limits: tuple[float, float] | None) -> str:
    """For example "0 .. 100"."""
    return "" if limits is None else f"{limits[0]:g} .. {limits[1]:g}"


def time_text(time: dt.datetime | None) -> str:
    """ISO 8601 in UTC, in microseconds."""
    return "" if time is None else time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def status_text(code: int) -> str:
    """The standard's name; a queue overflow is told beside it."""
    name = code_name(code & 0xFFFF_0000)  # the low half holds bits of information, not the code
    return f"{name}, queue overflowed" if code & OVERFLOW_BITS == OVERFLOW_BITS else name


def code_text(code: int) -> str:
    """All 32 bits in hexadecimal."""
    return f"0x{code:08X}"


def reading_json(reading: Reading) -> dict[str, Any]:
    """A reading for `json.dumps`."""
    return {
        "value": value_json(reading.value),
        "type": reading.kind,
        "status": {"name": status_text(reading.code), "code": code_text(reading.code)},
        "source_time": time_text(reading.source_time) or None,
        "server_time": time_text(reading.server_time) or None,
    }


def value_json(value: Any) -> Any:
    """A value for `json.dumps`; NaN and infinities as texts, bytes in hexadecimal (JSON knows neither)."""
    if isinstance(value, list | tuple):
        return [value_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dt.datetime):
        return time_text(value)
    return node_text(value) if isinstance(value, NodeAddress) else value
