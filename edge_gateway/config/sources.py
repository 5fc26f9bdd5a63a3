"""Sections of the links to Modbus units."""

from __future__ import annotations

from datetime import timedelta

from pydantic import field_validator

from connectors.errors import AddressError
from connectors.modbus.address import parse
from edge_gateway.config.section import NAME_FIX, Name, Section, Whole, minute, ms, option, s
from edge_gateway.config.units import Duration


class ModbusTagSection(Section):
    """One value in the registers."""

    asset: Name = option(description="Machine the tag belongs to.", fix=NAME_FIX, example="pump-1")
    tag: Name = option(
        description="Name of the tag, unique within its asset.", fix=NAME_FIX, example="winding_temperature"
    )
    address: str = option(
        description="table:register:kind[:order][*scale][+offset], zero-based, see connectors/modbus/README.md.",
        fix="For example 'holding:100:float32:CDAB' or 'input:8:int16*0.1'.",
        example="holding:100:float32:CDAB",
    )
    unit: str = option("", description="Engineering unit of the value after scaling.")

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            parse(value)
        except AddressError as error:
            msg = f"{error.rule}. {error.fix}"
            raise ValueError(msg) from error
        return value


class ModbusSection(Section):
    """One Modbus unit behind one TCP endpoint."""

    name: Name = option(description="Name of this link in logs and metrics.", fix=NAME_FIX, example="press-line")
    host: str = option(description="Host name or address.", fix="Name the host.", min_length=1, example="192.168.0.20")
    port: Whole = option(
        502, description="TCP port. 1 to 65535.", fix="502 unless the device says otherwise.", ge=1, le=65535
    )
    unit_id: Whole = option(
        1,
        description="Address of the unit behind the endpoint. 0 to 255.",
        fix="Use the unit id set on the device; 1 or 255 where it has none.",
        ge=0,
        le=255,
    )
    poll_interval: Duration = option(
        1 * s, description="Time between two polls of all tags.", fix="10ms to 1h.", ge=10 * ms, le=60 * minute
    )
    connect_timeout: Duration = option(
        3 * s, description="Time-out of a connect.", fix="100ms to 60s.", ge=100 * ms, le=minute
    )
    timeout: Duration = option(1 * s, description="Time-out of a request.", fix="10ms to 60s.", ge=10 * ms, le=minute)
    attempts: Whole = option(
        2,
        description="How often a request is sent before its values are bad. 1 to 10.",
        fix="2 repeats a lost reply once.",
        ge=1,
        le=10,
    )
    pause: Duration = option(
        timedelta(0),
        description="Least time between the end of one exchange and the next request.",
        fix="20ms to 100ms for slow gateways, 0ms for all others.",
        ge=timedelta(0),
        le=minute,
    )
    max_registers: Whole = option(
        125,
        description="Registers in one request. 1 to 125.",
        fix="125 unless the manual of the device says less.",
        ge=1,
        le=125,
    )
    max_bits: Whole = option(
        2000,
        description="Coils or discrete inputs in one request. 1 to 2000.",
        fix="2000 unless the manual of the device says less.",
        ge=1,
        le=2000,
    )
    merge_gap: Whole = option(
        50,
        description="Registers or bits nobody asked for that are read through to save a request. 0 to 1000.",
        fix="0 for devices that misbehave on unused addresses.",
        ge=0,
        le=1000,
    )
    tags: tuple[ModbusTagSection, ...] = option(
        description="What to read.", fix="List at least one tag under [[modbus.tags]].", min_length=1
    )
