"""Modbus over UDP: one frame a datagram."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import cast

from connectors.errors import EndpointUnreachable
from connectors.modbus.transport import Inbox, Wire


class UdpTransport(Inbox, asyncio.DatagramProtocol):
    """One socket, connected: the kernel lets in nothing but datagrams from the device's own address and port."""

    wire = Wire(datagrams=True)

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio once."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # which Python 3.11 does not tell its class

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - the kernel has compared it
        """Called by asyncio."""
        if data:
            self._put(data)

    def error_received(self, exc: Exception) -> None:
        """Called by asyncio, as where nothing listens at the port. Left to the time-out: it may be there again soon."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio once."""
        self._end(str(exc) if exc else "closed")
        self.closed.set()

    def send(self, data: bytes) -> None:
        """See `Transport`."""
        self._need_open()
        assert self._transport is not None
        self._transport.sendto(data)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


async def open_udp(host: str, port: int, timeout: timedelta, *, label: str) -> UdpTransport:  # noqa: ASYNC109 - of DNS
    """Open a socket to a device. Whether there is one only its first reply shows.

    Args:
        host: Name or address.
        port: 1..65535.
        timeout: For the name look-up.
        label: The endpoint in errors.

    Raises:
        EndpointUnreachable: no such host, or no way to it.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            _, protocol = await loop.create_datagram_endpoint(lambda: UdpTransport(label), remote_addr=(host, port))
    except TimeoutError:
        raise EndpointUnreachable(label, f"no address within {timeout.total_seconds():g} s") from None
    except (OSError, UnicodeError) as exc:
        raise EndpointUnreachable(label, str(exc)) from exc
    return protocol
