"""The subscription of a link at the server: how it is made, and reads of what it will not tell."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from connectors.errors import LinkDown
from connectors.opcua import sequence
from connectors.opcua.address import NodeAddress
from connectors.opcua.columns import Values
from connectors.opcua.seam.channel import Channel
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.terms import HeldSession, ServerFacts, SubscriptionTerms
from connectors.opcua.wire import Fault, read_read

ITEMS_PER_CALL = 500  # S7-1500 takes 1000 in a call; half of it leaves room for small servers


@dataclass(slots=True)
class Subscription:
    """The subscription as the server sees it.

    Attributes:
        terms: As revised.
        facts: Of the server, when it was created.
        expected: Sequence number of the next message.
        refused: Handles of the items that do not exist there.
        nodes: Handle -> node in this session.
        behind: Messages are lost for good, and the values have not been read since.
        bands: Handle -> deadband in units of the value, that the server would not apply; 0 = without EURange.
    """

    terms: SubscriptionTerms
    facts: ServerFacts
    expected: int = sequence.FIRST
    refused: set[int] = field(default_factory=set)
    nodes: dict[int, NodeAddress] = field(default_factory=dict)
    behind: bool = False
    bands: dict[int, float] = field(default_factory=dict)

    @property
    def keepalive_s(self) -> float:
        """The longest time without any message."""
        return self.terms.interval_ms * self.terms.keepalive_count / 1000


@dataclass(frozen=True, slots=True)
class Held:
    """What survives a broken link: the session and the subscription that may live on at the server."""

    session: HeldSession
    subscription: Subscription


async def subscribe(channel: Channel, settings: OpcUaSettings, facts: ServerFacts) -> Subscription:
    """Make a subscription without items. The facts are of this session: indices of namespaces hold for one only.

    Raises:
        ConnectorError: What stood in the way.
    """
    interval_ms = settings.publishing_interval.total_seconds() * 1000
    terms = await channel.create_subscription(interval_ms, *_counts(settings, interval_ms))
    lifetime, keepalive = _counts(settings, terms.interval_ms)
    if terms.interval_ms != interval_ms and keepalive != terms.keepalive_count:
        # Both counts are in publishing intervals; the server took another one, so they have to be asked for again.
        terms = await channel.modify_subscription(replace(terms, lifetime_count=lifetime, keepalive_count=keepalive))
    return Subscription(terms, facts)


async def read_values(
    channel: Channel, settings: OpcUaSettings, subscription: Subscription, handles: Sequence[int]
) -> AsyncIterator[Values]:
    """Read values that the subscription will not tell, for it speaks of changes only; refused items are left out.

    Raises:
        LinkDown: It did not work; without these values there is no going on.
    """
    wanted = [handle for handle in handles if handle not in subscription.refused]
    for part in parts(wanted, subscription.facts.max_read):
        addresses = [subscription.nodes[handle] for handle in part]
        values = read_read(await channel.read(addresses, subscription.facts.namespaces))
        if isinstance(values, Fault) or len(values) != len(part):
            raise LinkDown(settings.endpoint, "values could not be read after a gap", resumable=False)
        values.handle = np.array(part, dtype=np.uint32)
        yield values


def parts(handles: Sequence[int], limit: int) -> list[Sequence[int]]:
    """What fits one call each; limit 0: the server does not tell any."""
    size = min(limit or ITEMS_PER_CALL, ITEMS_PER_CALL)
    return [handles[start : start + size] for start in range(0, len(handles), size)]


def _counts(settings: OpcUaSettings, interval_ms: float) -> tuple[int, int]:
    """Lifetime and keep-alive count for an interval.

    The lifetime is at least three keep-alives (OPC 10000-4, 5.14.2), and the subscription must not die before its
    session does.
    """
    interval_s = max(interval_ms, 1.0) / 1000
    keepalive = max(1, math.ceil(settings.keepalive.total_seconds() / interval_s))
    lifetime = max(3 * keepalive, math.ceil(settings.session_timeout.total_seconds() / interval_s))
    return lifetime, keepalive
