"""One life of a link: open, subscribe or resume, publish until it breaks. A new `Link` is made for every attempt."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Protocol

import numpy as np

from connectors.errors import (
    ConnectorError,
    EndpointUnreachable,
    LinkDown,
    MalformedMessage,
    RequestRefused,
    SecurityRefused,
)
from connectors.opcua import codes, sequence
from connectors.opcua.columns import Values
from connectors.opcua.seam.channel import Channel
from connectors.opcua.seam.explain import code_name, lost_answer
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.terms import HeldSession, ItemRequest, ServerFacts, SubscriptionTerms
from connectors.opcua.wire import Fault, Notification, read_publish, read_read, read_republish
from connectors.samples import Origin

ITEMS_PER_CALL = (
    500  # S7-1500 takes 1000 in a call; half of it leaves room for small servers (protocol notes in README)
)
RETRY_REFUSED = timedelta(seconds=30)
MOST_REPUBLISHED = 1000  # bounds the loop against a server that always has another message
OPEN_ALLOWANCE_S = 0.01  # a tag: 10,000 items took 2 to 5.5 s to create on the servers that were measured


class LinkEvents(Protocol):
    """What a link tells its owner, in the event loop, in order. Nothing of it may block or raise."""

    def received(self, values: Sequence[Values], origin: Origin) -> None:
        """Values of one message."""

    def refused(self, refusals: dict[int, int], server_time: int | None) -> None:
        """Handle -> status code of the items that the server would not monitor; its clock in ns, if it tells."""

    def anew(self) -> None:
        """A new subscription begins. Whatever the one before it had not told yet is lost."""

    def missed(self) -> None:
        """Messages are lost for good; what comes next follows upon a hole."""

    def settled(self) -> Sequence[int]:
        """What the server had kept has arrived, once a link. Returns handles whose values shall be read now."""


@dataclass(slots=True)
class Subscription:
    """The subscription as the server sees it.

    Attributes:
        terms: As revised.
        facts: Of the server, when it was created.
        expected: Sequence number of the next message.
        refused: Handles of the items that do not exist there.
    """

    terms: SubscriptionTerms
    facts: ServerFacts
    expected: int = sequence.FIRST
    refused: set[int] = field(default_factory=set)

    @property
    def keepalive_s(self) -> float:
        """The longest time without any message."""
        return self.terms.interval_ms * self.terms.keepalive_count / 1000


@dataclass(frozen=True, slots=True)
class Held:
    """What survives a broken link: the session and the subscription that may live on at the server."""

    session: HeldSession
    subscription: Subscription


class Link:
    """Opened once, run once, closed once.

    Attributes:
        was_open: `open` succeeded.
        took_over: A session that was held is ours; it must not be closed for a failure that comes after.
        proven: At least one publish response has come: the link works.
    """

    def __init__(
        self,
        settings: OpcUaSettings,
        events: LinkEvents,
        counters: Counter[str],
        retry_refused: timedelta = RETRY_REFUSED,
    ) -> None:
        """Make a link; nothing is opened yet.

        Args:
            settings: Handles of items are positions in its tags.
            events: Told of everything that comes.
            counters: Counted here: "messages", "keepalives", "replayed_messages", "lost_messages",
                "duplicate_messages", "malformed_messages", "foreign_messages", "publish_faults".
            retry_refused: How often items that were refused are tried again.
        """
        self._settings = settings
        self._events = events
        self._counters = counters
        self._retry_refused = retry_refused
        self._addresses = [tag.address for tag in settings.tags]
        self._channel: Channel | None = None
        self._subscription: Subscription | None = None
        self._answers: asyncio.Queue[asyncio.Future[Any]] = asyncio.Queue()  # bounded by the requests in flight
        self._acknowledge: list[tuple[int, int]] = []
        self._in_flight = 0
        self._wanted_in_flight = settings.publish_in_flight
        self._heard = 0.0
        self._settled = False
        self.was_open = False
        self.took_over = False
        self.proven = False

    async def open(self, held: Held | None) -> bool:
        """Connect and resume what is held, or begin anew.

        Returns:
            True if the old subscription lives on and nothing was lost that the server had kept.

        Raises:
            ConnectorError: What stood in the way.
        """
        settings = self._settings
        seconds = settings.connect_timeout.total_seconds() + 3 * settings.request_timeout.total_seconds()
        seconds += OPEN_ALLOWANCE_S * len(settings.tags)
        try:
            async with asyncio.timeout(seconds):
                self._channel = await Channel.open(settings)
                resumed = held is not None and await self._resume(self._channel, held)
                if not resumed:
                    if not self._channel.has_session:
                        await self._channel.create_session()
                    await self._subscribe(self._channel)
                self.was_open = True
                return resumed
        except TimeoutError:
            raise EndpointUnreachable(settings.endpoint, f"not open within {seconds:.0f} s") from None

    async def run(self) -> None:
        """Publish until the link breaks.

        Raises:
            ConnectorError: Why it broke; never returns.
        """
        self._heard = asyncio.get_running_loop().time()
        try:
            async with asyncio.TaskGroup() as group:
                for work in (self._pump, self._watch, self._renew, self._retry):
                    group.create_task(work())
        except ExceptionGroup as group_of_errors:
            raise group_of_errors.exceptions[0] from None

    async def close(self, *, keep_session: bool) -> None:
        """Let go of the connection. `keep_session`: without a word, so that the session can be resumed."""
        if self._channel is None:
            return
        if keep_session:
            self._channel.abort()
        else:
            await self._channel.close()

    @property
    def may_live_on(self) -> bool:
        """There is a session at the server that another link can resume."""
        return self.was_open or self.took_over

    def hold(self) -> Held | None:
        """What another link may resume."""
        if self._channel is None or self._subscription is None or not self._channel.has_session:
            return None
        return Held(self._channel.held_session(), self._subscription)

    async def _read(self, handles: Sequence[int]) -> None:
        """Read values that the subscription will not tell: it speaks of changes only."""
        channel, subscription = self._live()
        handles = [handle for handle in handles if handle not in subscription.refused]
        size = min(subscription.facts.max_read or ITEMS_PER_CALL, ITEMS_PER_CALL)
        for start in range(0, len(handles), size):
            part = handles[start : start + size]
            values = read_read(await channel.read([self._addresses[h] for h in part], subscription.facts.namespaces))
            if isinstance(values, Fault) or len(values) != len(part):
                raise LinkDown(self._settings.endpoint, "values could not be read after a gap", resumable=False)
            values.handle = np.array(part, dtype=np.uint32)
            self._events.received([values], Origin.LIVE)

    async def _resume(self, channel: Channel, held: Held) -> bool:
        try:
            await channel.resume(held.session)
        except (RequestRefused, SecurityRefused):  # the session is gone, or was never ours; a new one will say more
            return False
        self.took_over = True
        self._subscription = replace(held.subscription)
        try:
            for _ in range(MOST_REPUBLISHED):
                if not await self._republish(channel, self._subscription.expected):
                    break
        except RequestRefused as error:
            if error.code not in codes.SUBSCRIPTION_GONE:
                raise
            self._subscription = None
            self.took_over = False
            return False
        return True

    async def _republish(self, channel: Channel, number: int) -> bool:
        """Fetch one message again. False if the server does not have it."""
        subscription = self._live()[1]
        try:
            answer = read_republish(await channel.republish(subscription.terms.id, number))
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

    async def _subscribe(self, channel: Channel) -> None:
        settings = self._settings
        facts = await channel.read_facts()
        interval_ms = settings.publishing_interval.total_seconds() * 1000
        terms = await channel.create_subscription(interval_ms, *self._counts(interval_ms))
        lifetime, keepalive = self._counts(terms.interval_ms)
        if terms.interval_ms != interval_ms and keepalive != terms.keepalive_count:
            # Both counts are in publishing intervals; the server took another one, so they have to be asked for again.
            terms = await channel.modify_subscription(
                replace(terms, lifetime_count=lifetime, keepalive_count=keepalive)
            )
        self._subscription = Subscription(terms, facts)
        self._events.anew()
        await self._create_items(channel, range(len(self._addresses)))

    def _counts(self, interval_ms: float) -> tuple[int, int]:
        """Lifetime and keep-alive count for an interval.

        The lifetime is at least three keep-alives (OPC 10000-4, 5.14.2), and the subscription must not die before its
        session does.
        """
        interval_s = max(interval_ms, 1.0) / 1000
        keepalive = max(1, math.ceil(self._settings.keepalive.total_seconds() / interval_s))
        lifetime = max(3 * keepalive, math.ceil(self._settings.session_timeout.total_seconds() / interval_s))
        return lifetime, keepalive

    async def _create_items(self, channel: Channel, handles: Sequence[int]) -> None:
        """Create monitored items, in chunks, one call after the other. What is refused is told, and tried later."""
        settings, subscription = self._settings, self._live()[1]
        facts = subscription.facts
        refusals = {h: codes.BAD_NODE_ID_UNKNOWN for h in handles if self._addresses[h].uri not in facts.namespaces}
        known = [h for h in handles if h not in refusals]
        size = min(facts.max_items or ITEMS_PER_CALL, ITEMS_PER_CALL)
        for start in range(0, len(known), size):
            part = known[start : start + size]
            items = [
                ItemRequest(
                    handle,
                    self._addresses[handle],
                    settings.sampling_of(settings.tags[handle]).total_seconds() * 1000,
                    settings.queue_of(settings.tags[handle]),
                )
                for handle in part
            ]
            results = await channel.create_items(subscription.terms.id, items, facts.namespaces)
            refusals |= {handle: code for handle, code in zip(part, results, strict=True) if code >> 31}
        subscription.refused -= set(handles)
        subscription.refused |= set(refusals)
        if refusals:
            self._events.refused(refusals, facts.time)

    async def _pump(self) -> None:
        """Keep publish requests waiting at the server and take what comes."""
        self._fill()
        while True:
            answer = await self._answers.get()
            self._in_flight -= 1
            lost = lost_answer(self._settings, answer)
            if lost is not None:
                raise lost
            self._heard = asyncio.get_running_loop().time()
            try:
                message = read_publish(bytes(answer.result()))
            except MalformedMessage:  # the next sequence number shows the hole, and it is asked for again
                self._counters["malformed_messages"] += 1
            else:
                if isinstance(message, Fault):
                    self._fault(message.code)
                else:
                    self.proven = True
                    await self._take(message)
            self._fill()

    def _fill(self) -> None:
        channel = self._live()[0]
        while self._in_flight < self._wanted_in_flight:
            answer = channel.publish(self._acknowledge)
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
            self._wanted_in_flight = max(1, self._wanted_in_flight - 1)
        elif code not in (codes.BAD_TIMEOUT, codes.BAD_REQUEST_TIMEOUT):  # those two: simply ask again
            raise LinkDown(
                self._settings.endpoint, f"publish: {code_name(code)}", resumable=code not in codes.SUBSCRIPTION_GONE
            )

    async def _take(self, message: Notification) -> None:
        channel, subscription = self._live()
        if message.subscription != subscription.terms.id:  # left over from a subscription of this session that was lost
            self._counters["foreign_messages"] += 1
            return
        missing = sequence.ahead(message.sequence, subscription.expected)
        lost = missing > 0 and not await self._fetch_missing(channel, subscription, message.sequence)
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
        if lost:
            await self._read(range(len(self._addresses)))
        if not self._settled and not message.more:
            self._settled = True
            await self._read(self._events.settled())

    async def _fetch_missing(self, channel: Channel, subscription: Subscription, coming: int) -> bool:
        """Messages before number `coming` were skipped: fetch them again. False if some are gone."""
        missing = sequence.ahead(coming, subscription.expected)
        lost = 0
        for number in sequence.following(subscription.expected, min(missing, MOST_REPUBLISHED)):
            if not await self._republish(channel, number):
                lost += 1
        if missing > MOST_REPUBLISHED:
            lost += missing - MOST_REPUBLISHED
        subscription.expected = coming
        if lost:
            self._counters["lost_messages"] += lost
            self._events.missed()
        return not lost

    async def _watch(self) -> None:
        """A server says something every keep-alive; one that does not is gone, whatever TCP believes."""
        channel, subscription = self._live()
        loop = asyncio.get_running_loop()
        patience = 1.5 * subscription.keepalive_s + 2.0
        while (quiet := loop.time() - self._heard) < patience:  # noqa: ASYNC110  a deadline that moves
            await asyncio.sleep(patience - quiet)
        channel.abort()
        # A resumed subscription that never says a word does not exist any more, though the server took the session.
        raise LinkDown(self._settings.endpoint, f"no publish response for {quiet:.1f} s", resumable=self.proven)

    async def _renew(self) -> None:
        channel = self._live()[0]
        while True:
            await asyncio.sleep(channel.renew_after_s)
            await channel.renew()

    async def _retry(self) -> None:
        """Items that were refused may exist by now: a program was loaded, a namespace was added."""
        channel, subscription = self._live()
        while True:
            await asyncio.sleep(self._retry_refused.total_seconds())
            if subscription.refused:
                subscription.facts = await channel.read_facts()
                await self._create_items(channel, sorted(subscription.refused))

    def _live(self) -> tuple[Channel, Subscription]:
        if self._channel is None or self._subscription is None:
            raise LinkDown(self._settings.endpoint, "not open")
        return self._channel, self._subscription


def is_resumable(error: ConnectorError) -> bool:
    """Whether the session may live on at the server after this error."""
    return not isinstance(error, LinkDown) or error.resumable
