"""What the door is told and what it tells: origin, limits, answer, trouble. No sockets here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol
from urllib.parse import urlsplit

from cloud_sink.errors import CloudSinkError

_PORTS = {"http": 80, "https": 443, "mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Origin:
    """Who is talked to (RFC 6454): nobody else ever is. No redirect is followed and no proxy is asked.

    Attributes:
        scheme: `http`, `https`, `mqtt` or `mqtts`.
        host: Name or address, without brackets.
        port: Always told.
    """

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """For the Host header (RFC 9110 7.2): the port only where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def encrypted(self) -> bool:
        """Whether it speaks TLS."""
        return self.scheme in {"https", "mqtts"}

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def split_url(url: str, schemes: tuple[str, str] = ("http", "https")) -> tuple[Origin, str]:
    """Origin and path ("" or "/..." without an ending slash) of an address.

    Raises:
        ValueError: Not an absolute URL of one of the schemes, or one with user, query or fragment.
    """
    parts = urlsplit(url)
    if parts.scheme not in schemes or not parts.hostname:
        msg = f"must be a URL like {schemes[1]}://HOST[:PORT][/PATH]"
        raise ValueError(msg)
    if parts.username is not None or parts.query or parts.fragment:
        msg = "must be without user, query and fragment"
        raise ValueError(msg)
    if not url.isascii() or not url.isprintable() or " " in url:
        msg = "must be plain ASCII; write other characters as %XX"
        raise ValueError(msg)
    return Origin(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]), parts.path.rstrip("/")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the door waits. No limit is on a whole request: a slow link is slow, not broken.

    Attributes:
        connect: Seconds to look the name up, again to connect to one address, and again for the TLS handshake.
        stall: Seconds without one byte of progress in either direction.
        answer: Seconds for the whole answer once everything was sent; ends a server that drips.
        slowest: Bytes a second of an answer that is expected to be long: it has so much more time.
        idle: Seconds after which an unused connection is not trusted any more.
        answer_bytes: Most bytes of an answer's body that are kept.
    """

    connect: float = 10.0
    stall: float = 10.0
    answer: float = 60.0
    slowest: float = 1000.0  # 8 kbit/s
    idle: float = 15.0
    answer_bytes: int = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: Of HTTP.
        headers: Names in lower case; of repeated ones the last.
        body: Up to `Limits.answer_bytes`, or as much as was asked for.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Trouble(Enum):
    """Why there is no answer."""

    NO_LINK = auto()
    DNS = auto()
    UNREACHABLE = auto()
    SILENT = auto()
    CUT = auto()
    FOREIGN = auto()
    TLS_UNTRUSTED = auto()
    TLS_EXPIRED = auto()
    TLS_NOT_YET_VALID = auto()
    TLS_NAME = auto()
    TLS_OURS = auto()
    TLS_OTHER = auto()


class LinkError(CloudSinkError):
    """There is no answer."""

    def __init__(self, trouble: Trouble, message: str) -> None:
        super().__init__(message)
        self.trouble = trouble


class Door(Protocol):
    """What the targets need of `Uplink`."""

    @property
    def sent(self) -> int:
        """Bytes handed to the network since the start, with headers, without TLS and TCP."""
        ...

    def exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", most: int | None = None
    ) -> Answer:
        """One request and its answer, whatever its status.

        Raises:
            LinkError: There is no answer.
        """
        ...
