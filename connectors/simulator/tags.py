"""What the plant measures and how it is served: the tables of its assets, its OPC-UA nodes and its Modbus registers.

The tank is an asset of its own: its level belongs to neither pump, and on both it would be counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.modbus.address import Address, Kind, Order, Table
from connectors.simulator.vibration import SAMPLING_RATE
from connectors.tags import Tag, TagTable

PUMPS = ("pump-1", "pump-2")
TANK = "tank-1"
DEFAULT_PUMP = PUMPS[0]
STEP_S = 0.1  # scalars: ten a second
UNIT_ID = 1
NAMESPACE = "urn:sluicegate:simulator"

_PUMP_TAGS = (
    Tag("flow", "m3/h", STEP_S),
    Tag("head", "m", STEP_S),
    Tag("motor_current", "A", STEP_S),
    Tag("bearing_temperature", "degC", STEP_S),
    Tag("winding_temperature", "degC", STEP_S),
    Tag("valve_position", "%", STEP_S),
    Tag("vibration", "m/s2", 1.0 / SAMPLING_RATE, waveform=True),
)
_TANK_TAGS = (Tag("level", "m", STEP_S), Tag("inflow", "m3/h", STEP_S))

TABLES: dict[str, TagTable] = {
    **{pump: TagTable(pump, _PUMP_TAGS) for pump in PUMPS},
    TANK: TagTable(TANK, _TANK_TAGS),
}
"""The whole table of each asset, whatever protocol its tags come by."""

WAVEFORM = "vibration"


@dataclass(frozen=True, slots=True)
class OpcUaPoint:
    """A tag served over OPC-UA: a Double variable, or a Float array where the tag is a waveform."""

    asset: str
    tag: str
    waveform: bool

    @property
    def identifier(self) -> str:
        """The node's string identifier in the namespace of the plant."""
        return f"{self.asset}.{self.tag}"

    @property
    def node(self) -> str:
        """The node by namespace URI, as a configuration writes it."""
        return f"nsu={NAMESPACE};s={self.identifier}"


@dataclass(frozen=True, slots=True)
class ModbusPoint:
    """A tag served over Modbus."""

    asset: str
    tag: str
    address: Address
    unit: int = UNIT_ID


OPCUA_POINTS: tuple[OpcUaPoint, ...] = tuple(
    OpcUaPoint(pump, name, name == WAVEFORM) for pump in PUMPS for name in ("flow", "head", "motor_current", WAVEFORM)
)


def _of_pump(pump: str, first: int) -> tuple[ModbusPoint, ...]:
    # The input table holds one tag a pump, and 200 registers lie between the pumps: no request joins what can fail
    # alone. Registers between the tags of one pump that no tag uses read as zero; all others are illegal addresses.
    return (
        ModbusPoint(pump, "bearing_temperature", Address(Table.INPUT, first + 8, Kind.INT16, Order.ABCD, scale=0.1)),
        ModbusPoint(pump, "winding_temperature", Address(Table.HOLDING, first, Kind.FLOAT32, Order.CDAB)),
        ModbusPoint(pump, "valve_position", Address(Table.HOLDING, first + 6, Kind.UINT16, Order.ABCD, scale=0.01)),
    )


MODBUS_POINTS: tuple[ModbusPoint, ...] = (
    *_of_pump("pump-1", 100),
    *_of_pump("pump-2", 300),
    ModbusPoint(TANK, "level", Address(Table.HOLDING, 500, Kind.FLOAT32, Order.CDAB)),
    ModbusPoint(TANK, "inflow", Address(Table.HOLDING, 503, Kind.UINT16, Order.ABCD, scale=0.1)),
)
