"""One HTTP/1.1 connection to one origin (RFC 9112), kept open between requests. Every byte it sends is counted.

Written on `socket` and the parser of `http.client` alone, since no client library offers together what matters here:
time-outs on progress instead of on requests, no redirects, no proxies from the environment, a limit on the rate.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from http.client import HTTPException, HTTPResponse
from types import SimpleNamespace
from typing import Any

from cloud_sink.uplink.line import Line, link_error
from cloud_sink.uplink.pace import Pace
from cloud_sink.uplink.tls import Trust
from cloud_sink.uplink.words import Answer, Limits, LinkError, Origin, Trouble


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
        """Describe it; nothing is opened yet. Arguments as of `Line`."""
        self._line = Line(origin, trust, limits, pace, monotonic)

    @property
    def sent(self) -> int:
        """See `Door.sent`."""
        return self._line.sent

    def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", most: int | None = None
    ) -> Answer:
        """See `Door.exchange`.

        A request is repeated on a new connection when a kept one turns out to have been closed, which RFC 9110 9.2.2
        allows for idempotent ones; a POST of ours is one as well, since its URL names the object.
        """
        head = _head(method, path, {"host": self._line.origin.authority, **headers}, body)
        request = head + body  # one packet for a small object
        kept = self._line.kept()
        try:
            return _without_secrets(self._once(method, request, most), headers)
        except LinkError as error:
            if not kept or error.trouble is not Trouble.CUT:
                raise
        return _without_secrets(self._once(method, request, most), headers)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._line.close()

    def _once(self, method: str, request: bytes, most: int | None) -> Answer:
        try:
            self._line.open()
            try:
                self._line.send(request)
            except ConnectionError:
                # It may have answered before it hung up, 413 or 403 for example.
                return self._receive(method, most, last=True)
            return self._receive(method, most, last=False)
        except LinkError:
            self._line.close()
            raise
        except (OSError, HTTPException, ValueError) as error:  # ValueError: header lines that are none
            self._line.close()
            raise link_error(error, self._line.origin) from error

    def _receive(self, method: str, most: int | None, *, last: bool) -> Answer:
        limits = self._line.limits
        file = self._line.open().answer_file(limits.answer + (most or 0) / limits.slowest)
        connection: Any = SimpleNamespace(makefile=lambda _mode: file)  # all that HTTPResponse asks of a socket
        response = HTTPResponse(connection, method=method)
        response.begin()
        data = response.read(most or limits.answer_bytes)
        answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, data)
        whole = response.isclosed()
        response.close()
        self._line.used()
        if last or not whole or response.will_close:
            self._line.close()
        return answer


_SECRET = ("authorization", "x-amz-security-token")


def _without_secrets(answer: Answer, headers: Mapping[str, str]) -> Answer:
    """A refusal goes into logs, and may repeat what we are let in by: S3 does so with a session token that expired."""
    if answer.status < 300:
        return answer
    body = answer.body
    for name in _SECRET:
        secret = headers.get(name, "").rpartition(" ")[2].encode()
        for written in {secret, secret.replace(b"/", b"\\/")} - {b""}:  # the latter in JSON
            body = body.replace(written, b"***")
    return Answer(answer.status, answer.headers, body)


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
