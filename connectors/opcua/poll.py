"""Tags that are read again and again, for servers without subscriptions and for tags that must be sampled by us."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

import numpy as np

from connectors.errors import LinkDown, RequestRefused
from connectors.opcua import codes
from connectors.opcua.address import NodeAddress
from connectors.opcua.columns import Shape, Values
from connectors.opcua.events import LinkEvents
from connectors.opcua.resolve import resolve
from connectors.opcua.seam.channel import Channel
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.subscription import parts
from connectors.opcua.terms import RegisteredNode, ServerFacts
from connectors.opcua.wire import Fault, read_read


class Poller:
    """Reads the polled tags of one session.

    Attributes:
        proven: Something was read: the link works.
    """

    def __init__(
        self, settings: OpcUaSettings, channel: Channel, facts: ServerFacts, events: LinkEvents, counters: Counter[str]
    ) -> None:
        """Nothing is sent yet. `counters`: counted here: "polls", "polls_skipped", "failed_reads" (tags)."""
        self._settings = settings
        self._channel = channel
        self._facts = facts
        self._events = events
        self._counters = counters
        self._nodes: dict[int, NodeAddress | RegisteredNode] = {}
        self._missing: dict[int, int] = {}
        self.proven = False

    @property
    def nodes(self) -> Mapping[int, NodeAddress | RegisteredNode]:
        """Handle -> node of the tags that were found."""
        return self._nodes

    async def find(self) -> None:
        """Look the nodes up and register them, so that the server need not find them at every read.

        Raises:
            LinkDown: The link broke.
        """
        nodes, self._missing = await resolve(self._channel, self._settings, self._facts, self._settings.polled)
        self._nodes = dict(nodes)
        for part in parts(list(nodes), self._facts.max_register):
            try:
                registered = await self._channel.register([nodes[handle] for handle in part], self._facts.namespaces)
            except RequestRefused:  # it is a help and no need
                return
            self._nodes |= zip(part, registered, strict=True)

    async def run(self, retry: timedelta) -> None:
        """Poll until cancelled; tags that are not there are looked up again every `retry`.

        Raises:
            LinkDown: The link broke.
        """
        by_interval: dict[timedelta, list[int]] = {}
        for handle, interval in self._settings.polled.items():
            by_interval.setdefault(interval, []).append(handle)
        try:
            async with asyncio.TaskGroup() as group:
                for interval, handles in by_interval.items():
                    group.create_task(self._poll(interval.total_seconds(), handles))
                group.create_task(self._search(retry.total_seconds()))
        except ExceptionGroup as errors:  # one error ended the link; nobody above knows of a group
            raise errors.exceptions[0] from None

    async def _poll(self, interval_s: float, handles: Sequence[int]) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self.read(handles)
            self._counters["polls"] += 1
            due += interval_s
            late = loop.time() - due
            if late > 0:  # a read that took longer than the interval; the next one keeps the beat
                skipped = int(late // interval_s) + 1
                self._counters["polls_skipped"] += skipped
                due += skipped * interval_s
            await asyncio.sleep(due - loop.time())

    async def read(self, handles: Sequence[int]) -> None:
        """Read these tags once. One that cannot be read is told as bad, with the server's code."""
        missing = [handle for handle in handles if handle in self._missing]
        if missing:
            self._tell(failed(missing, [self._missing[handle] for handle in missing]))
        for part in parts([handle for handle in handles if handle in self._nodes], self._facts.max_read):
            try:
                answer = await self._channel.read([self._nodes[handle] for handle in part], self._facts.namespaces)
                values = read_read(answer)
            except RequestRefused as error:
                values = Fault(error.code)
            if isinstance(values, Fault):
                if values.code in codes.SUBSCRIPTION_GONE:
                    raise LinkDown(self._settings.endpoint, f"read: 0x{values.code:08X}", resumable=False)
                values = failed(part, [values.code] * len(part))
            elif len(values) != len(part):
                raise LinkDown(self._settings.endpoint, "a read was answered in part", resumable=False)
            else:
                self.proven = True
                values.handle = np.array(part, dtype=np.uint32)
            self._tell(values)

    def _tell(self, values: Values) -> None:
        self._counters["failed_reads"] += int(np.count_nonzero(values.status >> 31))
        for handle in values.handle[np.isin(values.status, codes.NODE_GONE)].tolist():
            if handle in self._nodes:  # a registration does not outlive its node
                self._missing[handle] = codes.BAD_NODE_ID_UNKNOWN
                del self._nodes[handle]
        self._events.read(values)

    async def _search(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            if self._missing:
                self._facts = await self._channel.read_facts()
                await self.find()


def failed(handles: Sequence[int], status: Sequence[int]) -> Values:
    """What a read that did not work says of these tags: no value, no time."""
    n = len(handles)
    return Values(
        np.array(handles, dtype=np.uint32),
        np.full(n, np.nan),
        np.array(status, dtype=np.uint32),
        np.zeros(n, dtype=np.int64),
        np.zeros(n, dtype=np.int64),
        np.full(n, Shape.NOTHING, dtype=np.uint8),
    )
