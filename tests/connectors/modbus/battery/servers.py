"""Servers over UDP and TLS, and a master for any endpoint."""

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

from connectors.modbus.endpoint import Endpoint, connect
from connectors.modbus.master import Master

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
