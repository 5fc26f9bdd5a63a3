"""The publish pump: requests that wait at the server, messages in their order, and what is done about missing ones."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from connectors.errors import LinkDown, MalformedMessage, RequestRefused
from connectors.opcua import codes, sequence
from connectors.opcua.events import LinkEvents
from connectors.opcua.seam.channel import Channel
from connectors.opcua.seam.explain import code_name, lost_answer
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.subscription import Subscription, Subscriptions, read_values
from connectors.opcua.wire import Fault, Notification, read_publish, read_republish
from connectors.samples import Origin

MOST_REPUBLISHED = 1000  # bounds the loop against a server that always has another message


class Pump:
    """Takes the messages of all subscriptions of a session over one channel.

    A server that answers with faults only is not heard, so the watch ends what would be a dance of requests and faults
    without end.

    Attributes:
        subscriptions: The `expected` and `heard` of each move on with its messages; more may come at any time.
    """

    def __init__(
        self,
        settings: OpcUaSettings,
        channel: Channel,
        subscriptions: Subscriptions,
        events: LinkEvents,
        counters: Counter[str],
    ) -> None:
        """Make a pump; nothing is sent yet. `counters`: those of `Link` are counted here."""
        self._settings = settings
        self._channel = channel
        self.subscriptions = subscriptions
        self._events = events
        self._counters = counters
        self._answers: asyncio.Queue[asyncio.Future[Any]] = asyncio.Queue()  # bounded by the requests in flight
        self._acknowledge: list[tuple[int, int]] = []  # bounded by the messages between two requests
        self._in_flight = 0
        self._too_many = 0
        # Those whose messages of before this link are not all in; None: they are, and what stayed silent was read.
        self._unsettled: set[int] | None = {one.terms.id for one in subscriptions.each}

    @property
    def proven(self) -> bool:
        """One has spoken at least once: the link works."""
        return any(one.proven for one in self.subscriptions.each)

    async def catch_up(self) -> None:
        """Fetch what the server sent while nobody listened. Raises RequestRefused: a subscription is gone."""
        for subscription in self.subscriptions.each:
            for _ in range(MOST_REPUBLISHED):
                if not await self._republish(subscription, subscription.expected):
                    break

    async def run(self) -> None:
        """Keep publish requests waiting at the server and take what comes.

        Raises:
            ConnectorError: Why it came to an end; never returns.
        """
        for subscription in self.subscriptions.each:
            subscription.heard = asyncio.get_running_loop().time()
        self._fill()
        while True:
            answer = await self._answers.get()
            self._in_flight -= 1
            lost = lost_answer(self._settings, answer)
            if lost is not None:
                raise lost
            try:
                message = read_publish(bytes(answer.result()))
            except MalformedMessage:  # the next sequence number shows the hole, and it is asked for again
                self._counters["malformed_messages"] += 1
            else:
                if isinstance(message, Fault):
                    self._fault(message.code)
                else:
                    await self._take(message)
            self._fill()

    def _fill(self) -> None:
        # One more for each further subscription: they may all have something to say at once.
        wanted = self._settings.publish_in_flight + len(self.subscriptions.each) - 1 - self._too_many
        while self._in_flight < max(1, wanted):
            answer = self._channel.publish(self._acknowledge)
            self._acknowledge.clear()
            self._in_flight += 1
            answer.add_done_callback(self._answered)

    def _answered(self, answer: asyncio.Future[Any]) -> None:
        if not answer.cancelled():
            answer.exception()  # looked at: one that comes after the end is nobody's surprise
        self._answers.put_nowait(answer)

    def _fault(self, code: int) -> None:
        self._counters["publish_faults"] += 1
        if code == codes.BAD_TOO_MANY_PUBLISH_REQUESTS:
            self._too_many += self._in_flight > 0  # the last one is never given up
        elif code not in (codes.BAD_TIMEOUT, codes.BAD_REQUEST_TIMEOUT):  # those two: simply ask again
            raise LinkDown(
                self._settings.endpoint, f"publish: {code_name(code)}", resumable=code not in codes.SUBSCRIPTION_GONE
            )

    async def _take(self, message: Notification) -> None:
        subscription = next((one for one in self.subscriptions.each if one.terms.id == message.subscription), None)
        if subscription is None:  # left over from a subscription of this session that was lost
            self._counters["foreign_messages"] += 1
            return
        subscription.proven = True
        subscription.heard = asyncio.get_running_loop().time()
        missing = sequence.ahead(message.sequence, subscription.expected)
        if missing > 0:
            await self._fetch_missing(subscription, message.sequence)
        if message.keepalive:  # its number is that of the next message
            self._counters["keepalives"] += 1
        else:
            self._acknowledge.append((subscription.terms.id, message.sequence))
            if missing < 0:
                self._counters["duplicate_messages"] += 1
                return
            subscription.expected = sequence.after(message.sequence)
            self._counters["messages"] += 1
            if message.values:
                self._events.received(message.values, Origin.LIVE)
        if message.ended is not None:
            raise LinkDown(self._settings.endpoint, f"subscription ended: {code_name(message.ended)}", resumable=False)
        if subscription.behind:  # perhaps since an earlier link, which broke before it had read them
            await self._read(sorted(subscription.handles))
            subscription.behind = False
        if self._unsettled is not None and not message.more:
            self._unsettled.discard(message.subscription)
            if not self._unsettled:
                self._unsettled = None
                await self._read(self._events.settled())

    async def _fetch_missing(self, subscription: Subscription, coming: int) -> None:
        """Messages before number `coming` were skipped: fetch them again."""
        missing = sequence.ahead(coming, subscription.expected)
        lost = 0
        there = True
        for number in sequence.following(subscription.expected, min(missing, MOST_REPUBLISHED)):
            before, there = there, await self._republish(subscription, number)
            if not there:
                lost += 1
                subscription.behind = True
                if before:  # at once: what is replayed after it already stands behind the hole
                    self._events.missed(subscription.handles)
        if missing > MOST_REPUBLISHED:
            lost += missing - MOST_REPUBLISHED
            subscription.behind = True
            if there:
                self._events.missed(subscription.handles)
        subscription.expected = coming
        self._counters["lost_messages"] += lost

    async def _republish(self, subscription: Subscription, number: int) -> bool:
        """Fetch one message again. False if the server does not have it."""
        try:
            answer = read_republish(await self._channel.republish(subscription.terms.id, number))
        except RequestRefused as error:
            if error.code == codes.BAD_MESSAGE_NOT_AVAILABLE:
                return False
            raise
        except MalformedMessage:
            self._counters["malformed_messages"] += 1
            return False
        # Good and empty: how asyncua's server says "not available". Another number: not what was asked for.
        if isinstance(answer, Fault) or answer.keepalive or answer.sequence != number:
            return False
        self._counters["replayed_messages"] += 1
        self._events.received(answer.values, Origin.REPLAYED)
        self._acknowledge.append((subscription.terms.id, number))
        subscription.expected = sequence.after(number)
        return True

    async def _read(self, handles: Sequence[int]) -> None:
        async for values in read_values(self._channel, self._settings, self.subscriptions, handles):
            self._events.read(values)
