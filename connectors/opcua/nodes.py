"""What a server says of its nodes when one looks around: children, attributes, current values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from connectors.opcua.address import NodeAddress


class Attribute(IntEnum):
    """Attributes that are read (OPC 10000-6, A.1)."""

    NODE_CLASS = 2
    BROWSE_NAME = 3
    VALUE = 13
    DATA_TYPE = 14
    VALUE_RANK = 15
    ACCESS_LEVEL = 17
    USER_ACCESS_LEVEL = 18


@dataclass(frozen=True, slots=True)
class Reference:
    """A child.

    Attributes:
        node: Its address.
        name: Browse name, without its namespace.
        is_variable: It has a value; otherwise it is an object.
        is_property: It describes its parent (HasProperty), as EURange does.
    """

    node: NodeAddress
    name: str
    is_variable: bool
    is_property: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Children of one node, or some of them.

    Attributes:
        code: Status code of the browse.
        references: In the order of the server.
        more: Continuation point, b"" = that was all.
    """

    code: int
    references: tuple[Reference, ...]
    more: bytes = b""


@dataclass(frozen=True, slots=True)
class Reading:
    """The value of an attribute.

    Attributes:
        value: In plain Python: number, bool, str, bytes, datetime, a list of these, `NodeAddress` for a node id,
            (low, high) for a Range; other structures as text. None = no value.
        kind: Built-in type as sent, for example "Double"; "" where there is no value.
        code: Status code, all 32 bits.
        source_time: When the device or its server took the value.
        server_time: When the server got it.
    """

    value: Any
    kind: str
    code: int
    source_time: dt.datetime | None = None
    server_time: dt.datetime | None = None

    @property
    def is_bad(self) -> bool:
        """The severity is bad (or the reserved fourth)."""
        return bool(self.code >> 31)


class Explorer(Protocol):
    """A session through which one looks around; `seam/explore.py`.

    Every call raises RequestRefused when the server does not do it, LinkDown when the link breaks.
    """

    async def browse(self, nodes: Sequence[NodeAddress], most: int) -> list[Page]:
        """Children of several nodes in one call, at most `most` of each before there is a continuation point."""
        ...

    async def browse_next(self, points: Sequence[bytes], *, release: bool) -> list[Page]:
        """Go on, or with `release` let the server forget the continuation points."""
        ...

    async def read_attributes(self, wanted: Sequence[tuple[NodeAddress, Attribute]]) -> list[Reading]:
        """Attributes in one call, values with both timestamps."""
        ...
