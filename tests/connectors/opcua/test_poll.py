"""Polling: what is read, in which calls, and that a read which fails is a bad sample. No server."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from connectors.errors import LinkDown, RequestRefused
from connectors.opcua import codes
from connectors.opcua.poll import Poller
from connectors.opcua.terms import RegisteredNode, ServerFacts

NAMES = ("tick", "setpoint", "bad", "text")
REFUSED = 0x80100000  # BadTooManyOperations


class Channel:
    """Registers nodes as their names; answers with the position of a node's name."""

    def __init__(self, plant: str, refuses: str = "") -> None:
        self.namespaces = ("ua", plant)
        self.refuses = refuses
        self.gone: set[str] = set()
        self.calls: list[tuple[str, int]] = []
        self.registered: set[str] = set()
        self.answer: bytes | RequestRefused | None = None

    async def register(self, nodes: Sequence[Any], _namespaces: Sequence[str]) -> list[RegisteredNode]:
        self.calls.append(("register", len(nodes)))
        if self.refuses:
            raise RequestRefused("x", "RegisterNodes", 0x800B0000, "BadServiceUnsupported")
        self.registered |= {node.identifier for node in nodes}
        return [RegisteredNode(node.identifier) for node in nodes]

    async def read(self, nodes: Sequence[Any], _namespaces: Sequence[str]) -> bytes:
        self.calls.append(("read", len(nodes)))
        if isinstance(self.answer, RequestRefused):
            raise self.answer
        if self.answer is not None:
            return self.answer
        names = [node.id if isinstance(node, RegisteredNode) else node.identifier for node in nodes]
        unknown = ua.DataValue(ua.Variant(), ua.StatusCode(ua.StatusCodes.BadNodeIdUnknown))
        results = [
            unknown if name in self.gone else ua.DataValue(ua.Variant(float(NAMES.index(name)))) for name in names
        ]
        return struct_to_binary(ua.ReadResponse(Results=results))

    async def read_facts(self) -> ServerFacts:
        self.calls.append(("facts", 0))
        return ServerFacts(self.namespaces, None, 2, 0)


class Events:
    """Keeps the values that were read: handle, value or status."""

    def __init__(self) -> None:
        self.told: list[tuple[int, float | int]] = []

    def read(self, values: Any) -> None:
        rows = zip(values.handle.tolist(), values.value.tolist(), values.status.tolist(), strict=True)
        self.told += [(handle, code or value) for handle, value, code in rows]


def _poller(rig: ModuleType, channel: Channel, **changes: object) -> tuple[Poller, Events, Counter[str]]:
    settings = rig.make_settings(1, tags=NAMES, poll_interval=timedelta(milliseconds=10), **changes)
    events, counters = Events(), Counter[str]()
    facts = ServerFacts(channel.namespaces, None, max_read=2, max_items=0, max_register=3)
    return Poller(settings, channel, facts, events, counters), events, counters  # type: ignore[arg-type]


def test_calls_are_split_to_the_servers_limits_and_go_by_registered_nodes(rig: ModuleType) -> None:
    """A9."""
    channel = Channel(rig.PLANT)
    poller, events, _ = _poller(rig, channel)

    async def scenario() -> None:
        await poller.find()
        await poller.read(range(4))

    asyncio.run(scenario())
    assert channel.calls == [("register", 3), ("register", 1), ("read", 2), ("read", 2)]
    assert channel.registered == set(NAMES)
    assert events.told == [(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0)]
    assert poller.proven


def test_a_server_that_registers_nothing_is_read_all_the_same(rig: ModuleType) -> None:
    channel = Channel(rig.PLANT, refuses="register")
    poller, events, _ = _poller(rig, channel)

    async def scenario() -> None:
        await poller.find()
        await poller.read([3])

    asyncio.run(scenario())
    assert events.told == [(3, 3.0)]


@pytest.mark.parametrize("how", ["refused", "fault"])
def test_a_read_that_fails_is_a_bad_sample_for_each_of_its_tags(rig: ModuleType, how: str) -> None:
    fault = ua.ServiceFault()
    fault.ResponseHeader.ServiceResult = ua.StatusCode(REFUSED)
    channel = Channel(rig.PLANT)
    channel.answer = RequestRefused("x", "Read", REFUSED, "") if how == "refused" else struct_to_binary(fault)
    poller, events, counters = _poller(rig, channel)

    async def scenario() -> None:
        await poller.find()
        await poller.read([0, 2])

    asyncio.run(scenario())
    assert events.told == [(0, REFUSED), (2, REFUSED)]
    assert counters["failed_reads"] == 2
    assert not poller.proven


@pytest.mark.parametrize("answer", [RequestRefused("x", "Read", codes.BAD_SESSION_ID_INVALID, ""), None])
def test_a_lost_session_and_an_answer_in_part_end_the_link(rig: ModuleType, answer: RequestRefused | None) -> None:
    channel = Channel(rig.PLANT)
    channel.answer = answer or struct_to_binary(ua.ReadResponse(Results=[]))
    poller, _, _ = _poller(rig, channel)

    async def scenario() -> None:
        await poller.find()
        await poller.read([0])

    with pytest.raises(LinkDown) as down:
        asyncio.run(scenario())
    assert not down.value.resumable


def test_a_tag_that_is_gone_is_bad_at_every_poll_and_looked_up_again(rig: ModuleType) -> None:
    """A1."""
    channel = Channel(rig.PLANT)
    channel.gone = {"setpoint"}
    poller, events, counters = _poller(rig, channel)

    async def scenario() -> None:
        await poller.find()
        for _ in range(2):
            await poller.read([0, 1])
        channel.gone = set()
        polling = asyncio.create_task(poller.run(timedelta(milliseconds=1)))
        while (1, 1.0) not in events.told:  # noqa: ASYNC110  until it is found
            await asyncio.sleep(0)
        polling.cancel()

    asyncio.run(asyncio.wait_for(scenario(), 5))
    assert events.told[:4] == [(0, 0.0), (1, codes.BAD_NODE_ID_UNKNOWN), (1, codes.BAD_NODE_ID_UNKNOWN), (0, 0.0)]
    assert ("facts", 0) in channel.calls
    assert counters["polls"] >= 1


def test_tags_have_intervals_of_their_own(rig: ModuleType) -> None:
    settings = rig.make_settings(1, tags=NAMES)
    first, *others = settings.tags
    fast = timedelta(milliseconds=50)
    mixed = dataclasses.replace(settings, tags=(dataclasses.replace(first, poll_interval=fast), *others))
    assert (mixed.polled, mixed.subscribed) == ({0: fast}, (1, 2, 3))
    all_of_them = dataclasses.replace(mixed, poll_interval=timedelta(seconds=1))
    assert all_of_them.polled == {0: fast, **dict.fromkeys((1, 2, 3), timedelta(seconds=1))}
    assert all_of_them.subscribed == ()
