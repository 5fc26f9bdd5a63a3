"""What a link and its channel say to one another about server, session and subscription."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.opcua.address import NodeAddress
from connectors.opcua.tag import Trigger


@dataclass(frozen=True, slots=True)
class HeldSession:
    """What another channel needs to take a session over. Opaque to everybody else."""

    token: Any
    nonce: Any
    policies: Any
    peer_certificate: Any


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says about itself.

    Attributes:
        namespaces: URIs; the position is the namespace index of this session.
        time: Its clock, ns since the epoch; None if it does not tell.
        max_read: Nodes in a read request; 0 = no limit told.
        max_items: Monitored items in a request; 0 = no limit told.
        max_translate: Browse paths in a request; 0 = no limit told.
        max_register: Nodes to register in a request; 0 = no limit told.
        max_history: Nodes in a request for history; 0 = no limit told.
        max_per_subscription: Monitored items in a subscription; 0 = no limit told.
    """

    namespaces: tuple[str, ...]
    time: int | None
    max_read: int
    max_items: int
    max_translate: int = 0
    max_register: int = 0
    max_history: int = 0
    max_per_subscription: int = 0


@dataclass(frozen=True, slots=True)
class RegisteredNode:
    """What a server calls a node that was registered with it, in this session. Opaque to everybody but the seam."""

    id: Any


Node = NodeAddress | RegisteredNode


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """What is asked of a server's history: raw values, the oldest first, without bounding values.

    Attributes:
        nodes: Whose.
        namespaces: Of this session.
        points: A continuation point for each node; b"" = from the start.
        start: ns since the epoch, inclusive. What is sent may reach a microsecond further on both sides.
        end: ns, exclusive by the standard, which servers differ about.
        most: Values of each node in one answer.
    """

    nodes: Sequence[Node]
    namespaces: Sequence[str]
    points: Sequence[bytes]
    start: int
    end: int
    most: int


@dataclass(frozen=True, slots=True)
class SubscriptionTerms:
    """A subscription as the server revised it."""

    id: int
    interval_ms: float
    lifetime_count: int
    keepalive_count: int


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """What makes a server tell a value; an item without one is told by status and value."""

    trigger: Trigger
    deadband: float | None = None
    deadband_percent: float | None = None


@dataclass(frozen=True, slots=True)
class ItemRequest:
    """One monitored item to create."""

    handle: int
    node: NodeAddress
    sampling_ms: float
    queue_size: int
    discard_oldest: bool = True
    filter: ChangeFilter | None = None
