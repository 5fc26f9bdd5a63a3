"""Values as Telegraf writes them, in the forms of gateway.toml. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from itertools import chain, count
from typing import Any

from edge_gateway.config.names import config_name
from edge_gateway.config.units import duration_text

# Go's time.ParseDuration: a sequence of numbers with units, such as 1m30s
_UNITS = {"ns": "0.001", "us": "1", "µs": "1", "μs": "1", "ms": "1000", "s": "1000000", "m": "60000000"}
_UNITS |= {"h": "3600000000", "d": "86400000000"}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)")


def duration(value: Any) -> timedelta | None:
    """Of "10s", "1m30s", "1.5h", or a number of seconds; None = it is none."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return timedelta(seconds=value)
        if not isinstance(value, str) or re.sub(_PART, "", value.strip()):
            return None
        parts = _PART.findall(value)
        us = sum(Decimal(number) * Decimal(_UNITS[unit]) for number, unit in parts)
        return timedelta(microseconds=int(us)) if parts else None
    except (OverflowError, ValueError):  # longer than anything, or not a number
        return None


def duration_in(value: Any, lowest: timedelta, highest: timedelta) -> str | None:
    """As text, where it is one that the gateway takes."""
    found = duration(value)
    return duration_text(found) if found is not None and lowest <= found <= highest else None


def tables(value: Any) -> list[dict[str, Any]]:
    """A table, or a list of them, as a list."""
    if isinstance(value, dict):
        return [value]
    return [table for table in value if isinstance(table, dict)] if isinstance(value, list) else []


class Given:
    """Names that were given away: no two are the same."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def name(self, *wishes: str) -> str:
        """The first of the wishes that is free, as a name that a configuration takes; else with a number."""
        names = [config_name(wish) for wish in wishes]
        numbered = (f"{names[-1][:58]}-{number}" for number in count(2))
        name = next(name for name in chain(names, numbered) if name not in self._names)
        self._names.add(name)
        return name
