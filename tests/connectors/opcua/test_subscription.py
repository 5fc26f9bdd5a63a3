"""Items and reads in parts: every value under its own handle, refused ones left out. No server."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from connectors.errors import LinkDown
from connectors.opcua.address import NodeAddress, parse_node
from connectors.opcua.items import create_items
from connectors.opcua.path import BrowsePath
from connectors.opcua.settings import OpcUaTag
from connectors.opcua.subscription import Subscription, read_values
from connectors.opcua.terms import ChangeFilter, ItemRequest, ServerFacts, SubscriptionTerms

TAGS = ("tick", "wave", "bad", "text", "setpoint")
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


def _subscription(plant: str, limit: int) -> Subscription:
    nodes = {handle: parse_node(f"nsu={plant};s={name}") for handle, name in enumerate(TAGS)}
    facts = ServerFacts(("ua", plant), None, limit, limit, limit)
    return Subscription(SubscriptionTerms(1, 100.0, 1000, 10), facts, nodes=nodes)


async def _read(rig: ModuleType, channel: Any, subscription: Subscription, handles: Sequence[int]) -> dict[int, float]:
    settings = rig.make_settings(1, tags=TAGS)
    parts = [values async for values in read_values(channel, settings, subscription, handles)]
    return {int(h): float(v) for part in parts for h, v in zip(part.handle, part.value, strict=True)}


def test_every_value_that_is_read_goes_to_its_own_tag(rig: ModuleType) -> None:
    channel, subscription = Channel(), _subscription(rig.PLANT, limit=2)
    subscription.refused = {1}
    assert asyncio.run(_read(rig, channel, subscription, [0, 1, 3, 4])) == {0: 0.0, 3: 3.0, 4: 4.0}
    assert channel.sizes == [2, 1]


def test_an_answer_with_fewer_values_is_not_guessed_at(rig: ModuleType) -> None:
    with pytest.raises(LinkDown) as down:
        asyncio.run(_read(rig, Channel(missing=1), _subscription(rig.PLANT, limit=0), [0, 2]))
    assert not down.value.resumable


def test_what_the_server_refuses_is_kept_in_mind_until_it_takes_it(rig: ModuleType) -> None:
    channel, subscription = Channel(), _subscription(rig.PLANT, limit=3)
    settings = rig.make_settings(1, tags=TAGS)
    subscription.refused = {4}
    assert asyncio.run(create_items(channel, settings, subscription, range(5))) == {1: REFUSED}  # type: ignore[arg-type]
    assert subscription.refused == {1}
    assert channel.sizes == [3, 2]


def test_a_deadband_that_the_server_refuses_becomes_ours_in_the_unit_of_the_value(rig: ModuleType) -> None:
    channel, subscription = Channel(), _subscription(rig.PLANT, limit=2)
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
    assert asyncio.run(create_items(channel, settings, subscription, range(5))) == {1: REFUSED}  # type: ignore[arg-type]
    assert subscription.bands == {0: 1.0, 2: 0.0, 3: 0.5}
    assert channel.filters == {
        0: None,
        1: None,
        2: ChangeFilter("status_value_timestamp"),
        3: None,
        4: ChangeFilter("status"),
    }
    assert channel.sizes == [2, 2, 1, 2, 1, 2]


def test_paths_are_found_in_calls_that_the_server_takes_and_a_lost_one_is_refused_alone(rig: ModuleType) -> None:
    channel, subscription = Channel(), _subscription(rig.PLANT, limit=2)
    names = ("tick", "gone", "setpoint", "text", "elsewhere")
    tags = tuple(OpcUaTag("pump", name, f"path=/0:Objects/nsu={rig.PLANT};{name}") for name in names[:4])
    tags = (*tags, OpcUaTag("pump", "absent", "path=/nsu=urn:absent;elsewhere"))
    settings = dataclasses.replace(rig.make_settings(1), tags=tags)
    subscription.facts = ServerFacts(("http://opcfoundation.org/UA/", rig.PLANT), None, 0, 0, 2)
    refusals = asyncio.run(create_items(channel, settings, subscription, range(5)))  # type: ignore[arg-type]
    assert refusals == {1: NO_MATCH, 4: NO_MATCH}
    assert subscription.refused == {1, 4}
    assert channel.sizes == [2, 2, 3]  # two calls for four paths, then the three items
    assert channel.nodes == {h: parse_node(f"nsu=urn:moved;s={names[h]}") for h in (0, 2, 3)}
