"""Sections of the units on a Modbus line, and of their tags."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import InstanceOf, WithJsonSchema, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from connectors.errors import AddressError
from connectors.modbus.address import Address, parse
from connectors.modbus.address_table import parse_table
from edge_gateway.config.modbus_shared import (
    ATTEMPTS,
    MAX_BITS,
    MAX_REGISTERS,
    MERGE_GAP,
    POLL_INTERVAL,
    TIMEOUT,
)
from edge_gateway.config.section import NAME_FIX, Name, Section, Whole, day, ms, option
from edge_gateway.config.units import Duration, FilePath

_NUMBER = {"type": "number"}
_TABLE = {  # what editors know of the form as a table; `parse_table` says the rest
    "type": "object",
    "properties": {
        "address": {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 0, "maximum": 65535}]},
        "table": {"enum": ["coil", "discrete", "input", "holding"]},
        "kind": {"type": "string"},
        "order": {"type": "string"},
        "bit": {"type": "integer"},
        "bits": {"type": "string"},
        "length": {"type": "integer"},
        "scale": _NUMBER,
        "offset": _NUMBER,
        "valid_min": _NUMBER,
        "valid_max": _NUMBER,
        "invalid": {"anyOf": [_NUMBER, {"type": "array", "items": _NUMBER}]},
        "texts": {"type": "object", "additionalProperties": _NUMBER},
        "counter": {"anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 1}]},
    },
    "required": ["address"],
    "additionalProperties": False,
}


def parsed(address: str | dict[str, Any] | Address) -> Address:
    """What an address says, in any of its forms; those of a register map are addresses already.

    Raises:
        AddressError: names the part at fault, the rule and the fix.
    """
    if isinstance(address, Address):
        return address
    return parse(address) if isinstance(address, str) else parse_table(address)


class ModbusTagSection(Section):
    """One value in the registers."""

    asset: Name = option(description="Machine the tag belongs to.", fix=NAME_FIX, example="pump-1")
    tag: Name = option(
        description="Name of the tag, unique within its asset.", fix=NAME_FIX, example="winding_temperature"
    )
    address: str | Annotated[dict[str, Any], WithJsonSchema(_TABLE)] | SkipJsonSchema[InstanceOf[Address]] = option(
        description="table:register:kind[:order][*scale][+offset], zero-based, or the same as a table, which knows "
        "valid ranges, texts and counters as well; see connectors/modbus/README.md.",
        fix="For example 'holding:100:float32:CDAB' or 'input:8:int16*0.1'.",
        example="holding:100:float32:CDAB",
    )
    unit: str = option("", description="Engineering unit of the value after scaling.")
    poll_interval: Duration | None = option(
        None,
        description="Time between two polls of this tag. Left out = as its unit. 10ms to 1d.",
        fix="10ms to 1d.",
        ge=10 * ms,
        le=day,
        example="10s",
    )

    @field_validator("address")
    @classmethod
    def _address(cls, value: str | dict[str, Any] | Address) -> str | dict[str, Any] | Address:
        try:
            parsed(value)
        except AddressError as error:
            key = "" if isinstance(value, str) else f"{error.value}: "
            msg = f"{key}{error.rule}. {error.fix}"
            raise ValueError(msg) from error
        return value


class ModbusUnitSection(Section):
    """One of several units on a line. What is left out is as the line has it."""

    unit_id: Whole = option(
        description="Address of the unit. 0 to 255, on a serial line 1 to 247.",
        fix="Use the unit id set on the device.",
        example=2,
        ge=0,
        le=255,
    )
    poll_interval: Duration | None = POLL_INTERVAL.of_unit()
    timeout: Duration | None = TIMEOUT.of_unit()
    attempts: Whole | None = ATTEMPTS.of_unit()
    max_registers: Whole | None = MAX_REGISTERS.of_unit()
    max_bits: Whole | None = MAX_BITS.of_unit()
    merge_gap: Whole | None = MERGE_GAP.of_unit()
    map: FilePath | None = option(
        None,
        description="Register map, .csv or .toml, that many units of one kind share; its tags belong to `asset`.",
        fix="See connectors/modbus/README.md for its columns.",
        example="maps/energy-meter.csv",
    )
    asset: Name | None = option(
        None, description="Machine that the tags of the map belong to.", fix=NAME_FIX, example="meter-2"
    )
    tags: tuple[ModbusTagSection, ...] = option(
        (), description="What to read, beside what the map says.", fix="List tags under [[modbus.units.tags]]."
    )

    @model_validator(mode="after")
    def _something(self) -> ModbusUnitSection:
        if (self.map is None) != (self.asset is None):
            msg = "map and asset go together: the tags of the map are those of the asset"
            raise ValueError(msg)
        if not self.tags:
            msg = "there is nothing to read: name a map, or list tags under [[modbus.units.tags]]"
            raise ValueError(msg)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class FullUnit:
    """A unit with nothing left out."""

    unit_id: int
    poll_interval: timedelta
    timeout: timedelta
    attempts: int
    max_registers: int
    max_bits: int
    merge_gap: int
    tags: tuple[ModbusTagSection, ...]
