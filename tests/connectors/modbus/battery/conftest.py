"""A device that can be told to misbehave, over Modbus TCP, RTU over TCP and RTU on a pair of pseudo-terminals."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ipaddress
import os
import socket
import struct
import subprocess
import threading
import tty
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.modbus.endpoint import Endpoint
from connectors.modbus.rtu import seal


@dataclass(frozen=True)
class Asked:
    """One request as the device saw it. Its true registers tell which request they answer, and which address."""

    rtu: bool
    number: int  # from 1 on
    adu: bytes

    @property
    def fields(self) -> tuple[int, int, int, int]:
        """Unit, function, start, count."""
        return struct.unpack(">BBHH", self.adu[:6] if self.rtu else self.adu[6:12])

    @property
    def registers(self) -> list[int]:
        _, _, start, count = self.fields
        return [self.number << 8 | (start + i) & 0xFF for i in range(count)]

    def answer(
        self,
        registers: list[int] | None = None,
        *,
        unit: int | None = None,
        function: int | None = None,
        transaction: int | None = None,
    ) -> bytes:
        values = self.registers if registers is None else registers
        code = self.fields[1] if function is None else function
        return self.frame(struct.pack(f">BB{len(values)}H", code, 2 * len(values), *values), unit, transaction)

    def exception(self, code: int, function: int | None = None) -> bytes:
        return self.frame(bytes([(function or self.fields[1]) | 0x80, code]))

    def frame(self, pdu: bytes, unit: int | None = None, transaction: int | None = None) -> bytes:
        own = self.fields[0] if unit is None else unit
        if self.rtu:
            return seal(bytes([own]) + pdu)
        number = struct.unpack(">H", self.adu[:2])[0] if transaction is None else transaction
        return struct.pack(">HHHB", number, 0, len(pdu) + 1, own) + pdu


@dataclass
class Line:
    """The device's end of one connection."""

    write: Callable[[bytes], object]
    close: Callable[[], object]


Script = Callable[[Asked, Line], Awaitable[None]]


async def honest(asked: Asked, line: Line) -> None:
    line.write(asked.answer())


@dataclass
class Device:
    """Answers one request after the other, as its script says. Use as `async with`."""

    medium: str
    script: Script = honest
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    endpoint: Endpoint = field(init=False)

    async def __aenter__(self) -> Self:
        self._stack = contextlib.AsyncExitStack()
        if self.medium == "rtu":
            self._open_pty()
        else:
            self._lines: set[asyncio.StreamWriter] = set()
            server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
            self._stack.callback(server.close)
            port = server.sockets[0].getsockname()[1]
            self.endpoint = Endpoint(transport=self.medium, host="127.0.0.1", port=port)  # type: ignore[arg-type]
            self._stack.callback(self.hang_up)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def hang_up(self) -> None:
        """End all connections. A serial line has none."""
        for writer in self._lines:
            writer.transport.abort()

    def _open_pty(self) -> None:
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        self.endpoint = Endpoint(transport="rtu", device=os.ttyname(theirs), baudrate=115_200, parity="N")
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, lambda: reader.feed_data(os.read(ours, 4096)))
        task = loop.create_task(self._serve(reader, Line(lambda data: os.write(ours, data), lambda: None)))
        self._stack.callback(os.close, theirs)  # held open: the pair ends when nobody has the line open
        self._stack.callback(os.close, ours)
        self._stack.callback(loop.remove_reader, ours)
        self._stack.callback(task.cancel)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._lines.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            await self._serve(reader, Line(writer.write, writer.transport.abort))
        self._lines.discard(writer)
        writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, line: Line) -> None:
        rtu = self.medium != "tcp"
        while True:
            adu = await reader.readexactly(8 if rtu else 12)
            self.asked.append(Asked(rtu, len(self.asked) + 1, adu))
            await self.script(self.asked[-1], line)


@pytest.fixture
def device() -> type[Device]:
    return Device


def _certificate(folder: Path, name: str, issuer: Any = None) -> Any:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    signer, signed_by = issuer or (key, subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signed_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
    )
    pem = builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (folder / f"{name}.pem").write_bytes(pem)
    kind = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    (folder / f"{name}.key").write_bytes(key.private_bytes(*kind, serialization.NoEncryption()))
    locked = serialization.BestAvailableEncryption(b"secret")
    (folder / f"{name}.locked.key").write_bytes(key.private_bytes(*kind, locked))
    return key, subject


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    authority = _certificate(folder, "authority")
    _certificate(folder, "stranger")
    for name in ("device", "gateway"):
        _certificate(folder, name, authority)
    return folder


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def line() -> Iterator[tuple[str, str]]:
    """Two serial ports that are connected: two pseudo-terminals, and a thread that carries the bytes across."""
    pairs = [os.openpty() for _ in range(2)]
    (a, a_port), (b, b_port) = pairs
    for fd in (a_port, b_port):
        tty.setraw(fd)
    stop = threading.Event()

    def carry(source: int, target: int) -> None:
        with contextlib.suppress(OSError):
            while not stop.is_set():
                os.write(target, os.read(source, 512))

    threads = [threading.Thread(target=carry, args=ends, daemon=True) for ends in ((a, b), (b, a))]
    for thread in threads:
        thread.start()
    yield os.ttyname(a_port), os.ttyname(b_port)
    stop.set()
    for fd in (a_port, b_port):
        os.write(fd, b"\0")  # wakes the threads
    for thread in threads:
        thread.join(timeout=5)
    for fd in (a, a_port, b, b_port):
        os.close(fd)


@pytest.fixture
def start() -> Iterator[Callable[..., None]]:
    """Starts a server and waits until it is ready; ends it after the test."""
    with contextlib.ExitStack() as stack:

        def start_one(*command: str) -> None:
            server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            assert server.stdout is not None
            stack.callback(server.stdout.close)
            stack.callback(server.wait)
            stack.callback(server.kill)
            assert server.stdout.readline() == "READY\n"

        yield start_one
