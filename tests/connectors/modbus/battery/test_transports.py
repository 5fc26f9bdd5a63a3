"""What is particular to each transport, and D6 on all of them: no request but the four reads ever leaves."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ssl
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import BadReply, DeviceException, EndpointUnreachable, LinkDown, NoReply
from connectors.modbus.address import Table
from connectors.modbus.endpoint import Endpoint, connect
from connectors.modbus.master import Master
from connectors.modbus.rtu import crc16

pytestmark = [pytest.mark.integration, pytest.mark.faults]

MS = dt.timedelta(milliseconds=1)


async def master_of(endpoint: Endpoint, counts: Counter[str] | None = None) -> Master:
    transport = await connect(endpoint, dt.timedelta(seconds=2))
    return Master(
        transport,
        Counter() if counts is None else counts,
        timeout=80 * MS,
        pause=0 * MS,
        monotonic=time.monotonic_ns,
        framing=endpoint.framing,
        transaction_id=endpoint.transaction_id,
    )


def answer(request: bytes, *, transaction: int | None = None) -> bytes:
    """Every register holds its address."""
    own, _, _, unit, function, start, count = struct.unpack(">HHHBBHH", request)
    pdu = struct.pack(f">BB{count}H", function, 2 * count, *range(start, start + count))
    return struct.pack(">HHHB", own if transaction is None else transaction, 0, len(pdu) + 1, unit) + pdu


# D6


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


# Serial


def test_a_serial_line_is_silent_before_it_is_asked_again(device: Any) -> None:
    """Two time-outs of 80 ms: nothing is sent in the silence after the first one, and none is taken for an answer."""
    times: list[float] = []

    async def mute_once(asked: Any, line: Any) -> None:
        times.append(time.monotonic())
        if asked.number > 1:
            line.write(asked.answer())

    async def main() -> None:
        async with device("rtu", mute_once) as fake:
            master = await master_of(fake.endpoint)
            began = time.monotonic()
            with pytest.raises(NoReply):
                await master.read(7, Table.HOLDING, 0, 2)
            await master.read(7, Table.HOLDING, 0, 2)
            master.abort()
            assert times[0] - began >= 0.08, "a new line is listened to first"
            assert times[1] - times[0] >= 0.16, "the time-out, and as long again"

    asyncio.run(main())


def test_a_serial_line_that_is_never_silent_is_not_asked_and_not_waited_on_for_ever(device: Any) -> None:
    lines: list[Any] = []

    async def mute(asked: Any, line: Any) -> None:
        lines.append(line)

    async def babble() -> None:
        while True:
            lines[0].write(b"\x55")
            await asyncio.sleep(0.02)

    async def main() -> None:
        async with device("rtu", mute) as fake:
            master = await master_of(fake.endpoint)
            with pytest.raises(NoReply):
                await master.read(7, Table.HOLDING, 0, 2)
            babbling = asyncio.create_task(babble())
            with pytest.raises(BadReply, match="nobody asked for"):
                await asyncio.wait_for(master.read(7, Table.HOLDING, 0, 2), 2)
            babbling.cancel()
            assert len(fake.asked) == 1
            assert not master.ended
            master.abort()

    asyncio.run(main())


def test_a_port_that_is_in_use_is_refused(device: Any) -> None:
    async def main() -> None:
        async with device("rtu") as fake:
            first = await connect(fake.endpoint, 100 * MS)
            with pytest.raises(EndpointUnreachable):
                await connect(fake.endpoint, 100 * MS)
            first.abort()
            (await connect(fake.endpoint, 100 * MS)).abort()

    asyncio.run(main())


# UDP


@contextlib.asynccontextmanager
async def udp_server(replies: Callable[[bytes], list[bytes]]) -> AsyncIterator[Endpoint]:
    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            for reply in replies(data):
                self.transport.sendto(reply, addr)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    try:
        yield Endpoint(transport="udp", host="127.0.0.1", port=transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


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


# TLS


@contextlib.asynccontextmanager
async def tls_server(folder: Path, reply: Callable[[bytes], bytes], name: str = "device") -> AsyncIterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "authority.pem")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                writer.write(reply(await reader.readexactly(12)))
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def tls_endpoint(folder: Path, port: int, *, own: str = "gateway", key: str = "", **trust: str) -> Endpoint:
    given = {field: folder / f"{name}.pem" for field, name in (trust or {"ca_file": "authority"}).items()}
    files = {"cert_file": folder / f"{own}.pem", "key_file": folder / f"{key or own}.key"}
    return Endpoint(transport="tls", host="127.0.0.1", port=port, **files, **given)


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
