"""A web server that misbehaves as told: raw asyncio streams on a real socket, in a thread of its own.

A fault is a coroutine `async (request, reader, writer) -> bool`; True = the connection may go on. `script` holds
one for each request that is to come; then `usual` answers all others.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

EPOCH = datetime.fromtimestamp(0, UTC)
Fault = Callable[["Request", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""
    size: int = 0  # of its head

    @property
    def md5(self) -> str:
        return hashlib.md5(self.body, usedforsecurity=False).hexdigest()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


async def answer(writer, status, headers=None, body=b"", *, reason="Scripted", length=True):
    lines = [f"HTTP/1.1 {status} {reason}"]
    headers = dict(headers or {})
    if length:
        headers.setdefault("Content-Length", str(len(body)))
    lines += [f"{k}: {v}" for k, v in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await writer.drain()


def status(code, headers=None, body=b"", *, then=True) -> Fault:
    """Read the whole request, then answer so."""

    async def fault(request, reader, writer):
        await read_body(request, reader)
        await answer(writer, code, headers, body)
        return then

    return fault


def s3_error(code, name, headers=None) -> Fault:
    body = f"<?xml version='1.0'?><Error><Code>{name}</Code></Error>".encode()
    return status(code, {"Content-Type": "application/xml", **(headers or {})}, body)


def portal() -> Fault:
    return status(200, {"Content-Type": "text/html"}, b"<html>Please log in</html>")


def login() -> Fault:
    return status(302, {"Location": "http://login.invalid/"})


def cut_in_body(after=1000) -> Fault:
    """Hang up with a reset while the body is coming."""

    async def fault(request, reader, writer):
        await reader.read(after)
        writer.transport.abort()
        return False

    return fault


def cut_in_answer() -> Fault:
    async def fault(request, reader, writer):
        await read_body(request, reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nhalf")
        await writer.drain()
        return False

    return fault


def refuse_early(code) -> Fault:
    """Answer before the body was read, and hang up: what servers do with what is too large."""

    async def fault(request, reader, writer):
        await answer(writer, code, {"Connection": "close"})
        return False

    return fault


def silent() -> Fault:
    """Take it all and never answer."""

    async def fault(request, reader, writer):
        await read_body(request, reader)
        await reader.read()
        return False

    return fault


def drip(every=0.02) -> Fault:
    """Answer a byte at a time, for ever."""

    async def fault(request, reader, writer):
        await read_body(request, reader)
        writer.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while not reader.at_eof():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(every)
        return False

    return fault


def nonsense() -> Fault:
    async def fault(request, reader, writer):
        await read_body(request, reader)
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        await writer.drain()
        return False

    return fault


def slow(server, rate) -> Fault:
    """Store it, but read the body at so many bytes a second."""

    async def fault(request, reader, writer):
        await read_body(request, reader, rate)
        request.headers["content-length"] = "0"
        return await server.usual(request, reader, writer)

    return fault


def close_after(fault: Fault) -> Fault:
    """As the other, then hang up without having said so, as idle connections end."""

    async def closing(request, reader, writer):
        await fault(request, reader, writer)
        return False

    return closing


async def read_body(request, reader, rate=None):
    left = int(request.headers.get("content-length", "0"))
    while left:
        size = left if rate is None else min(left, max(1, int(rate / 50)))
        data = await (reader.readexactly(size) if rate is not None else reader.read(size))
        if not data:
            raise asyncio.IncompleteReadError(request.body, left)
        request.body += data
        left -= len(data)
        if rate is not None:
            await asyncio.sleep(len(data) / rate)


@dataclass
class FaultServer:
    """Stores objects as S3 does, unless told otherwise."""

    script: deque[Fault] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)
    objects: dict[str, Request] = field(default_factory=dict)
    rate: float | None = None  # bytes a second at which bodies are read
    delay: float = 0.0  # before an answer: the round trip
    tls: ssl.SSLContext | None = None
    port: int = 0
    connections: int = 0
    most_connections: int = 0
    truncate: bool = False  # a proxy that loses the second half and tells nobody

    def __post_init__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server = None

    def __enter__(self):
        self._thread.start()
        self.open()
        return self

    def __exit__(self, *_):
        self.shut()
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open(self):
        """Listen, on the same port as before."""
        self._call(self._open())

    def shut(self):
        """Stop listening and drop everybody: the uplink is away."""
        self._call(self._shut())

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _open(self):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.rate is not None:  # a small window, so that a slow reader is felt at the other end as a slow line is
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        sock.bind(("127.0.0.1", self.port))
        self._server = await asyncio.start_server(self._serve, sock=sock, ssl=self.tls, limit=4096)
        self.port = self._server.sockets[0].getsockname()[1]
        self._tasks = set()

    async def _shut(self):
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _end(self):
        """Also whoever had just come in and was not served yet."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _serve(self, reader, writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        self.connections += 1
        self.most_connections = max(self.most_connections, self.connections)
        try:
            while await self._one(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.connections -= 1
            self._tasks.discard(task)
            writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

    async def _one(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines if line)}
        request = Request(method, path, headers, size=len(head))
        self.requests.append(request)
        fault = self.script.popleft() if self.script else self.usual
        return await fault(request, reader, writer)

    async def usual(self, request, reader, writer):
        await read_body(request, reader, self.rate)
        await asyncio.sleep(self.delay)
        there = self.objects.get(request.path)
        if request.method in {"PUT", "POST"}:
            if there and request.headers.get("if-none-match") == "*":
                await answer(writer, 412)
                return True
            if self.truncate:
                request.body = request.body[: len(request.body) // 2]
            self.objects[request.path] = request
            body = json.dumps({"sha256": request.sha256}).encode()
            await answer(writer, 200, {"ETag": f'"{request.md5}"'}, body)
        elif there is None:
            await answer(writer, 404)
        elif request.method == "HEAD":
            headers = {"ETag": f'"{there.md5}"', "Content-Length": str(len(there.body))}
            if "x-amz-meta-sha256" in there.headers:
                headers["x-amz-meta-sha256"] = there.headers["x-amz-meta-sha256"]
            await answer(writer, 200, headers)
        elif request.headers.get("if-none-match") == f'"{there.md5}"':
            await answer(writer, 304, {"ETag": f'"{there.md5}"'}, length=False)
        else:
            await answer(writer, 200, {"ETag": f'"{there.md5}"'}, there.body)
        return True
