"""Items and reads in parts: every value under its own handle, refused ones left out. No server."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from connectors.errors import LinkDown, RequestRefused
from connectors.opcua import codes
from connectors.opcua.address import NodeAddress, parse_node
from connectors.opcua.items import create_items
from connectors.opcua.path import BrowsePath
from connectors.opcua.settings import OpcUaTag
from connectors.opcua.subscription import Subscription, Subscriptions, read_values
from connectors.opcua.terms import ChangeFilter, ItemRequest, ServerFacts, SubscriptionTerms

TAGS = ("tick", "wave", "bad", "text", "setpoint")
USUAL = (timedelta(milliseconds=100), 0)  # publishing interval and priority of `make_settings`
REFUSED, UNSUPPORTED, NO_MATCH = 0x80340000, 0x80440000, 0x806F0000


class Channel:
    """Knows the position of a node's name in `TAGS` as its value."""

    def __init__(self, missing: int = 0) -> None:
        self.sizes: list[int] = []
        self.missing = missing
        self.nodes: dict[int, NodeAddress] = {}
        self.filters: dict[int, ChangeFilter | None] = {}

    async def create_items(self, _id: int, items: Sequence[ItemRequest], _namespaces: Sequence[str]) -> list[int]:
        self.sizes.append(len(items))
        self.nodes |= {item.handle: item.node for item in items}
        self.filters |= {item.handle: item.filter for item in items}
        return [
            REFUSED if item.node.identifier == "wave" else UNSUPPORTED if self._refuses(item) else 0 for item in items
        ]

    def _refuses(self, item: ItemRequest) -> bool:
        """A deadband, as BadMonitoredItemFilterUnsupported."""
        wanted = item.filter
        return wanted is not None and (wanted.deadband is not None or wanted.deadband_percent is not None)

    async def translate(self, paths: Sequence[BrowsePath], _namespaces: Sequence[str]) -> list[NodeAddress | int]:
        self.sizes.append(len(paths))
        names = [path.steps[-1][1] for path in paths]
        return [NO_MATCH if name == "gone" else parse_node(f"nsu=urn:moved;s={name}") for name in names]

    async def spans(self, nodes: Sequence[Any], _namespaces: Sequence[str]) -> list[float | None]:
        self.sizes.append(len(nodes))
        return [50.0 if node.identifier == "tick" else None for node in nodes]

    async def read(self, nodes: Sequence[Any], _namespaces: Sequence[str]) -> bytes:
        self.sizes.append(len(nodes))
        results = [ua.DataValue(ua.Variant(float(TAGS.index(node.identifier)))) for node in nodes]
        return struct_to_binary(ua.ReadResponse(Results=results[self.missing :]))


def _subscriptions(plant: str, limit: int) -> Subscriptions:
    nodes = {handle: parse_node(f"nsu={plant};s={name}") for handle, name in enumerate(TAGS)}
    facts = ServerFacts(("ua", plant), None, limit, limit, limit)
    return Subscriptions(facts, [_made(1)], nodes=nodes)


def _made(number: int, group: tuple[timedelta, int] = USUAL) -> Subscription:
    return Subscription(SubscriptionTerms(number, 100.0, 1000, 10), group)


async def _read(
    rig: ModuleType, channel: Any, subscriptions: Subscriptions, handles: Sequence[int]
) -> dict[int, float]:
    settings = rig.make_settings(1, tags=TAGS)
    parts = [values async for values in read_values(channel, settings, subscriptions, handles)]
    return {int(h): float(v) for part in parts for h, v in zip(part.handle, part.value, strict=True)}


def test_every_value_that_is_read_goes_to_its_own_tag(rig: ModuleType) -> None:
    channel, subscriptions = Channel(), _subscriptions(rig.PLANT, limit=2)
    subscriptions.refused = {1}
    assert asyncio.run(_read(rig, channel, subscriptions, [0, 1, 3, 4])) == {0: 0.0, 3: 3.0, 4: 4.0}
    assert channel.sizes == [2, 1]


def test_an_answer_with_fewer_values_is_not_guessed_at(rig: ModuleType) -> None:
    with pytest.raises(LinkDown) as down:
        asyncio.run(_read(rig, Channel(missing=1), _subscriptions(rig.PLANT, limit=0), [0, 2]))
    assert not down.value.resumable


