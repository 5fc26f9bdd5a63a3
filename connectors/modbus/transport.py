"""Bytes to and from a device, knowing nothing of Modbus: what every transport promises, and TCP."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from connectors.errors import EndpointUnreachable, LinkDown

MAX_UNREAD = 64 * 1024  # bytes; an honest device has at most a frame or two (260 bytes each) under way


@dataclass(frozen=True, slots=True)
class Wire:
    """What the kind of wire asks of the one who uses it.

    Attributes:
        datagrams: Each `receive` brings one whole message; messages may be lost, doubled or swapped.
        serial: One line that is always there: closing and opening it leaves no late reply behind.
        byte_s: Seconds that one byte takes; 0 where that is nothing or unknown.
        silence_s: Least silence between two frames.
    """

    datagrams: bool = False
    serial: bool = False
    byte_s: float = 0.0
    silence_s: float = 0.0


class Transport(Protocol):
    """One open connection. Used by one master only, one call at a time."""

    @property
    def wire(self) -> Wire:
        """What kind it is."""
        ...

    @property
    def closed(self) -> asyncio.Event:
        """Set once the connection is gone, whoever ended it."""
        ...

    def send(self, data: bytes) -> None:
        """Hand over bytes. Raises `LinkDown`."""
        ...

    async def receive(self, limit_s: float | None = None) -> bytes:
        """Bytes that have come, at least one, in order. Cancelling it loses none.

        Args:
            limit_s: Longest wait for the first of them; None = none.

        Raises:
            LinkDown: the connection has ended.
            TimeoutError: nothing came in time.
        """
        ...

    def abort(self) -> None:
        """End the connection at once, without goodbye. May be called twice."""
        ...


Connect = Callable[[], Awaitable[Transport]]
"""Opens a connection, or raises `EndpointUnreachable` within a bounded time."""


class Inbox:
    """What all transports here share: bytes that wait to be received, and an end that has a reason."""

    wire = Wire()

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._why = ""
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._news: asyncio.Future[None] | None = None  # somebody waits for bytes, or the end
        self.closed = asyncio.Event()

    async def receive(self, limit_s: float | None = None) -> bytes:
        """See `Transport`. What came before the end of the connection is still handed out."""
        while not self._unread:
            if self.closed.is_set():
                raise LinkDown(self._endpoint, self._why)
            await self._hear(limit_s)
        data = self._unread.popleft()
        self._unread_bytes -= len(data)
        return data

    async def _hear(self, limit_s: float | None) -> None:
        """Wait for bytes or the end. A bare future and timer: `asyncio.timeout` costs a tenth of a whole read."""
        loop = asyncio.get_running_loop()
        self._news = news = loop.create_future()
        timer = None if limit_s is None else loop.call_later(limit_s, _expire, news)
        try:
            await news
        finally:
            self._news = None
            if timer is not None:
                timer.cancel()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def abort(self) -> None:
        """See `Transport`."""
        self._end("dropped by this side")

    def _put(self, data: bytes) -> None:
        if self.closed.is_set():
            return
        self._unread.append(data)
        self._unread_bytes += len(data)
        self._tell()
        if self._unread_bytes > MAX_UNREAD:
            self._end(f"more than {MAX_UNREAD} bytes that nobody asked for")

    def _need_open(self) -> None:
        if self.closed.is_set():
            raise LinkDown(self._endpoint, self._why)

    def _end(self, why: str) -> None:
        self._why = self._why or why
        self.closed.set()
        self._tell()
        self._close()

    def _close(self) -> None:
        """Let go of what is open; called at least once."""
        raise NotImplementedError


def _expire(news: asyncio.Future[None]) -> None:
    if not news.done():
        news.set_exception(TimeoutError())


class StreamTransport(Inbox, asyncio.Protocol):
    """One TCP connection, with TLS or without."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio once."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by asyncio."""
        self._put(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio once, also when the device closes or resets."""
        self._end(str(exc) if exc else "closed by the device")

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
            self._transport.abort()


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
