"""The driver of one OPC-UA server: keeps a link alive and turns what comes into blocks, marks and gap notices."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import numpy as np
import structlog

from connectors import status
from connectors.backoff import Backoff
from connectors.driver import Emit
from connectors.errors import ConnectorError, LinkDown, SecurityRefused, UserRejected
from connectors.opcua.changes import Changes
from connectors.opcua.columns import Values
from connectors.opcua.decode import Decoder
from connectors.opcua.gaps import Gaps
from connectors.opcua.link import RETRY_REFUSED, Link, is_resumable
from connectors.opcua.overflow import Overflows
from connectors.opcua.seam.explain import code_name
from connectors.opcua.settings import BRIDGED_OUTAGE, OpcUaSettings
from connectors.opcua.subscription import Held
from connectors.samples import Origin
from connectors.tags import TagTable

logger = structlog.get_logger()

SECURITY_CAP = timedelta(seconds=60)  # trouble that a person has to heal: no hurry
USER_PAUSE = timedelta(seconds=60)  # wrong passwords lock accounts: one try a minute


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
        self._decoder = Decoder(settings.tags, tables, self._counters)
        self._changes = Changes(settings.tags, self._counters)
        rng = rng or random.Random()  # noqa: S311  jitter, no secret
        self._fast = Backoff(settings.reconnect_min, settings.reconnect_max, rng)
        self._slow = Backoff(timedelta(seconds=5), SECURITY_CAP, rng)
        self._user = Backoff(USER_PAUSE, USER_PAUSE, rng)
        self._emit: Emit = _nowhere
        self._gaps = Gaps(settings.name)
        self._marked = False
        self._marks_due: asyncio.TimerHandle | None = None
        self._unheard = np.zeros(len(settings.tags), dtype=np.bool_)  # by handle: marked, and no value since
        self._trouble = ""
        self._overflows = Overflows(settings, self._decoder.overflows)

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
        try:
            while True:
                link = Link(self._settings, self, self._counters, self._retry_refused)
                error = await self._attempt(link, held)
                if link.may_live_on:  # then what was held before is out of date: nonce and sequence number moved on
                    held = link.hold() if is_resumable(error) else None
                await asyncio.sleep(self._pause(error))
        finally:
            self._cancel_marks()

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
        except Exception as unexpected:
            # The boundary of a link's life: the library raises bare exceptions on what a server sends, and whatever it
            # is, the other tags and servers of this gateway must not stop for it.
            logger.exception("opcua link failed unexpectedly", driver=self.name)
            error = LinkDown(self._settings.endpoint, f"{type(unexpected).__name__}: {unexpected}", resumable=False)
        assert error is not None
        self._ended(link, error)
        return error

    def _opened(self, *, resumed: bool) -> None:
        self._counters["sessions_resumed" if resumed else "sessions_created"] += 1
        self._cancel_marks()
        if resumed:
            logger.warning("opcua session resumed", driver=self.name)
        else:
            log = logger.error if self._gaps.assets else logger.info
            log("opcua connected", driver=self.name, tags=len(self._settings.tags), gap_for=self._gaps.assets)
        self._marked = False
        self._trouble = ""

    def _ended(self, link: Link, error: ConnectorError) -> None:
        self._counters["errors"] += 1
        if link.was_open:
            self._counters["reconnects"] += 1
        if link.proven:
            for backoff in (self._fast, self._slow, self._user):
                backoff.reset()
        if not is_resumable(error):
            self._mark_lost()
        elif link.was_open:
            # While the server keeps the values for us, nothing is lost and no tag is marked; it keeps them so long.
            kept = min(BRIDGED_OUTAGE, self._settings.session_timeout)
            self._marks_due = asyncio.get_running_loop().call_later(kept.total_seconds(), self._mark_lost)
        trouble = f"{type(error).__name__}: {error}"
        if trouble != self._trouble:  # once a change of state, not once a try
            self._trouble = trouble
            logger.warning("opcua link down", driver=self.name, reason=str(error), kind=type(error).__name__)

    def _pause(self, error: ConnectorError) -> float:
        if isinstance(error, UserRejected):
            return self._user.next()
        return (self._slow if isinstance(error, SecurityRefused) else self._fast).next()

    def _mark_lost(self) -> None:
        """Say once for every tag that there is no value any more.

        The time of the marks is the newest source time of the asset, and not ours: a mark must not push event time on,
        or what the server kept during the outage would be late when it comes.
        """
        self._cancel_marks()
        if self._marked:
            return
        self._marked = True
        for number, table in enumerate(self._tables):
            newest = self._gaps.newest(table.asset)
            handles = self._decoder.handles_of(number)
            if newest is not None and handles:
                self._unheard[handles] = True
                self._changes.forget(handles)
                codes = [status.BAD_NO_COMMUNICATION] * len(handles)
                for block in self._decoder.marks(handles, codes, newest + 1, self._now()):
                    self._emit(block)

    def _cancel_marks(self) -> None:
        if self._marks_due is not None:
            self._marks_due.cancel()
        self._marks_due = None

    def received(self, values: Sequence[Values], origin: Origin) -> None:
        """See `LinkEvents`."""
        received_time = self._now()
        for part in values:
            self._unheard[part.handle[part.handle < len(self._unheard)]] = False
            for block in self._decoder.decode(self._changes.news(part), received_time, origin):
                if (gap := self._gaps.passed(block)) is not None:
                    self._emit(gap)
                self._emit(block)
        self._tell_overflows()

    def refused(self, refusals: dict[int, int], server_time: int | None) -> None:
        """See `LinkEvents`."""
        self._counters["refused_items"] += len(refusals)
        now = self._now()
        time = now if server_time is None else server_time
        for block in self._decoder.marks(list(refusals), list(refusals.values()), time, now):
            self._emit(block)
        names = [f"{self._settings.tags[handle].asset}/{self._settings.tags[handle].tag}" for handle in refusals]
        status_name = code_name(next(iter(refusals.values())))
        logger.error("opcua tags refused", driver=self.name, count=len(names), first=names[:5], status=status_name)

    def deadbands(self, bands: dict[int, float]) -> None:
        """See `LinkEvents`."""
        self._changes.apply(bands)
        without = [self._settings.tags[handle].node for handle, band in bands.items() if not band]
        if without:
            logger.error("opcua deadband in percent, but no EURange", driver=self.name, first=without[:5])

    def anew(self) -> None:
        """See `LinkEvents`."""
        self._changes.forget()
        self._mark_lost()
        self._gaps.lose("link_down")

    def missed(self) -> None:
        """See `LinkEvents`."""
        logger.error("opcua messages lost", driver=self.name)
        self._gaps.lose("sequence_gap")

    def settled(self) -> Sequence[int]:
        """See `LinkEvents`. Tags that did not change since they were marked would stay marked."""
        return [int(handle) for handle in np.flatnonzero(self._unheard)]

    def _tell_overflows(self) -> None:
        if self._decoder.overflows.any():
            for notice in self._overflows.notices(self._now(), self._gaps.fronts()):
                logger.error("opcua queue overflowed at the server", driver=self.name, detail=notice.detail)
                self._emit(notice)


def _nowhere(_item: object) -> None:
    """Before `run` there is no receiver."""
