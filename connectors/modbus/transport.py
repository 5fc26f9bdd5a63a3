"""Bytes to and from a device, knowing nothing of Modbus: what every transport promises, and what all of them share."""

from __future__ import annotations

import asyncio
import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from connectors.errors import LinkDown

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
    def ended(self) -> bool:
        """Whether it is of no use any more, whoever ended it."""
        ...

    @property
    def closed(self) -> asyncio.Event:
        """Set soon after the end, once the system was told: some devices accept no other connection before that."""
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


class Inbox(ABC):
    """What all transports here share: bytes that wait to be received, and an end that has a reason."""

    wire = Wire()

    def __init__(self, endpoint: str) -> None:
        """Needs a running loop."""
        self._endpoint = endpoint
        self._loop = asyncio.get_running_loop()
        self._why = ""
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._news: asyncio.Future[None] | None = None  # somebody waits for bytes, or the end
        self._patience_ends = math.inf  # loop time at which that wait is over
        self._alarm: asyncio.TimerHandle | None = None
        self.ended = False
        self.closed = asyncio.Event()

    async def receive(self, limit_s: float | None = None) -> bytes:
        """See `Transport`. What came before the end of the connection is still handed out."""
        while not self._unread:
            if self.ended:
                raise LinkDown(self._endpoint, self._why)
            self._news = news = self._loop.create_future()
            self._set_alarm(limit_s)
            try:
                await news
            finally:
                self._news = None
        data = self._unread.popleft()
        self._unread_bytes -= len(data)
        return data

    def _set_alarm(self, limit_s: float | None) -> None:
        """One alarm stands for many waits: a timer for each, nearly always cancelled, is a tenth of a read's cost."""
        if limit_s is None:
            self._patience_ends = math.inf
            return
        self._patience_ends = ends = self._loop.time() + limit_s
        if self._alarm is None or self._alarm.when() > ends:
            self._cancel_alarm()
            self._alarm = self._loop.call_at(ends, self._ring)

    def _ring(self) -> None:
        """It is as late as it was at the wait the alarm was set for; the wait of now may be another one."""
        assert self._alarm is not None
        rang, self._alarm = self._alarm.when(), None
        if self._news is None or self._news.done():
            return
        if rang >= self._patience_ends:
            self._news.set_exception(TimeoutError())
        elif self._patience_ends < math.inf:
            self._alarm = self._loop.call_at(self._patience_ends, self._ring)

    def _cancel_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def abort(self) -> None:
        """See `Transport`."""
        self._end("dropped by this side")

    def _put(self, data: bytes) -> None:
        if self.ended:
            return
        self._unread.append(data)
        self._unread_bytes += len(data)
        self._tell()
        if self._unread_bytes > MAX_UNREAD:
            self._end(f"more than {MAX_UNREAD} bytes that nobody asked for")

    def _need_open(self) -> None:
        if self.ended:
            raise LinkDown(self._endpoint, self._why)

    def _end(self, why: str) -> None:
        self._why = self._why or why
        self.ended = True
        self._tell()
        self._cancel_alarm()
        self._close()

    @abstractmethod
    def _close(self) -> None:
        """Let go of what is open, and set `closed` once that is done; called at least once."""
