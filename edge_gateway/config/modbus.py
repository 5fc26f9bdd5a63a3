"""Section of a Modbus line: a connection or a serial bus, and the units that share it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from pydantic import model_validator

from connectors.modbus.endpoint import Endpoint, EndpointRejected
from edge_gateway.config.modbus_keys import in_keys, key_of
from edge_gateway.config.modbus_shared import (
    ATTEMPTS,
    MAX_BITS,
    MAX_REGISTERS,
    MERGE_GAP,
    POLL_INTERVAL,
    SHARED,
    TIMEOUT,
)
from edge_gateway.config.modbus_unit import FullUnit, ModbusTagSection, ModbusUnitSection
from edge_gateway.config.section import NAME_FIX, Name, Section, StopBits, Whole, day, minute, ms, option, s
from edge_gateway.config.units import Duration, FilePath


class ModbusSection(Section):
    """One Modbus line. What stands here holds for all its units; `tags` are those of the unit `unit_id`."""

    name: Name = option(description="Name of this line in logs and metrics.", fix=NAME_FIX, example="press-line")
    transport: Literal["tcp", "rtu", "rtu_over_tcp", "udp", "tls"] = option(
        "tcp",
        description="How the line is reached: tcp, tls and udp with the frames of Modbus TCP, rtu on a serial line, "
        "rtu_over_tcp with serial frames through a converter.",
        fix="One of tcp, rtu, rtu_over_tcp, udp, tls.",
    )
    host: str = option(
        "",
        description="Host name or address; for all but rtu.",
        fix="Name the host.",
        example="192.168.0.20",
        shown=True,
    )
    port: Whole | None = option(
        None,
        description="1 to 65535. Left out = 502, for tls 802.",
        fix="Leave it out unless the device says otherwise.",
        ge=1,
        le=65535,
        example=502,
    )
    device: str = option("", description="Serial port; for rtu.", fix="Name the serial port.", example="/dev/ttyUSB0")
    baudrate: Whole = option(
        19200, description="Bits a second; for rtu.", fix="As set on all devices of the line.", ge=300, le=4_000_000
    )
    parity: Literal["N", "E", "O"] = option(
        "E", description="None, even or odd; for rtu.", fix="As set on all devices of the line; E is the standard's."
    )
    stop_bits: StopBits = option(
        1, description="For rtu. 1 or 2.", fix="1 with parity, 2 without, unless the devices say otherwise."
    )
    ca_file: FilePath | None = option(
        None, description="Authorities that vouch for the device's certificate; for tls.", example="plant-ca.pem"
    )
    server_certificate: FilePath | None = option(
        None, description="The one certificate that the device must show, instead of ca_file.", example="plc.pem"
    )
    certificate: FilePath | None = option(
        None, description="Own certificate; for tls.", fix="PEM.", example="gateway.pem"
    )
    private_key: FilePath | None = option(None, description="Its key; for tls.", fix="PEM.", example="gateway.key")
    connect_timeout: Duration = option(
        3 * s, description="Time-out of a connect.", fix="100ms to 60s.", ge=100 * ms, le=minute
    )
    pause: Duration = option(
        timedelta(0),
        description="Least time between the end of one exchange and the next request.",
        fix="20ms to 100ms for slow gateways, 0ms for all others.",
        ge=timedelta(0),
        le=minute,
    )
    transaction_id: Literal["strict", "ignore"] = option(
        "strict",
        description="Whether a reply must carry the number of its request. ignore is for devices that answer with 0; "
        "the connection is then made anew after every time-out.",
        fix="strict, unless the log complains of transaction ids at every read.",
    )
    quarantine: Duration = option(
        minute,
        description="A unit that does not answer is asked ever less often, down to once in this time. 1s to 1d.",
        fix="1min lets a unit of ten that is dead cost the others next to nothing.",
        ge=s,
        le=day,
    )
    unit_id: Whole = option(
        1,
        description="Unit of the tags under [[modbus.tags]]. 0 to 255, on a serial line 1 to 247.",
        fix="Use the unit id set on the device; 1 or 255 where it has none.",
        ge=0,
        le=255,
    )
    poll_interval: Duration = POLL_INTERVAL.of_line()
    timeout: Duration = TIMEOUT.of_line()
    attempts: Whole = ATTEMPTS.of_line()
    max_registers: Whole = MAX_REGISTERS.of_line()
    max_bits: Whole = MAX_BITS.of_line()
    merge_gap: Whole = MERGE_GAP.of_line()
    tags: tuple[ModbusTagSection, ...] = option((), description="What to read of unit `unit_id`.", shown=True)
    units: tuple[ModbusUnitSection, ...] = option((), description="Further units on the same line.")

    @model_validator(mode="after")
    def _fits(self) -> ModbusSection:
        if not self.tags and not self.units:
            msg = "there is nothing to read: list tags under [[modbus.tags]] or units under [[modbus.units]]"
            raise ValueError(msg)
        ids = [unit.unit_id for unit in self.units] + ([self.unit_id] if self.tags else [])
        if twice := sorted({unit for unit in ids if ids.count(unit) > 1}):
            msg = f"unit {twice[0]} stands more than once on this line: put all its tags under one"
            raise ValueError(msg)
        try:
            endpoint = self.endpoint()
        except EndpointRejected as wrong:
            raise ValueError(_told(wrong)) from wrong
        if endpoint.framing == "rtu" and 0 in ids:
            msg = "unit_id = 0: means all units of a serial line, and none answers. Use 1 to 247"
            raise ValueError(msg)
        return self

    def endpoint(self) -> Endpoint:
        """Where the line is.

        Raises:
            ValueError: What is given does not fit the transport.
        """
        return Endpoint(
            transport=self.transport,
            host=self.host,
            port=self.port,
            device=self.device,
            baudrate=self.baudrate,
            parity=self.parity,
            stopbits=self.stop_bits,
            ca_file=self.ca_file,
            pinned_cert=self.server_certificate,
            cert_file=self.certificate,
            key_file=self.private_key,
            transaction_id=self.transaction_id,
        )

    def all_units(self) -> Iterator[FullUnit]:
        """Every unit, with the values of the line where it has none of its own."""
        shared = {name: getattr(self, name) for name in SHARED}
        if self.tags:
            yield FullUnit(unit_id=self.unit_id, tags=self.tags, **shared)
        for unit in self.units:
            own = {name: value for name in SHARED if (value := getattr(unit, name)) is not None}
            yield FullUnit(unit_id=unit.unit_id, tags=unit.tags, **{**shared, **own})


def _told(wrong: EndpointRejected) -> str:
    """The refusal in the words of the configuration."""
    key = key_of(wrong)
    text = key if wrong.value in ("", None) else f"{key} = {wrong.value}"
    return f"{text}: {in_keys(f'{wrong.rule}. {wrong.fix}')}"
