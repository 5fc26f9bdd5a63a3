"""The Modbus driver: polls one unit on a fixed grid, keeps its link, and says so in the data where it cannot."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import structlog
from numpy.typing import NDArray

from connectors.backoff import Backoff
from connectors.driver import Emit
from connectors.errors import EndpointUnreachable
from connectors.modbus.master import Master
from connectors.modbus.poll import Clock, Columns, Poller
from connectors.modbus.settings import ModbusSettings
from connectors.modbus.transport import Connect, Transport, connect_tcp
from connectors.samples import Notice, NoticeKind, SampleBatch
from connectors.tags import TagTable

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Asset:
    """The share of one asset in a poll: `tag[i]` is the number of the tag that row `rows[i]` feeds."""

    table: TagTable
    rows: NDArray[np.intp]
    tag: NDArray[np.uint16]


class ModbusDriver:
    """One unit behind one endpoint; implements `connectors.driver.Driver`.

    Every poll emits one block per asset with every tag of this driver exactly once: a value, or NaN and the reason.
    """

    def __init__(
        self,
        settings: ModbusSettings,
        tables: Sequence[TagTable],
        *,
        connect: Connect | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Plan the polls; nothing is opened yet.

        Args:
            settings: Of the unit.
            tables: The assets of the gateway; those that no tag names are ignored.
            connect: Opens the transport; plain TCP by default.
            clock: Time; the machine's by default.
            rng: Spreads the reconnects.

        Raises:
            ValueError: a tag names an asset or a tag that is not in the tables, or a waveform tag.
        """
        self._settings = settings
        self._clock = clock or Clock()
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._connect = connect or self._connect_tcp
        self._counts: Counter[str] = Counter()
        self._master: Master | None = None
        self._tried = asyncio.Event()
        self._why_down = ""  # why the last attempt to connect failed
        self._last_reply = 0  # source time of the last reply, or the start
        self._down_since: int | None = None
        self._tables, self._owner, self._number = _resolve(settings, tables)
        self._poller = Poller(settings, lambda: self._master, self._counts, self._clock)
        self._assets = self._share_out()

    @property
    def name(self) -> str:
        """Unique in the gateway."""
        return self._settings.name

    @property
    def tables(self) -> Sequence[TagTable]:
        """The assets that this driver has tags of."""
        return self._tables

    def counters(self) -> Mapping[str, int]:
        """Counts since the start; which ones is listed in this folder's README."""
        return dict(self._counts)

    async def run(self, emit: Emit) -> None:
        """See `Driver`. Once at a time."""
        self._last_reply = self._clock.wall()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_link())
            tasks.create_task(self._poll_on_grid(emit))

    # Link

    async def _connect_tcp(self) -> Transport:
        settings = self._settings
        return await connect_tcp(settings.host, settings.port, settings.connect_timeout)

    async def _keep_link(self) -> None:
        """Connect, wait for the end of the connection, connect again.

        A connection that brought replies may have been idle for too long for the device: it is replaced at once, which
        goes unnoticed between two polls. One that brought none counts as a failure, or a port that accepts and hangs
        up would be hammered.
        """
        settings = self._settings
        backoff = Backoff(settings.reconnect_min, settings.reconnect_max, self._rng)
        try:
            while True:
                if await self._hold_one_link():
                    backoff.reset()
                else:
                    await self._clock.sleep(backoff.next())
        finally:
            if self._master is not None:
                self._master.abort()

    async def _hold_one_link(self) -> bool:
        """One connection from its start to its end. True where it brought replies."""
        settings = self._settings
        try:
            transport = await self._connect()
        except EndpointUnreachable as error:
            self._why_down = str(error)
            self._tried.set()
            return False
        self._why_down = ""
        self._counts["connects"] += 1
        self._master = master = Master(
            transport, self._counts, timeout=settings.timeout, pause=settings.pause, monotonic=self._clock.monotonic
        )
        self._tried.set()
        await transport.closed.wait()
        self._master = None
        return master.answered

    # Polls

    async def _poll_on_grid(self, emit: Emit) -> None:
        interval = round(self._settings.poll_interval.total_seconds() * 1e9)
        await self._tried.wait()  # or every start would begin with a bad sample
        due = self._clock.monotonic()
        while True:
            columns = await self._poller.poll(due + interval)
            self._counts["polls"] += 1
            self._emit_notices(columns, emit)
            self._emit_blocks(columns, emit)
            self._poller.replan()
            due, skipped = next_due(due, interval, self._clock.monotonic())
            self._counts["polls_skipped"] += skipped
            await self._clock.sleep(max(0, due - self._clock.monotonic()) / 1e9)

    def _emit_notices(self, columns: Columns, emit: Emit) -> None:
        """A gap per asset once the device is heard again after polls in which it was not."""
        outage = columns.outage
        if outage is not None and self._down_since is None:
            self._down_since = columns.heard_before or self._last_reply
            log.error("link_down", driver=self.name, why=self._why_down or str(outage))
        if outage is None and columns.first_reply is not None and self._down_since is not None:
            log.info("link_up", driver=self.name, endpoint=self._settings.endpoint)
            for table in self._tables:
                gap = (self._down_since, columns.first_reply)
                emit(Notice(NoticeKind.GAP, table.asset, "link_down", *gap, source=self.name))
            self._down_since = None
        self._last_reply = columns.last_reply or self._last_reply

    def _emit_blocks(self, columns: Columns, emit: Emit) -> None:
        for asset in self._assets:
            rows = asset.rows
            emit(
                SampleBatch(
                    asset.table,
                    asset.tag,
                    columns.source_time[rows],
                    columns.value[rows],
                    columns.status[rows],
                    columns.received_time,
                )
            )
        self._counts["samples"] += len(columns.value)

    def _share_out(self) -> tuple[_Asset, ...]:
        """Rows of each asset in the order of reading, so that source times ascend within a block."""
        order = self._poller.order
        shares = []
        for i, table in enumerate(self._tables):
            rows = order[self._owner[order] == i]
            shares.append(_Asset(table, rows, self._number[rows]))
        return tuple(shares)


