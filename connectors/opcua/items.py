"""The monitored items of a subscription: created in calls that the server takes, with a deadband or without."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connectors.opcua import codes
from connectors.opcua.address import NodeAddress
from connectors.opcua.resolve import resolve
from connectors.opcua.seam.channel import Channel
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.subscription import Subscription, parts
from connectors.opcua.terms import ChangeFilter, ItemRequest


async def create_items(
    channel: Channel, settings: OpcUaSettings, subscription: Subscription, handles: Iterable[int]
) -> dict[int, int]:
    """Create monitored items, in chunks, one call after the other.

    A server that will not apply a deadband is asked again without it; the deadband is then ours (`Changes`).

    Args:
        channel: With the session of the subscription.
        settings: Handles are positions in its tags.
        subscription: Keeps in mind what is refused, which node is whose, and which deadbands are ours.
        handles: Items to create.

    Returns:
        Handle -> status code of those that the server would not monitor.
    """
    nodes, refusals = await resolve(channel, settings, subscription.facts, handles)
    asked = {*nodes, *refusals}
    subscription.nodes |= nodes
    results = await _create(channel, settings, subscription, list(nodes))
    ours = [
        handle
        for handle, code in results.items()
        if code in codes.FILTER_REFUSED and settings.tags[handle].has_deadband
    ]
    if ours:
        subscription.bands |= dict.fromkeys(ours, 0.0)  # so that they are asked for without it
        results |= await _create(channel, settings, subscription, ours)
        subscription.bands |= await _bands(channel, settings, subscription, ours)
    refusals |= {handle: code for handle, code in results.items() if code >> 31}
    subscription.refused -= asked
    subscription.refused |= set(refusals)
    return refusals


async def _create(
    channel: Channel, settings: OpcUaSettings, subscription: Subscription, handles: Sequence[int]
) -> dict[int, int]:
    """Handle -> status code of every item."""
    results: dict[int, int] = {}
    for part in parts(handles, subscription.facts.max_items):
        items = [
            item_request(settings, handle, subscription.nodes[handle], ours=handle in subscription.bands)
            for handle in part
        ]
        answer = await channel.create_items(subscription.terms.id, items, subscription.facts.namespaces)
        results |= zip(part, answer, strict=True)
    return results


def item_request(settings: OpcUaSettings, handle: int, node: NodeAddress, *, ours: bool) -> ItemRequest:
    """What is asked for a tag. `ours`: without its deadband."""
    tag = settings.tags[handle]
    wanted = ChangeFilter(tag.trigger, *((None, None) if ours else (tag.deadband, tag.deadband_percent)))
    return ItemRequest(
        handle,
        node,
        settings.sampling_of(tag).total_seconds() * 1000,
        settings.queue_of(tag),
        tag.discard == "oldest",
        None if wanted == ChangeFilter("status_value") else wanted,  # the default: some servers know no filters
    )


async def _bands(
    channel: Channel, settings: OpcUaSettings, subscription: Subscription, handles: Sequence[int]
) -> dict[int, float]:
    """Deadbands in the unit of the value; a percentage of an unknown EURange is 0."""
    tags = settings.tags
    bands = {handle: tags[handle].deadband or 0.0 for handle in handles}
    for part in parts([h for h in handles if tags[h].deadband_percent is not None], subscription.facts.max_read):
        spans = await channel.spans([subscription.nodes[handle] for handle in part], subscription.facts.namespaces)
        for handle, span in zip(part, spans, strict=True):
            bands[handle] = (span or 0.0) * (tags[handle].deadband_percent or 0.0) / 100
    return bands
