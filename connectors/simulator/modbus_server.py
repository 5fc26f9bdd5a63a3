"""The plant's Modbus TCP server. The only file of the project that knows pymodbus.

The registers live here and are copied into pymodbus when a client asks: its simulator calls an action before every
reply, and what the action puts into the registers is what is sent. So a step of the plant costs nothing on the wire's
side, and a reply never mixes two steps.
"""

from __future__ import annotations

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from connectors import status
from connectors.modbus.address import Table
from connectors.simulator import registers, tags
from connectors.simulator.station import Readings

HOST = "127.0.0.1"
_TABLE_OF_READ = {3: Table.HOLDING, 4: Table.INPUT}  # function codes (Modbus Application Protocol V1.1b3, 6)


class PlantModbusServer:
    """Serves `tags.MODBUS_POINTS` as unit 1, read-only. Use as an asynchronous context manager."""

    def __init__(self, port: int) -> None:
        """Nothing is opened yet.

        Args:
            port: Of loopback; 0 = any free one.
        """
        self._wanted = port
        self._image: dict[Table, dict[int, int]] = {Table.HOLDING: {}, Table.INPUT: {}}
        self._failed: set[tuple[Table, int]] = set()

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
        device = SimDevice(
            tags.UNIT_ID,
            simdata=(bits, bits, _layout(Table.HOLDING), _layout(Table.INPUT)),
            action=self._before_reply,
        )
        self._server = ModbusTcpServer(device, address=(HOST, self._wanted))
        await self._server.serve_forever(background=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.shutdown()

    def publish(self, readings: Readings) -> None:
        """Take the newest step over into the registers. A tag without a value keeps its registers and fails reads."""
        if not len(readings.times):
            return
        for point in tags.MODBUS_POINTS:
            j = tags.TABLES[point.asset].index(point.tag)
            table, span = point.address.table, range(point.address.register, point.address.end)
            if readings.codes[point.asset][-1, j] != status.GOOD:
                self._failed.update((table, register) for register in span)
                continue
            self._failed.difference_update((table, register) for register in span)
            words = registers.encode(point.address, float(readings.values[point.asset][-1, j]))
            self._image[table].update(zip(span, words, strict=True))

    async def _before_reply(
        self,
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
            if (table, register) in self._failed:
                return ExcCodes.DEVICE_FAILURE
            current[register - first] = self._image[table].get(register, 0)
        return None


def _layout(table: Table) -> list[SimData]:
    """One run of registers per hundred, from its first tag to its last; outside, pymodbus answers exception 2."""
    runs: dict[int, list[int]] = {}
    for address in (point.address for point in tags.MODBUS_POINTS if point.address.table is table):
        runs.setdefault(address.register // 100, []).extend((address.register, address.end))
    return [
        SimData(min(run), count=max(run) - min(run), values=0, datatype=DataType.REGISTERS) for run in runs.values()
    ]
