"""One life of a link: open, subscribe or resume, publish until it breaks. A new `Link` is made for every attempt."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from connectors.errors import ConnectorError, EndpointUnreachable, LinkDown, RequestRefused, SecurityRefused
from connectors.opcua import codes
from connectors.opcua.backfill import Backfill
from connectors.opcua.events import LinkEvents
from connectors.opcua.items import create_items
from connectors.opcua.poll import Poller
from connectors.opcua.pump import Pump
from connectors.opcua.seam.channel import Channel
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.subscription import Held, Subscriptions, subscribe
from connectors.opcua.terms import Node, ServerFacts

RETRY_REFUSED = timedelta(seconds=30)
PATIENCE_S = 2.0  # beyond one and a half keep-alives: a busy server, a slow path
OPEN_ALLOWANCE_S = 0.01  # a tag: 10,000 items took 2 to 5.5 s to create on the servers that were measured


class Link:
    """Opened once, run once, closed once.

    Attributes:
        was_open: `open` succeeded.
        took_over: A session that was held is ours; it must not be closed for a failure that comes after.
    """

    def __init__(
        self,
        settings: OpcUaSettings,
        events: LinkEvents,
        counters: Counter[str],
        retry_refused: timedelta = RETRY_REFUSED,
        backfill: Backfill | None = None,
    ) -> None:
        """Make a link; nothing is opened yet.

        Args:
            settings: Handles of items are positions in its tags.
            events: Told of everything that comes.
            counters: Counted here: "messages", "keepalives", "replayed_messages", "lost_messages",
                "duplicate_messages", "malformed_messages", "foreign_messages", "publish_faults".
            retry_refused: How often items that were refused are tried again.
            backfill: Reads holes from history through this link; None = they stay.
        """
        self._settings = settings
        self._events = events
        self._counters = counters
        self._retry_refused = retry_refused
        self._backfill = backfill
        self._facts: ServerFacts | None = None
        self._channel: Channel | None = None
        self._pump: Pump | None = None
        self._poller: Poller | None = None
        self.was_open = False
        self.took_over = False

    async def open(self, held: Held | None) -> bool:
        """Connect and resume what is held, or begin anew.

        Returns:
            True if the old subscriptions live on and nothing was lost that the server had kept.

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
                    await self._begin(self._channel)
                self.was_open = True
                return resumed
        except TimeoutError:
            raise EndpointUnreachable(settings.endpoint, f"not open within {seconds:.0f} s") from None

    async def run(self) -> None:
        """Publish until the link breaks. Call it once `open` has succeeded.

        Raises:
            ConnectorError: Why it broke; never returns.
        """
        channel, pump = self._channel, self._pump
        assert channel is not None
        try:
            async with asyncio.TaskGroup() as group:
                if pump is not None:
                    group.create_task(pump.run())  # first: the watch counts from its begin
                    group.create_task(self._watch(channel, pump))
                    group.create_task(self._retry(channel, pump.subscriptions))
                if self._poller is not None:  # a server that does not answer is found out by the time-out of a read
                    group.create_task(self._poller.run(self._retry_refused))
                if self._backfill is not None and self._facts is not None:
                    group.create_task(self._backfill.run(channel, self._nodes, self._facts))
                group.create_task(self._renew(channel))
        except ExceptionGroup as group_of_errors:  # the first ended the link; the rest followed from its end
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
    def proven(self) -> bool:
        """A subscription has spoken at least once, or something was read: the link works."""
        return any(part is not None and part.proven for part in (self._pump, self._poller))

    @property
    def may_live_on(self) -> bool:
        """There is a session at the server that another link can resume; without a subscription it is worth nothing."""
        return bool(self._settings.subscribed) and (self.was_open or self.took_over)

    def hold(self) -> Held | None:
        """What another link may resume."""
        if self._channel is None or self._pump is None or not self._channel.has_session:
            return None
        return Held(self._channel.held_session(), self._pump.subscriptions)

    async def _resume(self, channel: Channel, held: Held) -> bool:
        try:
            await channel.resume(held.session)
        except (RequestRefused, SecurityRefused):  # the session is gone, or was never ours; a new one will say more
            return False
        self.took_over = True
        self._pump = self._pump_of(channel, held.subscriptions.over_another_channel())
        try:
            await self._pump.catch_up()
        except RequestRefused as error:
            if error.code not in codes.SUBSCRIPTION_GONE:
                raise
            self._pump = None
            self.took_over = False
            with contextlib.suppress(RequestRefused):  # the others must not go on beside the new ones
                await channel.delete_subscriptions([one.terms.id for one in held.subscriptions.each])
            return False
        await self._prepare_polls(channel, held.subscriptions.facts)
        return True

    async def _begin(self, channel: Channel) -> None:
        facts = await channel.read_facts()
        subscriptions = Subscriptions(facts)
        handles = self._settings.subscribed
        if handles:  # even if no item turns out to exist, there is one: its keep-alive says that the link lives
            group = self._settings.group_of(handles[0])
            subscriptions.each.append(await subscribe(channel, self._settings, group))
        self._events.anew(facts.time)
        if handles:
            await self._create(channel, subscriptions, handles)
            self._pump = self._pump_of(channel, subscriptions)
        await self._prepare_polls(channel, facts)

    def _nodes(self) -> dict[int, Node]:
        """Handle -> node of the tags that are there."""
        nodes: dict[int, Node] = dict(self._poller.nodes) if self._poller is not None else {}
        if self._pump is not None:
            there = self._pump.subscriptions
            nodes |= {handle: node for handle, node in there.nodes.items() if handle not in there.refused}
        return nodes

    async def _prepare_polls(self, channel: Channel, facts: ServerFacts) -> None:
        self._facts = facts
        if self._settings.polled:
            self._poller = Poller(self._settings, channel, facts, self._events, self._counters)
            await self._poller.find()

    def _pump_of(self, channel: Channel, subscriptions: Subscriptions) -> Pump:
        return Pump(self._settings, channel, subscriptions, self._events, self._counters)

    async def _create(self, channel: Channel, subscriptions: Subscriptions, handles: Iterable[int]) -> None:
        """Create items. What is refused is told, and tried later."""
        refusals = await create_items(channel, self._settings, subscriptions, handles)
        if subscriptions.bands:
            self._events.deadbands(subscriptions.bands)
        if refusals:
            self._events.refused(refusals, subscriptions.facts.time)

    async def _watch(self, channel: Channel, pump: Pump) -> None:
        """A server says something every keep-alive; one that does not is gone, whatever TCP believes."""
        loop = asyncio.get_running_loop()
        while True:
            due, number = min(
                (one.heard + 1.5 * one.keepalive_s + PATIENCE_S, number)
                for number, one in enumerate(pump.subscriptions.each)
            )
            if due <= loop.time():
                break
            await asyncio.sleep(due - loop.time())
        channel.abort()
        silent = pump.subscriptions.each[number]
        quiet_s = loop.time() - silent.heard
        # A resumed subscription that never says a word does not exist any more, though the server took the session.
        raise LinkDown(self._settings.endpoint, f"no publish response for {quiet_s:.1f} s", resumable=silent.proven)

    async def _renew(self, channel: Channel) -> None:
        while True:
            await asyncio.sleep(channel.renew_after_s)
            await channel.renew()

    async def _retry(self, channel: Channel, subscriptions: Subscriptions) -> None:
        """Items that were refused may exist by now: a program was loaded, a namespace was added."""
        while True:
            await asyncio.sleep(self._retry_refused.total_seconds())
            if subscriptions.refused:
                subscriptions.facts = await channel.read_facts()
                await self._create(channel, subscriptions, sorted(subscriptions.refused))


def is_resumable(error: ConnectorError) -> bool:
    """Whether the session may live on at the server after this error."""
    return not isinstance(error, LinkDown) or error.resumable