def next_due(due: int, interval: int, now: int) -> tuple[int, int]:
    """When the next poll is due: on the grid of the first one, whatever the last one took.

    Args:
        due: When the last poll was due, monotonic ns.
        interval: ns.
        now: Monotonic ns, not before `due`.

    Returns:
        The next grid point that is not past, and how many were passed over. A poll is late by less than one interval
        or not made at all: two at once would bring nothing that one does not.
    """
    skipped = max(0, (now - due - 1) // interval)
    return due + (skipped + 1) * interval, skipped


def _resolve(
    settings: ModbusSettings, tables: Sequence[TagTable]
) -> tuple[tuple[TagTable, ...], NDArray[np.intp], NDArray[np.uint16]]:
    """The tables in use, and for each address (row) the position of its table among them and the tag's number."""
    by_asset = {table.asset: table for table in tables}
    used: list[TagTable] = []
    owner, number = [], []
    for entry in settings.tags:
        where = f"modbus {settings.name!r}: tag {entry.asset}/{entry.tag}"
        table = by_asset.get(entry.asset)
        if table is None:
            known = ", ".join(by_asset) or "none"
            msg = f"{where}: no such asset; there is {known}. Name one of them or add the asset."
            raise ValueError(msg)
        if entry.tag not in table.names:
            msg = f"{where}: no such tag; the asset has {', '.join(table.names)}. Name one of them or add the tag."
            raise ValueError(msg)
        index = table.index(entry.tag)
        if table.tags[index].waveform:
            msg = f"{where}: is a waveform; a Modbus address brings one value. Remove waveform from the tag."
            raise ValueError(msg)
        if table not in used:
            used.append(table)
        owner.append(used.index(table))
        number.append(index)
    return tuple(used), np.array(owner, dtype=np.intp), np.array(number, dtype=np.uint16)
