"""Bytes to and from a device, knowing nothing of Modbus. A serial line, UDP or TLS joins here, beside TCP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Protocol

from connectors.errors import EndpointUnreachable, LinkDown

MAX_UNREAD = 64 * 1024  # bytes; an honest device has at most a frame or two (260 bytes each) under way


class Transport(Protocol):
    """One open connection. Used by one master only, one call at a time."""

    @property
    def closed(self) -> asyncio.Event:
        """Set once the connection is gone, whoever ended it."""
        ...

    def send(self, data: bytes) -> None:
        """Hand over bytes. Raises `LinkDown`."""
        ...

    async def receive(self) -> bytes:
        """The bytes that have come since the last call, at least one. Cancelling it loses none. Raises `LinkDown`."""
        ...

    def abort(self) -> None:
        """End the connection at once, without goodbye. May be called twice."""
        ...


Connect = Callable[[], Awaitable[Transport]]
"""Opens a connection, or raises `EndpointUnreachable` within a bounded time."""


class TcpTransport(asyncio.Protocol):
    """One TCP connection."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._why = ""
        self._unread = bytearray()
        self._news = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio once."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._unread += data
        self._news.set()
        if len(self._unread) > MAX_UNREAD:
            self._end(f"more than {MAX_UNREAD} bytes that nobody asked for")

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio once, also when the device closes or resets."""
        self._end(str(exc) if exc else "closed by the device")

    def send(self, data: bytes) -> None:
        """See `Transport`. A request is 12 bytes and the next one waits for its reply: no flow control is needed."""
        if self._transport is None or self.closed.is_set():
            raise LinkDown(self._endpoint, self._why)
        self._transport.write(data)

    async def receive(self) -> bytes:
        """See `Transport`. What came before the end of the connection is still handed out."""
        while not self._unread:
            if self.closed.is_set():
                raise LinkDown(self._endpoint, self._why)
            self._news.clear()
            await self._news.wait()
        data = bytes(self._unread)
        self._unread.clear()
        return data

    def abort(self) -> None:
        """See `Transport`."""
        self._end("dropped by this side")

    def _end(self, why: str) -> None:
        self._why = self._why or why
        self.closed.set()
        self._news.set()
        if self._transport is not None:
            self._transport.abort()


async def connect_tcp(host: str, port: int, timeout: timedelta) -> Transport:  # noqa: ASYNC109 - bounds DNS as well
    """Open a TCP connection.

    Raises:
        EndpointUnreachable: refused, unreachable, no such host, or not open in time.
    """
    endpoint = f"{host}:{port}"
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            _, protocol = await loop.create_connection(lambda: TcpTransport(endpoint), host, port)
    except TimeoutError:
        raise EndpointUnreachable(endpoint, f"no connection within {timeout.total_seconds():g} s") from None
    except (OSError, UnicodeError) as exc:  # UnicodeError: a host name that cannot be one
        raise EndpointUnreachable(endpoint, str(exc)) from exc
    return protocol
