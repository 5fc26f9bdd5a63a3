"""What the Modbus driver obeys. The gateway's configuration builds these; refusals name field, value, rule and fix."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from connectors.modbus.address import Address, Table
from connectors.modbus.plan import Limits
from connectors.modbus.protocol import MAX_BITS, MAX_REGISTERS

MIN_POLL_INTERVAL = timedelta(milliseconds=10)


@dataclass(frozen=True, slots=True)
class ModbusTag:
    """Which register feeds which tag.

    Attributes:
        asset: Name of an asset.
        tag: Name of a tag of that asset's table.
        address: Where it lives.
    """

    asset: str
    tag: str
    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusSettings:
    """One unit behind one Modbus TCP endpoint.

    Attributes:
        name: Unique in the gateway.
        host: Name or address.
        port: 1..65535; 502 is registered for Modbus TCP.
        unit_id: 0..255. Behind a gateway the unit's own; devices that speak TCP themselves mostly take 1, 0 or 255.
        poll_interval: At least 10 ms; polls are due at whole multiples of it after the start.
        connect_timeout: For name look-up and TCP connect together.
        timeout: For one request, from sending it to its complete reply.
        attempts: How often a request is sent before its values are bad, at least 1. Another attempt only begins while
            the next poll is not yet due.
        pause: Least time between the end of one exchange and the next request.
        max_registers: Per request, 1..125.
        max_bits: Per request, 1..2,000.
        merge_gap: Most unwanted registers or bits that are read through to save a request; 0 = none.
        reconnect_min: First delay of the back-off.
        reconnect_max: Its cap.
        tags: At least one; no tag twice.
    """

    name: str
    host: str
    port: int = 502
    unit_id: int = 1
    poll_interval: timedelta = timedelta(seconds=1)
    connect_timeout: timedelta = timedelta(seconds=3)
    timeout: timedelta = timedelta(seconds=1)
    attempts: int = 2
    pause: timedelta = timedelta(0)
    max_registers: int = MAX_REGISTERS
    max_bits: int = MAX_BITS
    merge_gap: int = 50
    reconnect_min: timedelta = timedelta(milliseconds=250)
    reconnect_max: timedelta = timedelta(seconds=15)
    tags: tuple[ModbusTag, ...]

    def __post_init__(self) -> None:
        self._need(bool(self.name), "name", "must not be empty", "Give the endpoint a name.")
        self._need(bool(self.host), "host", "must not be empty", "Give a host name or address.")
        self._need(0 < self.port <= 65_535, "port", "must be 1..65535", "Modbus TCP devices listen on 502.")
        self._need(0 <= self.unit_id <= 255, "unit_id", "must be 0..255", "Use the unit id set on the device.")
        self._need(
            self.poll_interval >= MIN_POLL_INTERVAL, "poll_interval", "must be at least 10 ms", "Poll less often."
        )
        for field in ("connect_timeout", "timeout"):
            self._need(getattr(self, field) > timedelta(0), field, "must be above 0", "1 s suits most devices.")
        self._need(self.attempts >= 1, "attempts", "must be at least 1", "Use 1 to never ask twice.")
        self._need(self.pause >= timedelta(0), "pause", "must not be negative", "Use 0 for no pause.")
        self._need(
            1 <= self.max_registers <= MAX_REGISTERS, "max_registers", "must be 1..125", "Use the device's limit."
        )
        self._need(1 <= self.max_bits <= MAX_BITS, "max_bits", "must be 1..2000", "Use the device's limit.")
        self._need(self.merge_gap >= 0, "merge_gap", "must not be negative", "Use 0 to read nothing unwanted.")
        self._need(
            timedelta(0) < self.reconnect_min <= self.reconnect_max,
            "reconnect_min",
            f"must be above 0 and not above reconnect_max = {self.reconnect_max}",
            "Lower it or raise reconnect_max.",
        )
        self._check_tags()

    @property
    def endpoint(self) -> str:
        """For logs and errors."""
        return f"{self.host}:{self.port}"

    @property
    def limits(self) -> Limits:
        """What the planner keeps to."""
        return Limits(self.max_registers, self.max_bits, self.merge_gap)

    def _need(self, holds: bool, field: str, rule: str, fix: str) -> None:  # noqa: FBT001 - reads like assert
        if not holds:
            msg = f"modbus {self.name!r}: {field} = {getattr(self, field)}: {rule}. {fix}"
            raise ValueError(msg)

    def _check_tags(self) -> None:
        if not self.tags:
            msg = f"modbus {self.name!r}: tags is empty: there is nothing to poll. Add a tag or remove the endpoint."
            raise ValueError(msg)
        seen: set[tuple[str, str]] = set()
        for tag in self.tags:
            where = f"modbus {self.name!r}: tag {tag.asset}/{tag.tag}"
            if (tag.asset, tag.tag) in seen:
                msg = f"{where}: stands more than once; a tag has one address. Remove the others."
                raise ValueError(msg)
            seen.add((tag.asset, tag.tag))
            width = tag.address.kind.width
            if width > self.limits.span(Table.HOLDING) and not tag.address.table.of_bits:
                msg = (
                    f"{where}: {tag.address.kind.value} takes {width} registers, max_registers = {self.max_registers}: "
                    "a value is never split. Raise max_registers or read a narrower kind."
                )
                raise ValueError(msg)
