"""What the Modbus driver obeys. The gateway's configuration builds these; refusals name field, value, rule and fix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from connectors.modbus.address import Address, Table
from connectors.modbus.endpoint import Endpoint
from connectors.modbus.plan import Limits
from connectors.modbus.protocol import MAX_BITS, MAX_REGISTERS

_T = TypeVar("_T")

MIN_POLL_INTERVAL = timedelta(milliseconds=10)


@dataclass(frozen=True, slots=True)
class ModbusTag:
    """Which register feeds which tag.

    Attributes:
        asset: Name of an asset.
        tag: Name of a tag of that asset's table.
        address: Where it lives.
        poll_interval: At least 10 ms; None = that of the unit.
    """

    asset: str
    tag: str
    address: Address
    poll_interval: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusUnit:
    """One unit on a line.

    Attributes:
        unit_id: 0..255. Behind a gateway the unit's own; devices that speak TCP themselves mostly take 1, 0 or 255.
        poll_interval: At least 10 ms; polls are due at whole multiples of it after the start.
        timeout: For one request, from sending it to its complete reply.
        attempts: How often a request is sent before its values are bad, at least 1. Another attempt only begins while
            the next poll is not yet due.
        max_registers: Per request, 1..125.
        max_bits: Per request, 1..2,000.
        merge_gap: Most unwanted registers or bits that are read through to save a request; 0 = none.
        tags: At least one.
    """

    unit_id: int = 1
    poll_interval: timedelta = timedelta(seconds=1)
    timeout: timedelta = timedelta(seconds=1)
    attempts: int = 2
    max_registers: int = MAX_REGISTERS
    max_bits: int = MAX_BITS
    merge_gap: int = 50
    tags: tuple[ModbusTag, ...]

    def __post_init__(self) -> None:
        where = f"unit {self.unit_id}"
        _need(0 <= self.unit_id <= 255, where, self, "unit_id", "must be 0..255", "Use the unit id set on the device.")
        intervals = [self.poll_interval, *(tag.poll_interval for tag in self.tags if tag.poll_interval is not None)]
        short = min(intervals) < MIN_POLL_INTERVAL
        _need(not short, where, self, "poll_interval", "must be at least 10 ms, also of each tag", "Poll less often.")
        _need(self.timeout > timedelta(0), where, self, "timeout", "must be above 0", "1 s suits most devices.")
        _need(self.attempts >= 1, where, self, "attempts", "must be at least 1", "Use 1 to never ask twice.")
        limit = 1 <= self.max_registers <= MAX_REGISTERS
        _need(limit, where, self, "max_registers", "must be 1..125", "Use the device's limit.")
        limit = 1 <= self.max_bits <= MAX_BITS
        _need(limit, where, self, "max_bits", "must be 1..2000", "Use the device's limit.")
        _need(self.merge_gap >= 0, where, self, "merge_gap", "must not be negative", "Use 0 to read nothing unwanted.")
        if not self.tags:
            msg = f"{where}: tags is empty: there is nothing to poll. Add a tag or remove the unit."
            raise ValueError(msg)
        for tag in self.tags:
            width = tag.address.end - tag.address.register
            if width > self.limits.span(Table.HOLDING) and not tag.address.table.of_bits:
                msg = (
                    f"{where}: tag {tag.asset}/{tag.tag}: {tag.address.kind.value} takes {width} registers, "
                    f"max_registers = {self.max_registers}: a value is never split. "
                    "Raise max_registers or read a narrower kind."
                )
                raise ValueError(msg)

    @property
    def limits(self) -> Limits:
        """What the planner keeps to."""
        return Limits(self.max_registers, self.max_bits, self.merge_gap)

    def groups(self) -> Iterator[tuple[timedelta, tuple[ModbusTag, ...]]]:
        """Tags that are polled together, the shortest interval first."""
        for interval in sorted({tag.poll_interval or self.poll_interval for tag in self.tags}):
            yield interval, tuple(tag for tag in self.tags if (tag.poll_interval or self.poll_interval) == interval)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusSettings:
    """One line: a connection or a serial bus, and the units that share it.

    Attributes:
        name: Unique in the gateway.
        endpoint: Where the line is and what is spoken there.
        connect_timeout: For name look-up and connect together.
        pause: Least time between the end of one exchange and the next request.
        reconnect_min: First delay of the back-off.
        reconnect_max: Its cap.
        quarantine_min: A unit that does not answer is left alone for so long, then ever longer.
        quarantine_max: Longest such time; longer still where a single probe takes more than a tenth of it.
        units: At least one; no unit id twice, no tag twice.
    """

    name: str
    endpoint: Endpoint
    connect_timeout: timedelta = timedelta(seconds=3)
    pause: timedelta = timedelta(0)
    reconnect_min: timedelta = timedelta(milliseconds=250)
    reconnect_max: timedelta = timedelta(seconds=15)
    quarantine_min: timedelta = timedelta(seconds=1)
    quarantine_max: timedelta = timedelta(seconds=60)
    units: tuple[ModbusUnit, ...]

    def __post_init__(self) -> None:
        where = f"modbus {self.name!r}"
        _need(bool(self.name), where, self, "name", "must not be empty", "Give the line a name.")
        wait = self.connect_timeout > timedelta(0)
        _need(wait, where, self, "connect_timeout", "must be above 0", "3 s suits most devices.")
        _need(self.pause >= timedelta(0), where, self, "pause", "must not be negative", "Use 0 for no pause.")
        for first, last in (("reconnect_min", "reconnect_max"), ("quarantine_min", "quarantine_max")):
            rule = f"must be above 0 and not above {last} = {getattr(self, last)}"
            fits = timedelta(0) < getattr(self, first) <= getattr(self, last)
            _need(fits, where, self, first, rule, f"Lower it or raise {last}.")
        if not self.units:
            msg = f"{where}: units is empty: there is nothing to poll. Add a unit or remove the line."
            raise ValueError(msg)
        for unit in _repeated([unit.unit_id for unit in self.units]):
            msg = f"{where}: unit {unit}: stands more than once. Put all its tags under one."
            raise ValueError(msg)
        for asset, tag in _repeated([(tag.asset, tag.tag) for tag in self.tags]):
            msg = f"{where}: tag {asset}/{tag}: stands more than once; a tag has one address. Remove the others."
            raise ValueError(msg)
        if self.endpoint.framing == "rtu" and any(unit.unit_id == 0 for unit in self.units):
            msg = f"{where}: unit_id = 0: is for all units of a serial line, and none answers. Use 1 to 247."
            raise ValueError(msg)

    @property
    def tags(self) -> tuple[ModbusTag, ...]:
        """Of all units."""
        return tuple(tag for unit in self.units for tag in unit.tags)


def _repeated(values: Sequence[_T]) -> list[_T]:
    return [value for value, times in Counter(values).items() if times > 1]


def _need(holds: bool, where: str, of: object, field: str, rule: str, fix: str) -> None:  # noqa: FBT001 - like assert
    if not holds:
        msg = f"{where}: {field} = {getattr(of, field)}: {rule}. {fix}"
        raise ValueError(msg)
