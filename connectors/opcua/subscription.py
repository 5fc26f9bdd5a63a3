"""The subscriptions of a session at the server: how one is made, and reads of what they will not tell."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

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
    """One subscription as the server sees it.

    Attributes:
        terms: As revised.
        group: Publishing interval and priority that its tags want.
        expected: Sequence number of the next message.
        handles: Items that exist there.
        full: The server would not take another item.
        behind: Messages are lost for good, and the values have not been read since.
        heard: When it spoke last, by the clock of the event loop.
        proven: It has spoken over this channel.
    """

    terms: SubscriptionTerms
    group: tuple[timedelta, int] = (timedelta(0), 0)
    expected: int = sequence.FIRST
    handles: set[int] = field(default_factory=set)
    full: bool = False
    behind: bool = False
    heard: float = 0.0
    proven: bool = False

    @property
    def keepalive_s(self) -> float:
        """The longest time without any message."""
        return self.terms.interval_ms * self.terms.keepalive_count / 1000


@dataclass(slots=True)
class Subscriptions:
    """All of a session: more than one where tags want different intervals or a server takes few items in each.

    Attributes:
        facts: Of the server in this session: indices of namespaces hold for one only.
        each: In the order in which they were made.
        refused: Handles of the items that do not exist.
        nodes: Handle -> node in this session.
        bands: Handle -> deadband in units of the value, that the server would not apply; 0 = without EURange.
    """

    facts: ServerFacts
    each: list[Subscription] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    nodes: dict[int, NodeAddress] = field(default_factory=dict)
    bands: dict[int, float] = field(default_factory=dict)

    def room(self, one: Subscription) -> int:
        """How many more items a subscription takes."""
        if one.full:
            return 0
        limit = self.facts.max_per_subscription
        return max(0, limit - len(one.handles)) if limit else ITEMS_PER_CALL

    def over_another_channel(self) -> Subscriptions:
        """The same for the next link; where it stands in each is its own, for it may fail."""
        return replace(self, each=[replace(one, proven=False) for one in self.each])


@dataclass(frozen=True, slots=True)
class Held:
    """What survives a broken link: the session and the subscriptions that may live on at the server."""

    session: HeldSession
    subscriptions: Subscriptions


async def subscribe(channel: Channel, settings: OpcUaSettings, group: tuple[timedelta, int]) -> Subscription:
    """Make a subscription without items, with this publishing interval and priority.

    Raises:
        ConnectorError: What stood in the way.
    """
    interval_ms, priority = group[0].total_seconds() * 1000, group[1]
    terms = await channel.create_subscription(interval_ms, *_counts(settings, interval_ms), priority)
    lifetime, keepalive = _counts(settings, terms.interval_ms)
    if terms.interval_ms != interval_ms and keepalive != terms.keepalive_count:
        # Both counts are in publishing intervals; the server took another one, so they have to be asked for again.
        terms = replace(terms, lifetime_count=lifetime, keepalive_count=keepalive)
        terms = await channel.modify_subscription(terms, priority)
    return Subscription(terms, group, heard=asyncio.get_running_loop().time())


async def read_values(
    channel: Channel, settings: OpcUaSettings, subscriptions: Subscriptions, handles: Sequence[int]
) -> AsyncIterator[Values]:
    """Read values that the subscriptions will not tell, for it speaks of changes only; refused items are left out.

    Raises:
        LinkDown: It did not work; without these values there is no going on.
    """
    wanted = [handle for handle in handles if handle not in subscriptions.refused]
    for part in parts(wanted, subscriptions.facts.max_read):
        addresses = [subscriptions.nodes[handle] for handle in part]
        values = read_read(await channel.read(addresses, subscriptions.facts.namespaces))
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
