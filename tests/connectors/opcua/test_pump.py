"""The publish pump against a channel made of lists: gaps, republish, faults. No server."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from types import ModuleType
from typing import Any

import pytest
from asyncua import ua
from asyncua.ua.ua_binary import struct_to_binary

from connectors.errors import LinkDown
from connectors.opcua import codes
from connectors.opcua.address import parse_node
from connectors.opcua.pump import Pump
from connectors.opcua.subscription import Subscription, Subscriptions
from connectors.opcua.terms import ServerFacts, SubscriptionTerms
from connectors.samples import Origin

ID = 42


def _message(sequence: int, value: float | None) -> ua.NotificationMessage:
    message = ua.NotificationMessage(SequenceNumber=sequence)
    if value is not None:
        item = ua.MonitoredItemNotification(ClientHandle=0, Value=ua.DataValue(ua.Variant(value)))
        message.NotificationData = [ua.DataChangeNotification(MonitoredItems=[item])]
    return message


def _published(sequence: int, value: float | None = None, *, subscription: int = ID, more: bool = False) -> bytes:
    response = ua.PublishResponse()
    response.Parameters.SubscriptionId = subscription
    response.Parameters.MoreNotifications = more
    response.Parameters.NotificationMessage = _message(sequence, value)
    return struct_to_binary(response)


def _subscriptions(rig: ModuleType, *more: int) -> Subscriptions:
    """One with the tag `tick`, and further ones with a tag each, whose handle is its number."""
    each = [
        Subscription(SubscriptionTerms(one, 100.0, 1000, 10), handles={handle})
        for handle, one in enumerate((ID, *more))
    ]
    nodes = {handle: parse_node(f"nsu={rig.PLANT};s={handle}") for handle in range(len(each))}
    return Subscriptions(ServerFacts((rig.PLANT,), None, 0, 0), each, nodes=nodes)


def _fault(code: int) -> bytes:
    fault = ua.ServiceFault()
    fault.ResponseHeader.ServiceResult = ua.StatusCode(code)
    return struct_to_binary(fault)


class Channel:
    """Answers publish requests from a list, then fails; keeps `stored` messages for Republish."""

    renew_after_s = 3600.0

    def __init__(self, answers: list[bytes], stored: dict[int, float]) -> None:
        self.answers = answers
        self.stored = stored
        self.acknowledged: list[int] = []
        self.pairs: list[tuple[int, int]] = []
        self.nodes_read: list[list[Any]] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.requests = 0
        self.reads = 0

    def publish(self, acknowledged: Sequence[tuple[int, int]]) -> asyncio.Future[Any]:
        self.acknowledged += [sequence for _, sequence in acknowledged]
        self.pairs += acknowledged
        self.in_flight += 1
        self.requests += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(self._answer, future)
        return future

    def _answer(self, future: asyncio.Future[Any]) -> None:
        self.in_flight -= 1
        if self.answers:
            future.set_result(self.answers.pop(0))
        else:
            future.set_exception(ConnectionError("end of the list"))

    async def republish(self, subscription: int, sequence: int) -> bytes:
        response = ua.RepublishResponse()
        if sequence in self.stored:
            response.NotificationMessage = _message(sequence, self.stored[sequence])
        return struct_to_binary(response)

    async def read(self, nodes: Sequence[Any], namespaces: Sequence[str]) -> bytes:
        self.reads += 1
        self.nodes_read.append([node.identifier for node in nodes])
        return struct_to_binary(ua.ReadResponse(Results=[ua.DataValue(ua.Variant(99.0)) for _ in nodes]))

    def abort(self) -> None: ...


class Events:
    """Writes down what the link tells."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.silent: list[int] = []

    def received(self, values: Sequence[Any], origin: Origin) -> None:
        self.told += [(float(number), origin.name) for part in values for number in part.value]

    def read(self, values: Any) -> None:
        self.told += [(float(number), "READ") for number in values.value]

    def missed(self, handles: Collection[int]) -> None:
        self.told.append("missed" if set(handles) == {0} else f"missed {handles}")

    def settled(self) -> Sequence[int]:
        return self.silent

    def anew(self, server_time: int | None) -> None: ...

    def refused(self, refusals: dict[int, int], server_time: int | None) -> None: ...


async def _life(
    rig: ModuleType, channel: Channel, events: Events, subscriptions: Subscriptions, counters: Counter[str]
) -> LinkDown:
    pump = Pump(rig.make_settings(1, tags=("tick",)), channel, subscriptions, events, counters)
    with pytest.raises(LinkDown) as down:
        await pump.run()
    return down.value


Play = Callable[..., tuple[Events, Channel, Counter[str], LinkDown]]


