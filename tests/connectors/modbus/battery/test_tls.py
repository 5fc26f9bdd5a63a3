"""What is particular to TLS."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psutil
import pytest

from connectors.errors import BadReply, EndpointUnreachable, LinkDown
from connectors.modbus.address import Table
from connectors.modbus.endpoint import connect
from tests.connectors.modbus.battery.servers import MS, answer, master_of, tls_endpoint, tls_server

pytestmark = [pytest.mark.integration, pytest.mark.faults]


@pytest.mark.parametrize("trust", [{"ca_file": "authority"}, {"pinned_cert": "device"}])
def test_tls_reads_from_a_device_that_proves_who_it_is(trust: Any, certificates: Path) -> None:
    async def main() -> None:
        async with tls_server(certificates, answer) as port:
            master = await master_of(tls_endpoint(certificates, port, **trust))
            assert (await master.read(7, Table.HOLDING, 5, 1)).payload == b"\x00\x05"
            master.abort()

    asyncio.run(main())


@pytest.mark.parametrize(
    "changes",
    [
        {"ca_file": "stranger"},
        {"pinned_cert": "stranger"},
        {"pinned_cert": "authority"},  # has signed the device's certificate, but is not it
        {"ca_file": "authority", "key": "gateway.locked"},
        {"ca_file": "authority", "key": "stranger"},
    ],
)
def test_tls_sends_nothing_where_something_is_wrong(changes: Any, certificates: Path) -> None:
    seen: list[bytes] = []

    async def main() -> None:
        async with tls_server(certificates, lambda data: seen.append(data) or answer(data)) as port:
            with pytest.raises(EndpointUnreachable):
                await master_of(tls_endpoint(certificates, port, **changes))

    asyncio.run(main())
    assert seen == []


def test_tls_does_not_fall_back_to_plain(device: Any, certificates: Path) -> None:
    async def main() -> None:
        async with device("tcp") as fake:
            with pytest.raises(EndpointUnreachable):
                await connect(tls_endpoint(certificates, fake.endpoint.port), 300 * MS)
            assert not any(asked.adu[7] in (1, 2, 3, 4) for asked in fake.asked if asked.adu[2:4] == b"\x00\x00")

    asyncio.run(main())


def test_tls_a_gateway_that_the_device_does_not_know_gets_nothing(certificates: Path) -> None:
    async def main() -> None:
        async with tls_server(certificates, answer) as port:
            with pytest.raises(LinkDown):
                await (await master_of(tls_endpoint(certificates, port, own="stranger"))).read(7, Table.HOLDING, 5, 1)

    asyncio.run(main())


def test_tls_an_ended_connection_is_closed_before_it_says_so(certificates: Path) -> None:
    """Some devices accept one connection only."""

    async def main() -> None:
        async with tls_server(certificates, lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
            for _ in range(5):
                master = await master_of(tls_endpoint(certificates, port))
                with pytest.raises(BadReply):
                    await master.read(7, Table.HOLDING, 5, 1)
                await master.closed.wait()
                held = [c for c in psutil.Process().net_connections("tcp") if c.raddr and c.raddr.port == port]
                assert held == []

    asyncio.run(main())
