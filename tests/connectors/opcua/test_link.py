"""How a link comes to its subscription, and when it is given up. The channel is made of answers; no server."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from types import ModuleType
from typing import Any

import pytest

from connectors.errors import LinkDown, RequestRefused
from connectors.opcua import codes
from connectors.opcua.link import Link
from connectors.opcua.subscription import Held, Subscription, Subscriptions
from connectors.opcua.terms import HeldSession, ItemRequest, ServerFacts, SubscriptionTerms

HELD_ID, NEW_ID = 7, 8
SESSION = HeldSession("token", "nonce", "policies", None)


class Channel:
    """A server whose session or subscription may be gone."""

    renew_after_s = 3600.0

    def __init__(self, namespaces: tuple[str, ...], gone: str = "", interval_ms: float = 100.0) -> None:
        self.namespaces = namespaces
        self.gone = gone
        self.interval_ms = interval_ms
        self.has_session = False
        self.done: list[str] = []
        self.asked: list[tuple[int, int, int]] = []
        self.items: dict[int, Sequence[str]] = {}

    async def resume(self, held: HeldSession) -> None:
        self.done.append("resume")
        if self.gone == "session":
            raise RequestRefused("x", "ActivateSession", codes.BAD_SESSION_ID_INVALID, "BadSessionIdInvalid")
        self.has_session = True

    async def create_session(self) -> None:
        self.done.append("create_session")
        self.has_session = True

    def held_session(self) -> HeldSession:
        return SESSION

    async def republish(self, subscription: int, sequence: int) -> bytes:
        code = codes.BAD_SUBSCRIPTION_ID_INVALID if self.gone == "subscription" else codes.BAD_MESSAGE_NOT_AVAILABLE
        raise RequestRefused("x", "Republish", code, "")

    async def read_facts(self) -> ServerFacts:
        return ServerFacts(self.namespaces, None, 0, 0)

    async def create_subscription(
        self, interval_ms: float, lifetime: int, keepalive: int, _priority: int
    ) -> SubscriptionTerms:
        self.done.append("create_subscription")
        self.asked.append((int(interval_ms), lifetime, keepalive))
        return SubscriptionTerms(NEW_ID, self.interval_ms, lifetime, keepalive)

    async def modify_subscription(self, terms: SubscriptionTerms, _priority: int) -> SubscriptionTerms:
        self.asked.append((int(terms.interval_ms), terms.lifetime_count, terms.keepalive_count))
        return terms

    async def delete_subscriptions(self, subscriptions: Sequence[int]) -> None:
        self.done.append(f"delete {subscriptions}")

    async def create_items(self, _id: int, items: Sequence[ItemRequest], namespaces: Sequence[str]) -> list[int]:
        self.items |= {item.handle: namespaces for item in items}
        return [0] * len(items)

    def publish(self, acknowledged: Sequence[tuple[int, int]]) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().create_future()  # never a word

    async def renew(self) -> None:
        raise LinkDown("x", "no new token")

    def abort(self) -> None:
        self.done.append("abort")


class Events:
    """Writes down what the link tells."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def received(self, values: Sequence[Any], origin: Any) -> None: ...

    def read(self, values: Any) -> None: ...

    def missed(self, handles: Collection[int]) -> None: ...

    def settled(self) -> Sequence[int]:
        return ()

    def anew(self, server_time: int | None) -> None:
        self.told.append("anew")

    def refused(self, refusals: dict[int, int], server_time: int | None) -> None:
        self.told.append(refusals)


def _open(
    rig: ModuleType, monkeypatch: pytest.MonkeyPatch, channel: Channel, *, held: bool
) -> tuple[Link, Events, bool]:
    async def opened(_settings: Any) -> Channel:
        return channel

    monkeypatch.setattr("connectors.opcua.link.Channel.open", opened)
    events = Events()
    link = Link(rig.make_settings(1, tags=("tick", "setpoint")), events, Counter())
    one = Subscription(SubscriptionTerms(HELD_ID, 100.0, 1000, 5))
    before = Subscriptions(ServerFacts(("ua", "s", rig.PLANT), None, 0, 0), [one])
    return link, events, asyncio.run(link.open(Held(SESSION, before) if held else None))