@pytest.fixture
def play(rig: ModuleType) -> Play:
    def run(answers: list[bytes], stored: dict[int, float] | None = None) -> tuple[Any, ...]:
        events, channel, counters = Events(), Channel(answers, stored or {}), Counter()
        return events, channel, counters, asyncio.run(_life(rig, channel, events, _subscriptions(rig), counters))

    return run


def test_messages_in_order_are_passed_on_and_acknowledged(play: Play) -> None:
    events, channel, counters, _ = play([_published(1, 1.0), _published(2), _published(2, 2.0), _published(3, 3.0)])
    assert events.told == [(1.0, "LIVE"), (2.0, "LIVE"), (3.0, "LIVE")]
    assert channel.acknowledged[:2] == [1, 2]
    assert (counters["messages"], counters["keepalives"]) == (3, 1)
    assert channel.most_in_flight == 3


def test_missing_messages_are_fetched_again_before_the_next_is_passed_on(play: Play) -> None:
    """A6, republish available."""
    events, channel, counters, _ = play([_published(1, 1.0), _published(4, 4.0)], {2: 2.0, 3: 3.0})
    assert events.told == [(1.0, "LIVE"), (2.0, "REPLAYED"), (3.0, "REPLAYED"), (4.0, "LIVE")]
    assert counters["replayed_messages"] == 2
    assert channel.reads == 0


def test_a_keepalive_tells_of_missing_messages_too(play: Play) -> None:
    events, _, _, _ = play([_published(1, 1.0), _published(3)], {2: 2.0})
    assert events.told == [(1.0, "LIVE"), (2.0, "REPLAYED")]


def test_messages_that_are_gone_are_a_gap_and_all_values_are_read(play: Play) -> None:
    """A6, republish not available: one of two is gone."""
    events, channel, counters, _ = play([_published(1, 1.0), _published(4, 4.0), _published(5, 5.0)], {3: 3.0})
    assert events.told == [(1.0, "LIVE"), "missed", (3.0, "REPLAYED"), (4.0, "LIVE"), (99.0, "READ"), (5.0, "LIVE")]
    assert counters["lost_messages"] == 1
    assert channel.reads == 1


def test_a_message_that_came_already_is_not_passed_on_again(play: Play) -> None:
    events, _, counters, _ = play([_published(1, 1.0), _published(2, 2.0), _published(2, 2.0), _published(3, 3.0)])
    assert events.told == [(1.0, "LIVE"), (2.0, "LIVE"), (3.0, "LIVE")]
    assert counters["duplicate_messages"] == 1


def test_messages_of_another_subscription_are_nobodys(play: Play) -> None:
    """Its handles may be those of other tags."""
    events, channel, counters, _ = play([_published(1, 66.0, subscription=ID + 1), _published(1, 1.0)])
    assert events.told == [(1.0, "LIVE")]
    assert channel.acknowledged == [1]
    assert counters["foreign_messages"] == 1


def test_tags_that_stayed_silent_are_read_once_when_the_server_has_sent_what_it_kept(rig: ModuleType) -> None:
    channel = Channel([_published(1, 1.0, more=True), _published(2, 2.0), _published(3, 3.0)], {})
    events = Events()
    events.silent = [0]

    asyncio.run(_life(rig, channel, events, _subscriptions(rig), Counter()))
    assert events.told == [(1.0, "LIVE"), (2.0, "LIVE"), (99.0, "READ"), (3.0, "LIVE")]
    assert channel.reads == 1


def test_an_unreadable_message_is_asked_for_again(play: Play) -> None:
    events, _, counters, _ = play([_published(1, 1.0), b"\x01\x00\x3d\x03garbage", _published(3, 3.0)], {2: 2.0})
    assert events.told == [(1.0, "LIVE"), (2.0, "REPLAYED"), (3.0, "LIVE")]
    assert counters["malformed_messages"] == 1


def test_values_are_read_by_the_next_link_if_this_one_breaks_before(rig: ModuleType) -> None:
    """A6 and A2 together: the message that told of the hole is not sent again."""
    subscriptions = _subscriptions(rig)

    class Breaking(Channel):
        async def read(self, nodes: Sequence[Any], namespaces: Sequence[str]) -> bytes:
            raise LinkDown("x", "cut in the middle of it")

    first, second, events = Breaking([_published(3, 3.0)], {}), Channel([_published(4), _published(4)], {}), Events()
    asyncio.run(_life(rig, first, events, subscriptions, Counter()))
    assert events.told == ["missed", (3.0, "LIVE")]
    asyncio.run(_life(rig, second, events, subscriptions, Counter()))
    assert events.told[2:] == [(99.0, "READ")]
    assert second.reads == 1


