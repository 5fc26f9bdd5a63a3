"""Looking up a host's addresses within a time: the system's resolver has no time-out that a program could set."""

from __future__ import annotations

import socket
import threading
from typing import Any

from cloud_sink.uplink.words import LinkError, Origin, Trouble

Address = tuple[Any, ...]  # as of `socket.getaddrinfo`


class Names:
    """Of one origin. For one thread; the look-up itself takes place in another, of which there is never a second."""

    def __init__(self, origin: Origin) -> None:
        """Remember whom to look up; nothing is asked yet, and nothing is kept afterwards."""
        self._origin = origin
        self._look_up: _LookUp | None = None

    def addresses(self, within: float) -> list[Address]:
        """Where the origin is now.

        Args:
            within: Seconds.

        Raises:
            LinkError: The resolver did not answer.
            socket.gaierror: It says no.
        """
        host, port = self._origin.host, self._origin.port
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:  # not an address but a name
            pass
        except UnicodeError as error:  # a part of it is empty or too long
            raise LinkError(Trouble.DNS, f"{self._origin}: {error}") from error
        if self._look_up is None or not self._look_up.is_alive():
            self._look_up = _LookUp(host, port)
            self._look_up.start()
        self._look_up.join(within)
        if self._look_up.is_alive():  # it is waited for again the next time; one that hangs is enough
            raise LinkError(Trouble.NO_LINK, f"{self._origin}: the resolver does not answer within {within:g} s")
        look_up, self._look_up = self._look_up, None
        return look_up.result()


class _LookUp(threading.Thread):
    def __init__(self, host: str, port: int) -> None:
        super().__init__(name=f"look-up of {host}", daemon=True)
        self._host, self._port = host, port
        self._found: list[Address] | None = None
        self._error: OSError | None = None

    def run(self) -> None:
        try:
            self._found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as error:
            self._error = error

    def result(self) -> list[Address]:
        if self._error is not None:
            raise self._error
        assert self._found is not None, "ended by a bug; see its trace on stderr"
        return self._found
