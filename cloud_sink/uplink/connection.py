"""One HTTP/1.1 connection to one origin (RFC 9112), kept open between requests. Every byte it sends is counted.

Written on `socket` and the parser of `http.client` alone, since no client library offers together what matters here:
time-outs on progress instead of on requests, no redirects, no proxies from the environment, a limit on the rate.
"""

from __future__ import annotations

import errno
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException, HTTPResponse, IncompleteRead
from types import SimpleNamespace
from typing import Any

from cloud_sink.uplink.pace import Pace
from cloud_sink.uplink.patience import Patience
from cloud_sink.uplink.tls import TlsContext, Trust, tls_trouble
from cloud_sink.uplink.words import Answer, Limits, LinkError, Origin, Trouble

_CHUNK = 16 * 1024
_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}


class Uplink:
    """See `Door`. For one thread."""

    def __init__(
        self,
        origin: Origin,
        trust: Trust | None = None,
        limits: Limits | None = None,
        pace: Pace | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Describe it; nothing is opened yet.

        Args:
            origin: Who is talked to, always.
            trust: For https.
            limits: Of waiting.
            pace: Of sending; None = as fast as the line.
            monotonic: Steady clock, s.
        """
        self.sent = 0
        self.origin = origin
        self._tls = TlsContext(trust or Trust()) if origin.scheme == "https" else None
        self._limits = limits or Limits()
        self._pace = pace
        self._monotonic = monotonic
        self._sock: socket.socket | None = None
        self._patience: Patience | None = None
        self._used = 0.0

    def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", most: int | None = None
    ) -> Answer:
        """See `Door.exchange`.

        A request is repeated on a new connection when a kept one turns out to have been closed, which RFC 9110 9.2.2
        allows for idempotent ones; a POST of ours is one as well, since its URL names the object.
        """
        request = _head(method, path, {"host": self.origin.authority, **headers}, body)
        kept = self._sock is not None and self._monotonic() - self._used < self._limits.idle
        if not kept:
            self.close()
        try:
            return self._once(method, request, body, most)
        except LinkError as error:
            if not kept or error.trouble is not Trouble.CUT:
                raise
        return self._once(method, request, body, most)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._sock is not None:
            self._sock.close()
        self._sock = self._patience = None

    def _once(self, method: str, request: bytes, body: bytes, most: int | None) -> Answer:
        try:
            patience = self._open()
            try:
                self._send(patience, request, body)
            except ConnectionError:
                # It may have answered before it hung up, 413 or 403 for example.
                return self._receive(patience, method, most, last=True)
            return self._receive(patience, method, most, last=False)
        except LinkError:
            self.close()
            raise
        except (OSError, HTTPException, ValueError) as error:  # ValueError: header lines that are none
            self.close()
            raise _link_error(error, self.origin) from error

    def _open(self) -> Patience:
        if self._patience is not None:
            return self._patience
        context = self._tls.current() if self._tls is not None else None
        self._sock = self._connect()
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            self._sock = context.wrap_socket(self._sock, server_hostname=self.origin.host)
        self._patience = Patience(self._sock, self._limits.stall, self._monotonic)
        return self._patience

    def _connect(self) -> socket.socket:
        try:
            return socket.create_connection((self.origin.host, self.origin.port), self._limits.connect)
        except TimeoutError as error:
            raise LinkError(Trouble.UNREACHABLE, f"{self.origin} does not answer: {error}") from error

    def _send(self, patience: Patience, request: bytes, body: bytes) -> None:
        rest = memoryview(request + body)  # one packet for a small object
        while rest:
            chunk = rest[:_CHUNK]
            if self._pace is not None:
                self._pace.take(len(chunk))
            count = patience.send(chunk)
            self.sent += count
            rest = rest[count:]

    def _receive(self, patience: Patience, method: str, most: int | None, *, last: bool) -> Answer:
        file = patience.answer_file(self._limits.answer)
        connection: Any = SimpleNamespace(makefile=lambda _mode: file)  # all that HTTPResponse asks of a socket
        response = HTTPResponse(connection, method=method)
        response.begin()
        data = response.read(most or self._limits.answer_bytes)
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, data)
        whole = response.isclosed()
        response.close()
        if last or not whole or response.will_close:
            self.close()
        self._used = self._monotonic()
        return answer


def _head(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """RFC 9112 3 and 5.

    Raises:
        ValueError: A line break or the like in a part of it: somebody tries to write a request of his own.
    """
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body or method in {"PUT", "POST"}:
        lines.append(f"content-length: {len(body)}")
    for line in lines:
        if not (line.isascii() and line.isprintable()):
            msg = "a request line or header holds a character that does not belong there"
            raise ValueError(msg)
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _link_error(error: Exception, origin: Origin) -> LinkError:
    match error:
        case socket.gaierror():
            # EAI_AGAIN: the resolver cannot be asked, which is what a line that is down looks like.
            trouble = Trouble.NO_LINK if error.errno == socket.EAI_AGAIN else Trouble.DNS
        case ssl.SSLError():
            trouble = tls_trouble(error)
        case TimeoutError():
            trouble = Trouble.SILENT
        case ConnectionRefusedError():
            trouble = Trouble.UNREACHABLE
        case OSError() if error.errno in _NO_ROUTE:
            trouble = Trouble.NO_LINK
        case OSError():  # also RemoteDisconnected
            trouble = Trouble.CUT
        case IncompleteRead():
            trouble = Trouble.CUT
        case _:
            trouble = Trouble.NOT_HTTP
    return LinkError(trouble, f"{origin}: {str(error) or type(error).__name__}")
