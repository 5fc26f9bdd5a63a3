"""The driver of one OPC-UA server: keeps a link alive and turns what comes into blocks, marks and gap notices."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta

import structlog

from connectors.driver import Emit
from connectors.errors import ConnectorError, LinkDown
from connectors.opcua.backfill import Backfill
from connectors.opcua.changes import Changes
from connectors.opcua.columns import Values
from connectors.opcua.decode import Decoder
from connectors.opcua.gaps import Gaps
from connectors.opcua.holes import Holes
from connectors.opcua.link import RETRY_REFUSED, Link, is_resumable
from connectors.opcua.marks import Marks
from connectors.opcua.overflow import Overflows
from connectors.opcua.retries import Retries
from connectors.opcua.seam.explain import code_name
from connectors.opcua.settings import BRIDGED_OUTAGE, OpcUaSettings
from connectors.opcua.silence import Silence
from connectors.opcua.subscription import Held
from connectors.samples import Item, Notice, Origin, SampleBatch
from connectors.tags import TagTable

logger = structlog.get_logger()


class OpcUaDriver:
    """One server; see `connectors.driver.Driver`. Blocks are emitted in the order in which the server sent them."""

    def __init__(
        self,
        settings: OpcUaSettings,
        tables: Sequence[TagTable],
        *,
        rng: random.Random | None = None,
        now: Callable[[], int] = time.time_ns,
        retry_refused: timedelta = RETRY_REFUSED,
    ) -> None:
        """Check that the tags of the settings have a place in the tables.

        Args:
            settings: The server and its tags.
            tables: Of all assets that the tags name.
            rng: For the jitter of the back-off.
            now: Wall clock, ns since the epoch.
            retry_refused: How often tags that the server refused are tried again.

        Raises:
            ValueError: A tag without a place.
        """
        self._settings = settings
        self._tables = tuple(tables)
        self._now = now
        self._retry_refused = retry_refused
        self._counters = Counter(samples=0, reconnects=0, errors=0, sessions_created=0, sessions_resumed=0)
        self._decoder = Decoder(settings.tags, tables, self._counters, settings.time_policy)
        self._changes = Changes(settings.tags, self._counters)
        self._retries = Retries(settings, rng or random.Random())  # noqa: S311  jitter, no secret
        self._silence = Silence(settings)
        self._emit: Emit = _nowhere
        self._gaps = Gaps(settings.name)
        self._marks = Marks(settings, tables, self._decoder, self._gaps)
        self._marks_due: asyncio.TimerHandle | None = None
        self._trouble = ""
        self._overflows = Overflows(settings, self._decoder.overflows)
        self._holes = Holes(settings, tables)
        self._backfill = Backfill(settings, self._holes, self._fill, self._tell_fill, self._counters)

    @property
    def name(self) -> str:
        """Name of the settings."""
        return self._settings.name

    @property
    def tables(self) -> Sequence[TagTable]:
        """Tables of the assets that this driver fills."""
        return self._tables

    @property
    def trouble(self) -> str:
        """Why there is no link at the moment, kind and reason; "" while there is one or none was tried yet."""
        return self._trouble

    def counters(self) -> Mapping[str, int]:
        """Monotonic counts; README.md lists them."""
        return dict(self._counters)

    def overflows(self) -> dict[str, int]:
        """Tag ("asset/tag") -> how often its queue at the server had overflowed; only those that had."""
        return self._overflows.by_tag()

    async def run(self, emit: Emit) -> None:
        """Acquire until cancelled; see `connectors.driver.Driver.run`."""
        self._emit = emit
        held: Held | None = None
        watch = asyncio.create_task(self._watch_silence())
        try:
            while True:
                backfill = self._backfill if self._settings.backfill else None
                link = Link(self._settings, self, self._counters, self._retry_refused, backfill)
                error = await self._attempt(link, held)
                if link.may_live_on:  # then what was held before is out of date: nonce and sequence number moved on
                    held = link.hold() if is_resumable(error) else None
                await asyncio.sleep(self._retries.pause(error))
        finally:
            self._cancel_marks()
            watch.cancel()

    async def _attempt(self, link: Link, held: Held | None) -> ConnectorError:
        """One life of a link; returns why it ended. Anything but cancellation leads to the next attempt."""
        error: ConnectorError | None = None
        keep = False  # on cancellation, and where nothing is known, the session is closed: the server has it free again
        try:
            try:
                self._opened(resumed=await link.open(held))
                await link.run()
            except ConnectorError as expected:
                keep = is_resumable(expected) and link.may_live_on
                raise
            finally:
                await link.close(keep_session=keep)
        except ConnectorError as expected:
            error = expected
        except Exception as unexpected:  # the boundary of a link's life; nothing in it may stop the other servers
            # The library raises bare exceptions on what a server sends.
            logger.exception("opcua_link_failed", driver=self.name)
            error = LinkDown(self._settings.endpoint, f"{type(unexpected).__name__}: {unexpected}", resumable=False)
        assert error is not None
        self._ended(link, error)
        return error

    def _opened(self, *, resumed: bool) -> None:
        self._counters["sessions_resumed" if resumed else "sessions_created"] += 1
        self._cancel_marks()
        tags, gap_for = len(self._settings.tags), self._gaps.assets
        if resumed:
            logger.warning("opcua_session_resumed", driver=self.name, tags=tags, gap_for=gap_for)
        elif gap_for:
            logger.error("opcua_connected_after_gap", driver=self.name, tags=tags, gap_for=gap_for)
        else:
            logger.info("opcua_connected", driver=self.name, tags=tags)
        self._marks.opened()
        self._silence.opened(time.monotonic())
        self._trouble = ""

    def _ended(self, link: Link, error: ConnectorError) -> None:
        self._counters["errors"] += 1
        self._silence.closed()
        if link.was_open:
            self._counters["reconnects"] += 1
        if link.proven:
            self._retries.reset()
        if not is_resumable(error):
            self._mark_lost()
        elif link.was_open:
            # While the server keeps the values for us, nothing is lost and no tag is marked; it keeps them so long.
            kept = min(BRIDGED_OUTAGE, self._settings.session_timeout)
            self._marks_due = asyncio.get_running_loop().call_later(kept.total_seconds(), self._mark_lost)
        trouble = f"{type(error).__name__}: {error}"
        if trouble != self._trouble:  # once a change of state, not once a try
            self._trouble = trouble
            logger.warning("opcua_link_down", driver=self.name, reason=str(error), kind=type(error).__name__)

    def _mark_lost(self) -> None:
        """Say once for every tag that there is no value any more."""
        self._cancel_marks()
        for block in self._marks.lost(self._now()):
            self._emit(block)

    async def _watch_silence(self) -> None:
        shortest = self._silence.shortest_s
        while shortest is not None:
            await asyncio.sleep(min(shortest / 4, 1.0))
            self._tell_silence(time.monotonic())

    def _tell_silence(self, now: float) -> None:
        for item in self._marks.silent(self._silence.overdue(now), self._now()):
            self._tell(item)

    def _tell(self, item: Item) -> None:
        if isinstance(item, Notice):
            logger.error("opcua_notice", driver=self.name, kind=item.kind, asset=item.asset, detail=item.detail)
        self._emit(item)

    def _cancel_marks(self) -> None:
        if self._marks_due is not None:
            self._marks_due.cancel()
        self._marks_due = None

    def received(self, values: Sequence[Values], origin: Origin) -> None:
        """See `LinkEvents`."""
        for part in values:
            self._heard(part)
            self._pass(self._decoder.decode(self._changes.news(part), self._now(), origin))
        if self._decoder.overflows.any():
            for notice in self._overflows.notices(self._now(), self._gaps.fronts()):
                self._tell(notice)

    def read(self, values: Values) -> None:
        """See `LinkEvents`."""
        self._heard(values)
        self._pass(self._decoder.decode(values, self._now(), read=True))

    def _heard(self, values: Values) -> None:
        self._changes.forget(self._marks.heard(values.handle))
        self._silence.heard(values.handle, time.monotonic())

    def _pass(self, blocks: Sequence[SampleBatch]) -> None:
        for block in blocks:
            gap = self._gaps.passed(block)
            self._holes.passed(block)
            if gap is not None:
                self._emit(gap)
                self._ended_hole(gap)
            self._emit(block)

    def _ended_hole(self, gap: Notice) -> None:
        if (forgotten := self._holes.ended(gap, time.monotonic())) is not None:
            logger.error("opcua_backfill_given_up", driver=self.name, asset=forgotten.asset, reason="too many holes")
            self._counters["backfill_failed"] += 1
        self._backfill.wake()

    def _fill(self, values: Values) -> int:
        """Values from a history: they move neither fronts nor marks nor deadbands."""
        blocks = self._decoder.decode(values, self._now(), Origin.BACKFILLED)
        for block in blocks:
            self._emit(block)
        return sum(map(len, blocks))

    def _tell_fill(self, notice: Notice) -> None:
        self._emit(notice)

    def refused(self, refusals: dict[int, int], server_time: int | None) -> None:
        """See `LinkEvents`."""
        self._counters["refused_items"] += len(refusals)
        now = self._now()
        for block in self._decoder.marks(list(refusals), list(refusals.values()), server_time or now, now):
            self._emit(block)
        names = [f"{tag.asset}/{tag.tag}" for tag in (self._settings.tags[handle] for handle in list(refusals)[:5])]
        status_name = code_name(next(iter(refusals.values())))
        logger.error("opcua_tags_refused", driver=self.name, count=len(refusals), first=names, status=status_name)

    def deadbands(self, bands: dict[int, float]) -> None:
        """See `LinkEvents`."""
        self._changes.apply(bands)
        without = [self._settings.tags[handle].node for handle, band in bands.items() if not band]
        if without:
            logger.error("opcua_no_range_for_deadband", driver=self.name, first=without[:5])

    def anew(self, server_time: int | None) -> None:
        """See `LinkEvents`."""
        self._decoder.times.begin(server_time, self._now())
        self._changes.forget()
        self._mark_lost()
        self._backfill.anew()
        self._lose("link_down")

    def missed(self, handles: Collection[int]) -> None:
        """See `LinkEvents`."""
        logger.error("opcua_messages_lost", driver=self.name)
        self._lose("sequence_gap", {self._settings.tags[handle].asset for handle in handles})

    def _lose(self, reason: str, assets: Collection[str] | None = None) -> None:
        holes = self._gaps.lose(reason, assets)
        if self._settings.backfill:
            self._holes.lose(holes)

    def settled(self) -> Sequence[int]:
        """See `LinkEvents`. Tags that did not change since they were marked would stay marked."""
        return self._marks.unheard()


def _nowhere(_item: object) -> None:
    """Before `run` there is no receiver."""
