"""What the acquire process runs: drivers in one event loop, a bounded hand-over, one thread that stores.

    drivers --emit--> watch (gaps, idleness) --> hopper --thread--> journal

The loop never waits for the disk. An item is stored about 0.1 ms after its `emit`, given an interpreter whose switch
interval (sys.setswitchinterval) the process has lowered from its default of 5 ms.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import structlog

from connectors.backoff import Backoff
from connectors.driver import Driver
from connectors.hopper import Hopper
from connectors.journal.format import entry_of
from connectors.journal.writer import JournalWriter
from connectors.samples import ACQUIRER_DOWN, RECONFIGURED, REMOVED, Item, Notice, NoticeKind, Origin, SampleBatch
from connectors.storer import Storer
from connectors.tags import TagTable
from connectors.watch import AssetWatch

log = structlog.get_logger()

_TICK_S = 0.25
_STABLE_S = 60.0  # a driver that ran this long has proven itself: its next failure is a first one again
_CANCEL_S = 3.0  # what is queued must still reach the disk before the supervisor's patience (5 s) ends


@dataclass(frozen=True)
class IntakeSettings:
    """How much may wait, and when silence is idleness.

    Attributes:
        capacity: Samples that may wait to be stored; what does not fit is dropped and counted. As many again may be
            in the storing thread's hands.
        idle_after: Silence of an asset after which windows may close without it.
        idle_repeat: Time between two IDLE notices while it lasts.
        restart_first: Wait before a driver that raised is run again; doubles each time.
        restart_cap: Longest such wait.
    """

    capacity: int = 200_000
    idle_after: timedelta = timedelta(seconds=5)
    idle_repeat: timedelta = timedelta(seconds=1)
    restart_first: timedelta = timedelta(seconds=1)
    restart_cap: timedelta = timedelta(seconds=30)

    def __post_init__(self) -> None:
        if self.capacity < 1000:
            msg = f"capacity = {self.capacity}: must be >= 1000 samples; use some seconds' worth of all tags"
            raise ValueError(msg)
        for name in ("idle_after", "idle_repeat", "restart_first", "restart_cap"):
            if getattr(self, name) <= timedelta(0):
                msg = f"{name} = {getattr(self, name)}: must be > 0; use a second or more"
                raise ValueError(msg)


@dataclass(frozen=True)
class IntakeStatus:
    """Counts since the start, for metrics and health.

    Attributes:
        received: Samples emitted by drivers.
        dropped: Of them, those let go for want of room ("queue_full").
        refused: Of them, those the journal has no table for ("refused"): a fault of the driver.
        queued: Of them, those waiting now.
        write_failures: Appends the disk refused; they are tried again.
        driver_failures: By driver: how often its task raised or ended.
        drivers: By driver: its own counters.
        troubles: By driver: why it has no link at the moment, "" = it has one.
    """

    received: int = 0
    dropped: int = 0
    refused: int = 0
    queued: int = 0
    write_failures: int = 0
    driver_failures: Mapping[str, int] = field(default_factory=dict)
    drivers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)


class Intake:
    """Runs drivers and fills a hopper. Everything but the hopper's far end lives in one event loop.

    Attributes:
        hopper: To be emptied by another thread.
        received: Samples emitted so far.
        failures: By driver: how often its task raised or ended.
    """

    def __init__(
        self,
        drivers: Sequence[Driver],
        settings: IntakeSettings,
        newest: Mapping[str, int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start nothing yet.

        Args:
            drivers: With unique names.
            settings: See there.
            newest: By asset, the newest source time stored by an earlier life.
            clock: Monotonic seconds.
        """
        self.hopper = Hopper(settings.capacity)
        self.received = 0
        self.failures = {driver.name: 0 for driver in drivers}
        self._drivers = {driver.name: driver for driver in drivers}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._settings = settings
        self._newest = dict(newest)
        self._clock = clock
        assets = {table.asset for driver in drivers for table in driver.tables}
        self._watches = {asset: self._watch(asset) for asset in sorted(assets)}

    def emit(self, item: Item) -> None:
        """What drivers call. Never blocks."""
        if isinstance(item, SampleBatch):
            if not len(item):
                return
            self.received += len(item)
            # What is read from a history neither ends a gap nor is it a sign of life.
            watch = self._watches.get(item.asset) if item.origin is not Origin.BACKFILLED else None
            notice = watch and watch.on_block(entry_of(item).newest, item.received_time, self._clock())
            if notice:
                self.hopper.put(notice)
        self.hopper.put(item)

    def tick(self) -> None:
        """Let time pass: IDLE notices of silent assets."""
        for watch in self._watches.values():
            notice = watch.on_time(self._clock())
            if notice is not None:
                self.hopper.put(notice)

    async def run(self, stop: asyncio.Event, on_tick: Callable[[], object] = lambda: None) -> None:
        """Run all drivers until `stop` is set; then cancel them and close the hopper."""
        for driver in self._drivers.values():
            self._start(driver)
        try:
            while not stop.is_set():
                try:
                    await asyncio.wait_for(stop.wait(), _TICK_S)
                except TimeoutError:
                    self.tick()
                    on_tick()
        finally:
            await self._stop(list(self._tasks))
            self.hopper.close()

    async def change(
        self, gone: Collection[str], fresh: Sequence[Driver], tables: Sequence[TagTable], idle_after: timedelta
    ) -> None:
        """End some drivers, then run others; all that are not named go on as they are, connections and all.

        Items of the former were emitted before the change of tables reaches the journal, those of the latter come
        after it, so that each block is stored under the table it was made with.

        Args:
            gone: Names of drivers; those that are not there are left out.
            fresh: Drivers that are not there, or are among `gone`.
            tables: Of every asset from now on. Those of drivers that go on must be as they were.
            idle_after: See `IntakeSettings`.
        """
        await self._stop([name for name in gone if name in self._drivers])
        if self.hopper.closed:
            return  # the end was quicker
        for name in gone:
            if self._drivers.pop(name, None) is not None:
                del self.failures[name]
        self._settings = replace(self._settings, idle_after=idle_after)
        assets = {table.asset for table in tables}
        for asset in self._watches.keys() - assets:
            newest = self._newest[asset] = self._watches.pop(asset).newest
            if newest:
                end = max(time.time_ns(), newest)
                self.hopper.put(Notice(NoticeKind.GAP, asset, REMOVED, newest, end, 0, "intake"))
        for watch in self._watches.values():
            watch.idle_after(idle_after.total_seconds())
        self.hopper.put_tables(tables)
        for driver in fresh:
            for table in driver.tables:
                if table.asset in self._watches:
                    self._watches[table.asset].expect_gap(RECONFIGURED, driver.name)
                else:
                    self._watches[table.asset] = self._watch(table.asset, RECONFIGURED)
            self._drivers[driver.name] = driver
            self.failures[driver.name] = 0
            self._start(driver)

    def _start(self, driver: Driver) -> None:
        self._tasks[driver.name] = asyncio.create_task(self._keep_running(driver), name=driver.name)

    async def _stop(self, names: Collection[str]) -> None:
        tasks = [self._tasks.pop(name) for name in names if name in self._tasks]
        for task in tasks:
            task.cancel()
        if tasks:
            _, hanging = await asyncio.wait(tasks, timeout=_CANCEL_S)
            for task in hanging:
                log.warning("driver_does_not_stop", driver=task.get_name(), after_s=_CANCEL_S)

    def status(self) -> IntakeStatus:
        """Counts so far."""
        return IntakeStatus(
            received=self.received,
            dropped=self.hopper.dropped,
            queued=self.hopper.queued,
            driver_failures=dict(self.failures),
            drivers={name: dict(driver.counters()) for name, driver in self._drivers.items()},
            troubles={name: driver.trouble for name, driver in self._drivers.items()},
        )

    def _watch(self, asset: str, gap: str = ACQUIRER_DOWN) -> AssetWatch:
        settings = self._settings
        return AssetWatch(
            asset,
            self._newest.get(asset),
            settings.idle_after.total_seconds(),
            settings.idle_repeat.total_seconds(),
            gap,
        )

    async def _keep_running(self, driver: Driver) -> None:
        settings = self._settings
        backoff = Backoff(settings.restart_first, settings.restart_cap, random.Random())  # noqa: S311  jitter only
        task = asyncio.current_task()
        assert task is not None
        while True:
            started = self._clock()
            error: BaseException | None = None
            try:
                await driver.run(self.emit)
            except asyncio.CancelledError as caught:
                if task.cancelling():
                    raise
                error = caught  # not ours: a library let a task of its own surface here
            except Exception as caught:  # noqa: BLE001  a fault in one driver must not end the others
                if task.cancelling():  # it was about to end
                    log.warning("driver_failed_at_its_end", driver=driver.name, error=repr(caught))
                    return
                error = caught
            self.failures[driver.name] += 1
            for table in driver.tables:
                self._watches[table.asset].expect_gap("driver_failed", driver.name)
            if self._clock() - started > _STABLE_S:
                backoff.reset()
            delay = backoff.next()
            log.error(
                "driver_failed", driver=driver.name, error=repr(error), restart_in_s=round(delay, 1), exc_info=error
            )
            await asyncio.sleep(delay)


