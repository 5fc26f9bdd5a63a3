"""One connection to one origin, opened when it is needed and kept for a while. Every byte it sends is counted."""

from __future__ import annotations

import errno
import socket
import ssl
import time
from collections.abc import Callable
from http.client import HTTPException, IncompleteRead

from cloud_sink.uplink.names import Names
from cloud_sink.uplink.pace import Pace
from cloud_sink.uplink.patience import Patience
from cloud_sink.uplink.tls import TlsContext, Trust, tls_trouble
from cloud_sink.uplink.words import Limits, LinkError, Origin, Trouble

_CHUNK = 16 * 1024
_NO_ROUTE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL}


class Line:
    """Bytes to and fro, for a protocol on top of it. For one thread."""

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
            trust: For TLS.
            limits: Of waiting.
            pace: Of sending; None = as fast as the line.
            monotonic: Steady clock, s.
        """
        self.sent = 0
        self.origin = origin
        self.limits = limits or Limits()
        self._tls = TlsContext(trust or Trust()) if origin.encrypted else None
        self._pace = pace
        self._monotonic = monotonic
        self._sock: socket.socket | None = None
        self._patience: Patience | None = None
        self._used = 0.0
        self._names = Names(origin)
        self._session: ssl.SSLSession | None = None
        self._session_of: ssl.SSLContext | None = None

    def kept(self) -> bool:
        """Whether there is a connection that is fresh enough to be used again; one that is not is closed."""
        if self._sock is not None and self._monotonic() - self._used < self.limits.idle:
            return True
        self.close()
        return False

    def open(self) -> Patience:
        """The connection, made where there is none.

        Raises:
            LinkError: It cannot be made.
            OSError: The same; `link_error` says what it means.
        """
        if self._patience is not None:
            return self._patience
        context = self._tls.current() if self._tls is not None else None
        self._sock = self._connect()
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            # Resumed where the server allows it (RFC 8446 2.2): no certificates, which are most of a handshake.
            session = self._session if self._session_of is context else None
            self._sock = context.wrap_socket(self._sock, server_hostname=self.origin.host, session=session)
            self._session_of = context
        self._patience = Patience(self._sock, self.limits.stall, self._monotonic)
        return self._patience

    def send(self, data: bytes) -> None:
        """All of it, at the pace.

        Raises:
            OSError: It was cut, or nothing moved.
        """
        patience = self.open()
        rest = memoryview(data)
        while rest:
            chunk = rest[:_CHUNK]
            if self._pace is not None:
                self._pace.take(len(chunk))
            count = patience.send(chunk)
            self.sent += count
            rest = rest[count:]

    def used(self) -> None:
        """An exchange came to its end: the connection is good."""
        self._used = self._monotonic()
        if isinstance(self._sock, ssl.SSLSocket):
            self._session = self._sock.session  # a ticket may come with any answer

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        if self._sock is not None:
            self._sock.close()
        self._sock = self._patience = None

    def _connect(self) -> socket.socket:
        """To the first address that answers."""
        error: OSError | None = None
        for family, kind, protocol, _, address in self._names.addresses(self.limits.connect):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(self.limits.connect)
                sock.connect(address)
            except OSError as failed:
                sock.close()
                error = failed
            else:
                return sock
        if isinstance(error, TimeoutError):
            raise LinkError(Trouble.UNREACHABLE, f"{self.origin} does not answer: {error}") from error
        raise error or OSError(errno.EHOSTUNREACH, "the name has no address")


def link_error(error: Exception, origin: Origin) -> LinkError:
    """What an error of the socket, of TLS or of the answer's form means."""
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
        case OSError() | IncompleteRead():  # also RemoteDisconnected
            trouble = Trouble.CUT
        case HTTPException() | ValueError():
            trouble = Trouble.FOREIGN
        case _:
            raise error
    return LinkError(trouble, f"{origin}: {str(error) or type(error).__name__}")
