"""The plant's Modbus TCP server. The only file of the project that knows pymodbus.

The registers live here and are copied into pymodbus when a client asks: its simulator calls an action before every
reply, and what the action puts into the registers is what is sent. So a step of the plant costs nothing on the wire's
side, and a reply never mixes two steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from connectors import status
from connectors.modbus.address import MAX_ADDRESS, Table
from connectors.simulator import registers
from connectors.simulator.scenery import Scenery
from connectors.simulator.station import Readings
from connectors.simulator.tags import ModbusPoint

HOST = "127.0.0.1"
_TABLE_OF_READ = {3: Table.HOLDING, 4: Table.INPUT}  # function codes (Modbus Application Protocol V1.1b3, 6)


class PlantModbusServer:
    """Serves the Modbus points of a scenery, read-only. Use as an asynchronous context manager."""

    def __init__(self, scenery: Scenery, port: int) -> None:
        """Nothing is opened yet.

        Args:
            scenery: What is served.
            port: Of loopback; 0 = any free one.
        """
        self._scenery = scenery
        self._wanted = port
        self._image: dict[tuple[int, Table, int], int] = {}  # by unit, table and register
        self._failed: set[tuple[int, Table, int]] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._server.transport.sockets[0].getsockname()[1]
        return port

    async def __aenter__(self) -> PlantModbusServer:
        """Listen.

        Raises:
            RuntimeError: The port is taken.
        """
        # Four separate tables, as old devices have them; pymodbus wants something in each, so bit 0 is there too.
        bits = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
        units: dict[int, list[ModbusPoint]] = {}
        for point in self._scenery.modbus:
            units.setdefault(point.unit, []).append(point)
        devices = [
            SimDevice(
                unit,
                simdata=(bits, bits, _layout(points, Table.HOLDING), _layout(points, Table.INPUT)),
                action=partial(self._before_reply, unit),
            )
            for unit, points in units.items()
        ]
        self._server = ModbusTcpServer(devices, address=(HOST, self._wanted))
        await self._server.serve_forever(background=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.shutdown()

    def publish(self, readings: Readings) -> None:
        """Take the newest step over into the registers. A tag without a value keeps its registers and fails reads."""
        if not len(readings.times):
            return
        for point in self._scenery.modbus:
            j = self._scenery.tables[point.asset].index(point.tag)
            registers_of = range(point.address.register, point.address.end)
            span = [(point.unit, point.address.table, register) for register in registers_of]
            if readings.codes[point.asset][-1, j] != status.GOOD:
                self._failed.update(span)
                continue
            self._failed.difference_update(span)
            words = registers.encode(point.address, float(readings.values[point.asset][-1, j]))
            self._image.update(zip(span, words, strict=True))

    async def _before_reply(
        self,
        unit: int,
        function: int,
        first: int,
        address: int,
        count: int,
        current: list[int],
        new: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Called by pymodbus for every request that lies within the registers; signature as it prescribes."""
        if new is not None:
            return ExcCodes.ILLEGAL_FUNCTION
        table = _TABLE_OF_READ.get(function)
        if table is None:
            return None
        for register in range(address, address + count):
            if (unit, table, register) in self._failed:
                return ExcCodes.DEVICE_FAILURE
            current[register - first] = self._image.get((unit, table, register), 0)
        return None


def _layout(points: Sequence[ModbusPoint], table: Table) -> list[SimData]:
    """One run of registers per hundred, from its first tag to its last; outside, pymodbus answers exception 2."""
    runs: dict[int, list[int]] = {}
    for address in (point.address for point in points if point.address.table is table):
        runs.setdefault(address.register // 100, []).extend((address.register, address.end))
    if not runs:
        return [SimData(MAX_ADDRESS, values=0, datatype=DataType.REGISTERS)]  # pymodbus wants something in each
    return [
        SimData(min(run), count=max(run) - min(run), values=0, datatype=DataType.REGISTERS) for run in runs.values()
    ]