def test_what_the_server_refuses_is_kept_in_mind_until_it_takes_it(rig: ModuleType) -> None:
    channel, subscriptions = Channel(), _subscriptions(rig.PLANT, limit=3)
    settings = rig.make_settings(1, tags=TAGS)
    subscriptions.refused = {4}
    assert asyncio.run(create_items(channel, settings, subscriptions, range(5))) == {1: REFUSED}  # type: ignore[arg-type]
    assert subscriptions.refused == {1}
    assert channel.sizes == [3, 2]


def test_a_deadband_that_the_server_refuses_becomes_ours_in_the_unit_of_the_value(rig: ModuleType) -> None:
    channel, subscriptions = Channel(), _subscriptions(rig.PLANT, limit=2)
    settings = rig.make_settings(1, tags=TAGS)
    tick, wave, bad, text, setpoint = settings.tags
    tags = (
        dataclasses.replace(tick, deadband_percent=2.0),
        wave,
        dataclasses.replace(bad, deadband_percent=2.0, trigger="status_value_timestamp"),
        dataclasses.replace(text, deadband=0.5),
        dataclasses.replace(setpoint, trigger="status"),
    )
    settings = dataclasses.replace(settings, tags=tags)
    assert asyncio.run(create_items(channel, settings, subscriptions, range(5))) == {1: REFUSED}  # type: ignore[arg-type]
    assert subscriptions.bands == {0: 1.0, 2: 0.0, 3: 0.5}
    assert channel.filters == {
        0: None,
        1: None,
        2: ChangeFilter("status_value_timestamp"),
        3: None,
        4: ChangeFilter("status"),
    }
    assert channel.sizes == [2, 2, 1, 2, 1, 2]


def test_paths_are_found_in_calls_that_the_server_takes_and_a_lost_one_is_refused_alone(rig: ModuleType) -> None:
    channel, subscriptions = Channel(), _subscriptions(rig.PLANT, limit=2)
    names = ("tick", "gone", "setpoint", "text", "elsewhere")
    tags = tuple(OpcUaTag("pump", name, f"path=/0:Objects/nsu={rig.PLANT};{name}") for name in names[:4])
    tags = (*tags, OpcUaTag("pump", "absent", "path=/nsu=urn:absent;elsewhere"))
    settings = dataclasses.replace(rig.make_settings(1), tags=tags)
    subscriptions.facts = ServerFacts(("http://opcfoundation.org/UA/", rig.PLANT), None, 0, 0, 2)
    refusals = asyncio.run(create_items(channel, settings, subscriptions, range(5)))  # type: ignore[arg-type]
    assert refusals == {1: NO_MATCH, 4: NO_MATCH}
    assert subscriptions.refused == {1, 4}
    assert channel.sizes == [2, 2, 3]  # two calls for four paths, then the three items
    assert channel.nodes == {h: parse_node(f"nsu=urn:moved;s={names[h]}") for h in (0, 2, 3)}


class Limited(Channel):
    """Takes so many items a subscription, so many at all, and so many subscriptions."""

    def __init__(self, per_subscription: int = 99, at_all: int = 99, subscriptions: int = 99) -> None:
        super().__init__()
        self.per_subscription, self.at_all, self.most = per_subscription, at_all, subscriptions
        self.made: list[tuple[float, int]] = []
        self.held: dict[int, list[int]] = {}
        self.calls_refused = False
        self.calls = self.turned_away = 0

    async def create_subscription(
        self, interval_ms: float, lifetime: int, keepalive: int, priority: int
    ) -> SubscriptionTerms:
        if len(self.made) == self.most:
            raise RequestRefused("x", "CreateSubscription", codes.BAD_TOO_MANY_SUBSCRIPTIONS, "")
        self.made.append((interval_ms, priority))
        self.held[len(self.made)] = []
        return SubscriptionTerms(len(self.made), interval_ms, lifetime, keepalive)

    async def create_items(self, number: int, items: Sequence[ItemRequest], _namespaces: Sequence[str]) -> list[int]:
        held = self.held[number]
        room = min(self.per_subscription - len(held), self.at_all - sum(map(len, self.held.values())))
        self.calls += 1
        if room < len(items) and self.calls_refused:
            raise RequestRefused("x", "CreateMonitoredItems", codes.BAD_TOO_MANY_MONITORED_ITEMS, "")
        held += [item.handle for item in items[:room]]
        self.turned_away += max(0, len(items) - room)
        return [0 if i < room else codes.BAD_TOO_MANY_MONITORED_ITEMS for i in range(len(items))]


