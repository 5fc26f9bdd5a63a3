"""What a plant serves and what makes its values: the pump station, a press, or energy meters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from connectors.simulator import meters, press, tags
from connectors.simulator.faults import FaultBoard
from connectors.simulator.meters import Meters
from connectors.simulator.press import Press
from connectors.simulator.station import Readings, Station
from connectors.tags import TagTable


class Machine(Protocol):
    """Advances in ticks of 50 ms; scalars at every second of them, a waveform at every fifth."""

    @property
    def board(self) -> FaultBoard | None:
        """Where faults are put on it; None = it has none."""
        ...

    @property
    def next_step_time(self) -> int:
        """When the next scalars come, ns since the epoch."""
        ...

    def advance(self, ticks: int) -> Readings:
        """Let time pass; what the sensors said."""
        ...


@dataclass(frozen=True, slots=True)
class Scenery:
    """A plant that can be served.

    Attributes:
        name: What one asks for.
        meaning: For people.
        opcua: Served over OPC-UA; none = there is no such server.
        modbus: Served over Modbus TCP; none = there is no such server.
        tables: Of every asset.
        make: Sets it in motion, given the seed and the time in ns.
    """

    name: str
    meaning: str
    opcua: tuple[tags.OpcUaPoint, ...]
    modbus: tuple[tags.ModbusPoint, ...]
    tables: Mapping[str, TagTable]
    make: Callable[[int, int], Machine]


PUMP = Scenery(
    "pump", "two pumps and a tank, OPC-UA and Modbus", tags.OPCUA_POINTS, tags.MODBUS_POINTS, tags.TABLES, Station
)
PRESS = Scenery("press", "a stamping press, OPC-UA, force at 1,000 Hz", press.POINTS, (), press.TABLES, Press)
METERS = Scenery("meters", "three energy meters behind one Modbus gateway", (), meters.POINTS, meters.TABLES, Meters)
SCENERIES = {scenery.name: scenery for scenery in (PUMP, PRESS, METERS)}
