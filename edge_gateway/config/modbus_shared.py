"""Options that a Modbus line sets for all its units, and each unit for itself: written once, used in both sections."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from edge_gateway.config.section import day, minute, ms, option, s


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedOption:
    """One of them.

    Attributes:
        default: Of the line; a unit's own is to be as its line.
        example: Of a unit.
        description: As for `option`.
        fix: As for `option`.
        lowest: In range.
        highest: In range.
    """

    default: int | timedelta
    example: int | str
    description: str
    fix: str
    lowest: int | timedelta
    highest: int | timedelta

    def of_line(self) -> Any:
        """The field of a line's section."""
        return self._option(self.default, None)

    def of_unit(self) -> Any:
        """The field of a unit's section, of a type that may be None."""
        return self._option(None, self.example)

    def _option(self, default: object, example: object) -> Any:
        return option(
            default, description=self.description, fix=self.fix, example=example, ge=self.lowest, le=self.highest
        )


POLL_INTERVAL = SharedOption(
    default=1 * s,
    example="1s",
    description="Time between two polls. 10ms to 1d.",
    fix="10ms to 1d.",
    lowest=10 * ms,
    highest=day,
)
TIMEOUT = SharedOption(
    default=1 * s,
    example="200ms",
    description="Time-out of a request.",
    fix="10ms to 60s.",
    lowest=10 * ms,
    highest=minute,
)
ATTEMPTS = SharedOption(
    default=2,
    example=2,
    description="How often a request is sent before its values are bad. 1 to 10.",
    fix="2 repeats a lost reply once.",
    lowest=1,
    highest=10,
)
MAX_REGISTERS = SharedOption(
    default=125,
    example=64,
    description="Registers in one request. 1 to 125.",
    fix="125 unless the manual of the device says less.",
    lowest=1,
    highest=125,
)
MAX_BITS = SharedOption(
    default=2000,
    example=512,
    description="Coils or discrete inputs in one request. 1 to 2000.",
    fix="2000 unless the manual of the device says less.",
    lowest=1,
    highest=2000,
)
MERGE_GAP = SharedOption(
    default=50,
    example=0,
    description="Registers or bits nobody asked for that are read through to save a request. 0 to 1000.",
    fix="0 for devices that misbehave on unused addresses.",
    lowest=0,
    highest=1000,
)

SHARED = ("poll_interval", "timeout", "attempts", "max_registers", "max_bits", "merge_gap")
"""Their names."""