def _spread(
    rig: ModuleType, channel: Limited, told: int = 0, **of_tags: dict[str, Any]
) -> tuple[Subscriptions, dict[int, int]]:
    tags = tuple(dataclasses.replace(tag, **of_tags.get(tag.tag, {})) for tag in rig.make_settings(1, tags=TAGS).tags)
    settings = dataclasses.replace(rig.make_settings(1), tags=tags)
    subscriptions = Subscriptions(ServerFacts(("ua", rig.PLANT), None, 0, 0, max_per_subscription=told))
    return subscriptions, asyncio.run(create_items(channel, settings, subscriptions, range(5)))  # type: ignore[arg-type]


@pytest.mark.parametrize("told", [2, 0], ids=["told", "found out"])
def test_items_are_spread_over_as_many_subscriptions_as_they_need(rig: ModuleType, told: int) -> None:
    """A9."""
    channel = Limited(per_subscription=2)
    subscriptions, refusals = _spread(rig, channel, told)
    assert refusals == {}
    assert channel.held == {1: [0, 1], 2: [2, 3], 3: [4]}
    assert (channel.turned_away == 0) is bool(told)
    assert [one.handles for one in subscriptions.each] == [{0, 1}, {2, 3}, {4}]
    assert [subscriptions.room(one) > 0 for one in subscriptions.each] == [False, False, True]


def test_a_call_that_is_refused_as_a_whole_leads_to_another_subscription(rig: ModuleType) -> None:
    channel = Limited(per_subscription=300, at_all=2000)
    channel.calls_refused = True
    subscriptions = Subscriptions(ServerFacts(("ua", rig.PLANT), None, 0, 0))
    settings = dataclasses.replace(
        rig.make_settings(1),
        tags=tuple(OpcUaTag("pump", f"t{i}", f"nsu={rig.PLANT};s=t{i}") for i in range(1100)),
    )
    assert asyncio.run(create_items(channel, settings, subscriptions, range(1100))) == {}  # type: ignore[arg-type]
    assert [len(one.handles) for one in subscriptions.each] == [300, 300, 300, 200]
    assert channel.calls < 80


def test_a_server_that_is_full_refuses_the_rest_and_is_not_filled_with_empty_subscriptions(rig: ModuleType) -> None:
    channel = Limited(per_subscription=2, at_all=3)
    subscriptions, refusals = _spread(rig, channel, told=2)
    assert refusals == dict.fromkeys((3, 4), codes.BAD_TOO_MANY_MONITORED_ITEMS)
    settings = rig.make_settings(1, tags=TAGS)
    for _ in range(3):  # as it is tried every 30 s
        assert len(asyncio.run(create_items(channel, settings, subscriptions, (3, 4)))) == 2  # type: ignore[arg-type]
    assert len(channel.made) <= 3
    channel.at_all = 99
    assert asyncio.run(create_items(channel, settings, subscriptions, (3, 4))) == {}  # type: ignore[arg-type]
    assert sorted(handle for held in channel.held.values() for handle in held) == [0, 1, 2, 3, 4]


def test_a_server_without_another_subscription_refuses_the_rest(rig: ModuleType) -> None:
    _, refusals = _spread(rig, Limited(per_subscription=2, subscriptions=2), told=2)
    assert refusals == {4: codes.BAD_TOO_MANY_SUBSCRIPTIONS}


def test_a_server_without_any_subscription_is_an_error(rig: ModuleType) -> None:
    with pytest.raises(RequestRefused):
        _spread(rig, Limited(subscriptions=0))


def test_tags_that_share_interval_and_priority_share_a_subscription(rig: ModuleType) -> None:
    slow = {"publishing_interval": timedelta(seconds=2)}
    channel = Limited()
    subscriptions, _ = _spread(rig, channel, wave=slow, text={"priority": 7}, setpoint=slow)
    assert channel.made == [(100.0, 0), (2000.0, 0), (100.0, 7)]
    assert channel.held == {1: [0, 2], 2: [1, 4], 3: [3]}
    assert [one.terms.keepalive_count for one in subscriptions.each] == [5, 1, 5]  # 500 ms in intervals of each
