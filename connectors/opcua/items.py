"""The monitored items of a session: in calls and subscriptions that the server takes, with a deadband or without."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from connectors.errors import RequestRefused
from connectors.opcua import codes
from connectors.opcua.address import NodeAddress
from connectors.opcua.resolve import resolve
from connectors.opcua.seam.channel import Channel
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.subscription import Subscription, Subscriptions, parts, subscribe
from connectors.opcua.terms import ChangeFilter, ItemRequest


async def create_items(
    channel: Channel, settings: OpcUaSettings, subscriptions: Subscriptions, handles: Iterable[int]
) -> dict[int, int]:
    """Create monitored items, in chunks, one call after the other, and the subscriptions that they need.

    A server that will not apply a deadband is asked again without it; the deadband is then ours (`Changes`).

    Args:
        channel: With the session.
        settings: Handles are positions in its tags.
        subscriptions: Keep in mind what is refused, which node is whose, and which deadbands are ours.
        handles: Items to create.

    Returns:
        Handle -> status code of those that the server would not monitor.
    """
    nodes, refusals = await resolve(channel, settings, subscriptions.facts, handles)
    asked = {*nodes, *refusals}
    subscriptions.nodes |= nodes
    results = await _create(channel, settings, subscriptions, list(nodes))
    ours = [
        handle
        for handle, code in results.items()
        if code in codes.FILTER_REFUSED and settings.tags[handle].has_deadband
    ]
    if ours:
        subscriptions.bands |= dict.fromkeys(ours, 0.0)  # so that they are asked for without it
        results |= await _create(channel, settings, subscriptions, ours)
        subscriptions.bands |= await _bands(channel, settings, subscriptions, ours)
    refusals |= {handle: code for handle, code in results.items() if code >> 31}
    subscriptions.refused -= asked
    subscriptions.refused |= set(refusals)
    return refusals


async def _create(
    channel: Channel, settings: OpcUaSettings, subscriptions: Subscriptions, handles: Sequence[int]
) -> dict[int, int]:
    """Handle -> status code of every item."""
    groups: dict[tuple[timedelta, int], list[int]] = {}
    for handle in handles:
        groups.setdefault(settings.group_of(handle), []).append(handle)
    results: dict[int, int] = {}
    for group, members in groups.items():
        results |= await _fill(channel, settings, subscriptions, group, members)
    return results


async def _fill(
    channel: Channel, settings: OpcUaSettings, subscriptions: Subscriptions, group: tuple[timedelta, int], of: list[int]
) -> dict[int, int]:
    """Spread the items `of` a group over its subscriptions, and over new ones once these are full."""
    results: dict[int, int] = {}
    left: Sequence[int] = of
    while left:
        one = next((one for one in subscriptions.each if one.group == group and subscriptions.room(one)), None)
        if one is None:
            try:
                one = await subscribe(channel, settings, group)
            except RequestRefused as error:
                if not subscriptions.each:
                    raise
                return results | dict.fromkeys(left, error.code)  # the others run; it may have room later
            subscriptions.each.append(one)
        part = parts(left[: subscriptions.room(one)], subscriptions.facts.max_items)[0]
        answer = await _create_part(channel, settings, subscriptions, one, part)
        results |= answer
        one.handles |= {handle for handle, code in answer.items() if not code >> 31}
        turned_away = [handle for handle, code in answer.items() if code == codes.BAD_TOO_MANY_MONITORED_ITEMS]
        if turned_away and not one.handles:  # so it is not the subscription that is full, but the server
            return dict.fromkeys(left, codes.BAD_TOO_MANY_MONITORED_ITEMS) | results
        one.full = bool(turned_away)
        left = [*turned_away, *left[len(part) :]]
    return results


async def _create_part(
    channel: Channel, settings: OpcUaSettings, subscriptions: Subscriptions, one: Subscription, part: Sequence[int]
) -> dict[int, int]:
    items = [
        item_request(settings, handle, subscriptions.nodes[handle], ours=handle in subscriptions.bands)
        for handle in part
    ]
    try:
        answer = await channel.create_items(one.terms.id, items, subscriptions.facts.namespaces)
    except RequestRefused as error:  # some servers refuse the call and not the items that are too many
        if error.code != codes.BAD_TOO_MANY_MONITORED_ITEMS:
            raise
        none = dict.fromkeys(part, error.code)
        half = len(part) // 2
        if not half:
            return none
        taken = await _create_part(channel, settings, subscriptions, one, part[:half])
        if error.code in taken.values():
            return none | taken
        return taken | await _create_part(channel, settings, subscriptions, one, part[half:])
    return dict(zip(part, answer, strict=True))


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
    channel: Channel, settings: OpcUaSettings, subscriptions: Subscriptions, handles: Sequence[int]
) -> dict[int, float]:
    """Deadbands in the unit of the value; a percentage of an unknown EURange is 0."""
    tags = settings.tags
    bands = {handle: tags[handle].deadband or 0.0 for handle in handles}
    for part in parts([h for h in handles if tags[h].deadband_percent is not None], subscriptions.facts.max_read):
        spans = await channel.spans([subscriptions.nodes[handle] for handle in part], subscriptions.facts.namespaces)
        for handle, span in zip(part, spans, strict=True):
            bands[handle] = (span or 0.0) * (tags[handle].deadband_percent or 0.0) / 100
    return bands