def test_what_is_held_is_resumed_and_nothing_is_made_again(rig: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Channel(("ua", "s", rig.PLANT))
    link, events, resumed = _open(rig, monkeypatch, channel, held=True)
    assert resumed
    assert (channel.done, channel.items, events.told) == (["resume"], {}, [])
    held = link.hold()
    assert held is not None
    assert [one.terms.id for one in held.subscriptions.each] == [HELD_ID]


@pytest.mark.parametrize(
    ("gone", "done"),
    [
        ("session", ["resume", "create_session", "create_subscription"]),
        ("subscription", ["resume", "delete [7]", "create_subscription"]),
    ],
)
def test_what_is_gone_is_made_anew_with_the_namespaces_of_now(
    rig: ModuleType, monkeypatch: pytest.MonkeyPatch, gone: str, done: list[str]
) -> None:
    """A1: the index of before may belong to somebody else by now."""
    now = ("ua", "s", "urn:test:other", rig.PLANT)
    channel = Channel(now, gone)
    link, events, resumed = _open(rig, monkeypatch, channel, held=True)
    assert not resumed
    assert channel.done == done
    assert channel.items == {0: now, 1: now}
    assert events.told == ["anew"]
    held = link.hold()
    assert held is not None
    assert [one.terms.id for one in held.subscriptions.each] == [NEW_ID]


def test_tags_of_an_absent_namespace_are_refused_and_not_asked_for(
    rig: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = Channel(("ua", "s", "urn:test:other"))
    _, events, _ = _open(rig, monkeypatch, channel, held=False)
    assert channel.items == {}
    assert events.told == ["anew", dict.fromkeys((0, 1), codes.BAD_NODE_ID_UNKNOWN)]


def test_counts_follow_the_interval_that_the_server_took(rig: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """500 ms of keep-alive and 120 s of session: 5 and 1200 intervals of 100 ms, 1 and 120 of a second."""
    channel = Channel(("ua",), interval_ms=1000.0)
    _open(rig, monkeypatch, channel, held=False)
    assert channel.asked == [(100, 1200, 5), (1000, 120, 1)]


@pytest.mark.parametrize("proven", [True, False])
def test_a_silent_server_is_given_up_and_a_silent_resumption_is_not_tried_again(
    rig: ModuleType, monkeypatch: pytest.MonkeyPatch, proven: bool
) -> None:
    """A3, A4: the session is worth another try only if the subscription ever spoke."""
    channel = Channel(("ua", "s", rig.PLANT))
    link, _, _ = _open(rig, monkeypatch, channel, held=True)
    pump = link._pump
    assert pump is not None
    (one,) = pump.subscriptions.each
    one.proven = proven
    monkeypatch.setattr("connectors.opcua.link.PATIENCE_S", 0.0)
    one.terms = SubscriptionTerms(HELD_ID, 1.0, 1000, 5)
    with pytest.raises(LinkDown, match="no publish response") as down:
        asyncio.run(link.run())
    assert down.value.resumable is proven
    assert channel.done[-1] == "abort"


def test_the_security_token_is_renewed_in_time(rig: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Channel(("ua", "s", rig.PLANT))
    channel.renew_after_s = 0.0
    link, _, _ = _open(rig, monkeypatch, channel, held=False)
    with pytest.raises(LinkDown, match="no new token"):
        asyncio.run(link.run())


def test_one_silent_subscription_among_others_ends_the_link(rig: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A3: another one that speaks says nothing of it."""
    channel = Channel(("ua", "s", rig.PLANT))
    link, _, _ = _open(rig, monkeypatch, channel, held=True)
    pump = link._pump
    assert pump is not None
    (silent,) = pump.subscriptions.each
    silent.terms = SubscriptionTerms(HELD_ID, 1.0, 1000, 5)
    pump.subscriptions.each.append(Subscription(SubscriptionTerms(NEW_ID, 60_000.0, 1000, 5), proven=True))
    monkeypatch.setattr("connectors.opcua.link.PATIENCE_S", 0.0)
    with pytest.raises(LinkDown, match="no publish response") as down:
        asyncio.run(link.run())
    assert not down.value.resumable
