"""D6 on all transports: no request but the four reads ever leaves."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from connectors.errors import BadReply, DeviceException, NoReply
from connectors.modbus.address import Table
from connectors.modbus.endpoint import Endpoint
from connectors.modbus.rtu import crc16
from tests.connectors.modbus.battery.servers import answer, master_of, tls_endpoint, tls_server, udp_server

pytestmark = [pytest.mark.integration, pytest.mark.faults]


@pytest.mark.parametrize("medium", ["tcp", "rtu_over_tcp", "rtu", "udp", "tls"])
def test_d6_only_the_four_reads_are_sent(medium: str, device: Any, certificates: Any) -> None:
    seen: list[bytes] = []

    async def busy(asked: Any, line: Any) -> None:
        if asked.number % 5:
            line.write(asked.exception(6))

    async def read_all(endpoint: Endpoint) -> None:
        master = None
        for i in range(12):
            if master is None or master.ended:
                master = await master_of(endpoint)
            with contextlib.suppress(DeviceException, NoReply, BadReply):
                await master.read(7, list(Table)[i % 4], i, i + 1)
        assert master is not None
        master.abort()

    async def main() -> None:
        if medium == "udp":
            async with udp_server(lambda data: seen.append(data) or []) as endpoint:
                await read_all(endpoint)
        elif medium == "tls":
            async with tls_server(certificates, lambda data: seen.append(data) or answer(data)) as port:
                await read_all(tls_endpoint(certificates, port))
        else:
            async with device(medium, busy) as fake:
                await read_all(fake.endpoint)
            seen.extend(asked.adu for asked in fake.asked)

    asyncio.run(main())
    assert len(seen) == 12
    rtu = medium in ("rtu", "rtu_over_tcp")
    assert {len(adu) for adu in seen} == {8 if rtu else 12}
    assert {adu[1 if rtu else 7] for adu in seen} == {1, 2, 3, 4}
    assert not rtu or {crc16(adu) for adu in seen} == {0}
