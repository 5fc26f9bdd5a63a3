"""Bytes over TCP, with TLS or without."""

from __future__ import annotations

import asyncio
import ssl
from datetime import timedelta

from connectors.errors import EndpointUnreachable
from connectors.modbus.transport import Inbox

_BUFFER_SIZE = 4096  # bytes; a frame has at most 260


class StreamTransport(Inbox, asyncio.BufferedProtocol):
    """One TCP connection, with TLS or without.

    Its buffer is its own: for an `asyncio.Protocol` asyncio allocates 256 KiB at every receive, which where the
    allocator hands such blocks back to the system costs more than all the rest of a read.
    """

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint)
        self._transport: asyncio.Transport | None = None
        self._buffer = memoryview(bytearray(_BUFFER_SIZE))  # a view: asyncio's TLS fills slices of it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio once."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - however much has come, more calls follow
        """Called by asyncio."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Called by asyncio."""
        self._put(self._buffer[:nbytes].tobytes())

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio once, also when the device closes or resets."""
        self._end(str(exc) if exc else "closed by the device")
        self.closed.set()  # asyncio closes the socket before anybody who waits for this runs

    def send(self, data: bytes) -> None:
        """See `Transport`. A request is 12 bytes and the next one waits for its reply: no flow control is needed."""
        self._need_open()
        assert self._transport is not None
        self._transport.write(data)

    def peer_certificate(self) -> bytes | None:
        """The certificate the device has shown, in DER; None without TLS."""
        assert self._transport is not None
        tls = self._transport.get_extra_info("ssl_object")
        return tls.getpeercert(binary_form=True) if tls is not None else None

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.abort()  # which closes the socket a little later, and then calls `connection_lost`


async def connect_tcp(
    host: str,
    port: int,
    timeout: timedelta,  # noqa: ASYNC109 - bounds DNS as well
    *,
    label: str = "",
    tls: ssl.SSLContext | None = None,
) -> StreamTransport:
    """Open a TCP connection.

    Args:
        host: Name or address.
        port: 1..65535.
        timeout: For name look-up, connect and the handshake of TLS together.
        label: The endpoint in errors; host and port by default.
        tls: Of the connection; plain without.

    Raises:
        EndpointUnreachable: refused, unreachable, no such host, not open in time, or not the right certificate.
    """
    endpoint = label or f"{host}:{port}"
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            _, protocol = await loop.create_connection(lambda: StreamTransport(endpoint), host, port, ssl=tls)
    except TimeoutError:
        raise EndpointUnreachable(endpoint, f"no connection within {timeout.total_seconds():g} s") from None
    except (OSError, UnicodeError) as exc:  # UnicodeError: a host name that cannot be one; TLS errors are OSErrors
        raise EndpointUnreachable(endpoint, str(exc)) from exc
    return protocol
