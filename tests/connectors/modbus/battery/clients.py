"""The two masters of the comparison, each connected anew whenever its link is gone."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta
from typing import Any, Protocol

from connectors.errors import EndpointUnreachable, LinkDown, ModbusError
from connectors.modbus.address import Table
from connectors.modbus.endpoint import Endpoint, connect
from connectors.modbus.master import Master

TIMEOUT_S = 0.12
UNIT = 7
COUNT = 10


class Client(Protocol):
    async def read(self, address: int) -> list[int] | None:
        """Ten registers, None for any error."""
        ...

    def close(self) -> None: ...


class Ours:
    """Our master, connected anew whenever the link is gone."""

    def __init__(self, endpoint: Endpoint, transaction_id: Any = "strict") -> None:
        self._endpoint = endpoint
        self._transaction_id = transaction_id
        self._master: Master | None = None
        self.counts: Counter[str] = Counter()

    async def read(self, address: int) -> list[int] | None:
        try:
            if self._master is not None and self._master.ended:
                await self._master.closed.wait()
                self._master = None
            if self._master is None:
                self._master = Master(
                    await connect(self._endpoint, timedelta(seconds=1)),
                    self.counts,
                    timeout=timedelta(seconds=TIMEOUT_S),
                    pause=timedelta(0),
                    monotonic=time.monotonic_ns,
                    framing=self._endpoint.framing,
                    transaction_id=self._transaction_id,
                )
            reply = await self._master.read(UNIT, Table.HOLDING, address, COUNT)
        except (ModbusError, LinkDown, EndpointUnreachable):
            return None
        return [int.from_bytes(reply.payload[i : i + 2], "big") for i in range(0, len(reply.payload), 2)]

    def close(self) -> None:
        if self._master is not None:
            self._master.abort()


class Pymodbus:
    """pymodbus with the settings that suit it best here: no repetitions of its own, connected anew when needed."""

    def __init__(self, endpoint: Endpoint) -> None:
        from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
        from pymodbus.framer import FramerType

        framer = FramerType.RTU if endpoint.framing == "rtu" else FramerType.SOCKET
        options: Any = {"framer": framer, "timeout": TIMEOUT_S, "retries": 0, "reconnect_delay": 0}
        if endpoint.transport == "rtu":
            serial = {"baudrate": endpoint.baudrate, "parity": endpoint.parity}
            self._client: Any = AsyncModbusSerialClient(endpoint.device, **serial, **options)
        else:
            self._client = AsyncModbusTcpClient(endpoint.host, port=endpoint.port, **options)

    async def read(self, address: int) -> list[int] | None:
        from pymodbus.exceptions import ModbusException

        try:
            if not self._client.connected:
                await self._client.connect()
            reply = await self._client.read_holding_registers(address, count=COUNT, device_id=UNIT)
        except ModbusException:
            return None
        return None if reply.isError() else list(reply.registers)

    def close(self) -> None:
        self._client.close()
