"""What is particular to datagrams."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from typing import Any

import pytest

from connectors.errors import BadReply, NoReply
from connectors.modbus.address import Table
from connectors.modbus.endpoint import Endpoint
from tests.connectors.modbus.battery.servers import answer, master_of, udp_server

pytestmark = [pytest.mark.integration, pytest.mark.faults]


def test_a_lost_datagram_is_no_reply_and_late_or_doubled_ones_are_left_out() -> None:
    asked: list[bytes] = []
    counts: Counter[str] = Counter()

    def replies(request: bytes) -> list[bytes]:
        asked.append(request)
        if len(asked) == 1:
            return []
        good = answer(request)
        return [answer(asked[0]), b"\x00", good[:-1], good, good]

    async def main() -> None:
        async with udp_server(replies) as endpoint:
            master = await master_of(endpoint, counts)
            with pytest.raises(NoReply):
                await master.read(7, Table.HOLDING, 5, 2)
            for start in (8, 11):
                reply = await master.read(7, Table.HOLDING, start, 2)
                assert reply.payload == struct.pack(">HH", start, start + 1)
            assert not master.ended
            master.abort()

    asyncio.run(main())
    assert counts["late_replies"] >= 2


def test_a_datagram_that_is_not_the_answer_is_bad_and_keeps_the_socket() -> None:
    async def main() -> None:
        async with udp_server(lambda request: [answer(request[:7] + b"\x04" + request[8:])]) as endpoint:
            master = await master_of(endpoint)
            with pytest.raises(BadReply):
                await master.read(7, Table.HOLDING, 5, 2)
            assert not master.ended
            master.abort()

    asyncio.run(main())


def test_a_datagram_with_more_than_a_frame_is_left_out() -> None:
    async def main() -> None:
        async with udp_server(lambda request: [answer(request) + b"\x00"]) as endpoint:
            master = await master_of(endpoint)
            with pytest.raises(NoReply):
                await master.read(7, Table.HOLDING, 5, 2)
            master.abort()

    asyncio.run(main())


def test_a_datagram_of_somebody_else_is_not_heard() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        other, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
        sent_to: list[int] = []

        class Device(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                sent_to.append(addr[1])
                other.sendto(answer(data), addr)

        device, _ = await loop.create_datagram_endpoint(Device, local_addr=("127.0.0.1", 0))
        port = device.get_extra_info("sockname")[1]
        master = await master_of(Endpoint(transport="udp", host="127.0.0.1", port=port))
        with pytest.raises(NoReply):
            await master.read(7, Table.HOLDING, 5, 2)
        assert sent_to
        for transport in (other, device):
            transport.close()
        master.abort()

    asyncio.run(main())