async def acquire(
    drivers: Sequence[Driver],
    writer: JournalWriter,
    settings: IntakeSettings,
    stop: asyncio.Event,
    on_status: Callable[[IntakeStatus], None] | None = None,
    on_command: Callable[[Notice], object] = lambda _: None,
    beside: Callable[[Intake], Coroutine[Any, Any, None]] | None = None,
) -> IntakeStatus:
    """Acquire until `stop` is set; then end the drivers, store what is queued, sync and return the final counts.

    Args:
        drivers: With unique names; their tables must be among those of the writer.
        writer: Open; stays open.
        settings: See there.
        stop: Set it to end.
        on_status: Called some times a second, in the loop.
        on_command: Called for each COMMAND notice that is durable, in the thread that stores. Must not raise.
        beside: Runs beside the drivers, and may change them (`Intake.change`); cancelled at the end, before they are.

    Raises:
        JournalWriteFailed: At the end the disk still refused; what was queued is lost.
    """
    intake = Intake(drivers, settings, writer.recovered.newest)
    loop = asyncio.get_running_loop()
    storer = Storer(intake.hopper, writer, lambda: loop.call_soon_threadsafe(stop.set), on_command)

    def report() -> IntakeStatus:
        status = replace(intake.status(), refused=storer.refused, write_failures=storer.write_failures)
        if on_status is not None:
            on_status(status)
        return status

    changes = None if beside is None else asyncio.create_task(_until(beside(intake), stop))
    try:
        await intake.run(stop, report)
        if changes is not None:
            changes.cancel()
            await asyncio.wait([changes])
            if not changes.cancelled():
                changes.result()
    finally:
        intake.hopper.close()
        await asyncio.to_thread(storer.join)
    if storer.error is not None:
        raise storer.error
    return report()


async def _until(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """If it ends by itself, something is wrong, and everything ends with it."""
    try:
        await work
    finally:
        stop.set()
