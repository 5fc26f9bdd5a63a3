"""Waiting for a socket as long as bytes move, however slowly, and not much longer."""

from __future__ import annotations

import fcntl
import io
import socket
import struct
import termios
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_SLICE = 0.25  # seconds between two looks at whether anything moved


class Patience:
    """Runs operations on one socket; gives up after a time without progress.

    What was handed to the kernel is not on its way yet: at 8 kbit/s a full send buffer takes minutes. So progress is
    read from the kernel, which knows how much the other side has not acknowledged (SIOCOUTQ of tcp(7)).
    """

    def __init__(self, sock: socket.socket, stall: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Take a connected socket.

        Args:
            sock: Plain or TLS.
            stall: Seconds without progress.
            monotonic: Steady clock, s.
        """
        self._sock = sock
        self._stall = stall
        self._monotonic = monotonic
        self._answer_by: float | None = None
        self._answer_time = 0.0
        sock.settimeout(min(_SLICE, stall / 4))

    def send(self, data: memoryview) -> int:
        """As `socket.send`.

        Raises:
            TimeoutError: Nothing moved.
            OSError: As of the socket.
        """
        return self._patiently(lambda: self._sock.send(data))

    def receive_into(self, buffer: Any) -> int:
        """As `socket.recv_into`; also ends when the whole answer takes too long.

        Raises:
            TimeoutError: Nothing moved.
            OSError: As of the socket.
        """
        return self._patiently(lambda: self._sock.recv_into(buffer), within=self._answer_time)

    def answer_file(self, within: float) -> io.BufferedReader:
        """A file to read the answer to one request from.

        Args:
            within: Seconds, from when all of the request has arrived.
        """
        self._answer_time, self._answer_by = within, None
        return io.BufferedReader(_Reader(self))

    def _patiently(self, act: Callable[[], T], within: float | None = None) -> T:
        unsent = self._unsent()
        give_up = self._monotonic() + self._stall
        while True:
            self._check_answer_time(within, unsent)
            try:
                return act()
            except TimeoutError:
                now, left = self._monotonic(), self._unsent()
                if left < unsent:
                    give_up = now + self._stall
                elif now >= give_up:
                    msg = f"no byte moved for {self._stall:g} s"
                    raise TimeoutError(msg) from None
                unsent = left

    def _check_answer_time(self, within: float | None, unsent: int) -> None:
        if within is None or unsent:
            return
        now = self._monotonic()
        if self._answer_by is None:
            self._answer_by = now + within
        if now >= self._answer_by:
            msg = f"the answer took longer than {within:g} s"
            raise TimeoutError(msg)

    def _unsent(self) -> int:
        """Bytes the other side has not acknowledged; 0 where the kernel does not say."""
        try:
            (left,) = struct.unpack("i", fcntl.ioctl(self._sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))
        except OSError:
            return 0
        return int(left)


class _Reader(io.RawIOBase):
    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self._patience = patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._patience.receive_into(buffer)