@pytest.mark.parametrize(
    ("answer", "heard"), [(_fault(codes.BAD_TIMEOUT), False), (_published(1), True)], ids=["fault", "keepalive"]
)
def test_a_server_is_not_heard_by_its_faults(rig: ModuleType, answer: bytes, heard: bool) -> None:
    async def scenario() -> None:
        channel = Channel([answer], {})
        pump = Pump(rig.make_settings(1, tags=("tick",)), channel, _subscriptions(rig), Events(), Counter())
        (one,) = pump.subscriptions.each
        running = asyncio.create_task(pump.run())
        await asyncio.sleep(0)
        begin = one.heard
        assert begin > 0
        with pytest.raises(LinkDown):
            await running
        assert (one.heard > begin) is heard
        assert pump.proven is heard

    asyncio.run(scenario())


def test_too_many_publish_requests_shrink_the_pump(play: Play) -> None:
    faults = [_fault(codes.BAD_TOO_MANY_PUBLISH_REQUESTS)] * 5
    events, channel, _, _ = play([*faults, _published(1, 1.0)])
    assert events.told == [(1.0, "LIVE")]
    assert channel.requests == 3 + 4  # three at first; the two refusals that shrink it are not replaced, the rest are


@pytest.mark.parametrize(
    ("code", "resumable"), [(codes.BAD_NO_SUBSCRIPTION, False), (codes.BAD_SESSION_CLOSED, False), (0x80020000, True)]
)
def test_faults_end_the_link(play: Play, code: int, resumable: bool) -> None:
    """A3: what is gone at the server is not resumed."""
    _, _, _, down = play([_published(1, 1.0), _fault(code)])
    assert down.resumable is resumable


def test_a_status_change_ends_the_subscription(play: Play) -> None:
    response = ua.PublishResponse()
    response.Parameters.SubscriptionId = ID
    response.Parameters.NotificationMessage.SequenceNumber = 1
    response.Parameters.NotificationMessage.NotificationData = [
        ua.StatusChangeNotification(Status=ua.StatusCode(ua.StatusCodes.BadTimeout))
    ]
    _, _, _, down = play([struct_to_binary(response)])
    assert "BadTimeout" in str(down)
    assert not down.resumable


OTHER = 43


def _of_two(rig: ModuleType, answers: list[bytes], stored: dict[int, float] | None = None) -> tuple[Any, ...]:
    events, channel, counters = Events(), Channel(answers, stored or {}), Counter[str]()
    events.silent = [0, 1]
    subscriptions = _subscriptions(rig, OTHER)
    asyncio.run(_life(rig, channel, events, subscriptions, counters))
    return events, channel, counters, subscriptions


def test_every_subscription_counts_its_own_messages(rig: ModuleType) -> None:
    answers = [_published(1, 1.0), _published(1, 10.0, subscription=OTHER), _published(2, 2.0)]
    events, channel, counters, subscriptions = _of_two(rig, [*answers, _published(2, 20.0, subscription=OTHER)])
    assert [value for value, how in events.told if how == "LIVE"] == [1.0, 10.0, 2.0, 20.0]
    assert (counters["messages"], counters["foreign_messages"], counters["lost_messages"]) == (4, 0, 0)
    assert [one.expected for one in subscriptions.each] == [3, 3]
    assert sorted(channel.pairs[:3]) == [(ID, 1), (ID, 2), (OTHER, 1)]
    assert channel.most_in_flight == 4  # both may have something to say at once


def test_a_hole_in_one_subscription_is_one_of_its_tags_only(rig: ModuleType) -> None:
    """A6, republish not available."""
    answers = [_published(1, 1.0), _published(3, 10.0, subscription=OTHER), _published(2, 2.0)]
    events, channel, _, subscriptions = _of_two(rig, answers)
    assert events.told[:4] == [(1.0, "LIVE"), "missed {1}", (10.0, "LIVE"), (99.0, "READ")]
    assert channel.nodes_read[0] == ["1"]
    assert not any(one.behind for one in subscriptions.each)


def test_what_stayed_silent_is_read_when_the_last_subscription_has_sent_what_it_kept(rig: ModuleType) -> None:
    answers = [_published(1, 1.0), _published(2, 2.0), _published(1, subscription=OTHER), _published(3, 3.0)]
    events, _, _, _ = _of_two(rig, answers)
    assert events.told == [(1.0, "LIVE"), (2.0, "LIVE"), (99.0, "READ"), (99.0, "READ"), (3.0, "LIVE")]


def test_what_was_kept_is_fetched_of_every_subscription(rig: ModuleType) -> None:
    channel, events = Channel([], {1: 1.0, 2: 2.0}), Events()
    pump = Pump(rig.make_settings(1, tags=("tick",)), channel, _subscriptions(rig, OTHER), events, Counter())
    asyncio.run(pump.catch_up())
    assert events.told == [(1.0, "REPLAYED"), (2.0, "REPLAYED")] * 2
    assert [one.expected for one in pump.subscriptions.each] == [3, 3]
