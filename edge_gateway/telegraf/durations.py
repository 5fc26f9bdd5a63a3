"""Durations as Telegraf writes them, in the form of gateway.toml. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from edge_gateway.config.toml_spots import Steps
from edge_gateway.config.units import duration_text
from edge_gateway.telegraf.notes import Fate, Notes

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


class Wanted(NamedTuple):
    """A duration that an option of ours is made of.

    Attributes:
        ours: Name of the option.
        value: As Telegraf has it; None = it has none.
        lowest: What the option takes.
        highest: What the option takes.
    """

    ours: str
    value: Any
    lowest: timedelta
    highest: timedelta


def durations_in(steps: Steps, wanted: Mapping[str, Wanted], notes: Notes) -> dict[str, str]:
    """Options of ours from options of a table at `steps`, by their names there; what cannot be taken is told."""
    found: dict[str, str] = {}
    for key, (ours, value, lowest, highest) in wanted.items():
        text = duration_in(value, lowest, highest)
        if text is not None:
            found[ours] = text
        elif value is not None:
            limits = f"{duration_text(lowest)} to {duration_text(highest)}"
            notes.add((*steps, key), Fate.LEFT, f"is no duration from {limits}, as {ours} takes it")
    return found
