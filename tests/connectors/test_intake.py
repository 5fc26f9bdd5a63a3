from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from connectors.driver import Emit
from connectors.errors import JournalWriteFailed
from connectors.intake import Intake, IntakeSettings, IntakeStatus, acquire
from connectors.journal.reader import JournalReader
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.samples import Item, Notice, NoticeKind, SampleBatch
from connectors.tags import Tag, TagTable

PUMP = TagTable("pump", (Tag("flow"),))
FAN = TagTable("fan", (Tag("speed"),))
QUICK = IntakeSettings(capacity=1000, restart_first=timedelta(milliseconds=1), restart_cap=timedelta(milliseconds=1))


def block(n: int, first: int, table: TagTable = PUMP) -> SampleBatch:
    times = np.arange(first, first + n)
    return SampleBatch(table, np.zeros(n, np.uint16), times, times * 1.0, np.zeros(n, np.uint32), first + n)


class Script:
    """A driver that does what it is told."""

    trouble = ""

    def __init__(self, name: str, play: Callable[[Emit], Awaitable[None]], table: TagTable = PUMP) -> None:
        self.name = name
        self.tables = [table]
        self._play = play

    async def run(self, emit: Emit) -> None:
        await self._play(emit)
        await asyncio.Event().wait()

    def counters(self) -> dict[str, int]:
        return {"errors": 3}


@pytest.fixture
def writer(tmp_path: Path):
    with JournalWriter(tmp_path / "journal", [PUMP, FAN], JournalSettings()) as writer:
        yield writer


def journalled(tmp_path: Path) -> list[Item]:
    reader, items = JournalReader(tmp_path / "journal", 0), []
    while more := reader.read():
        items += more
    return items


def run(drivers: list[Script], writer: JournalWriter, until: Callable[[IntakeStatus], bool]) -> IntakeStatus:
    async def main() -> IntakeStatus:
        stop = asyncio.Event()

        def seen(status: IntakeStatus) -> None:
            if until(status):
                stop.set()

        return await asyncio.wait_for(acquire(drivers, writer, QUICK, stop, seen), 20)

    return asyncio.run(main())


def test_blocks_reach_the_journal_and_counts_add_up(tmp_path: Path, writer: JournalWriter) -> None:
    async def play(emit: Emit) -> None:
        for first in range(1, 1000, 10):
            emit(block(10, first))
            await asyncio.sleep(0)

    status = run([Script("one", play)], writer, lambda status: status.received == 1000)
    assert sum(len(item) for item in journalled(tmp_path)) + status.dropped == 1000
    assert (status.queued, status.drivers) == (0, {"one": {"errors": 3}})


def test_an_emitted_block_is_stored_without_waiting_for_a_tick(tmp_path: Path, writer: JournalWriter) -> None:
    reader = JournalReader(tmp_path / "journal", 0)

    async def main() -> float:
        stop = asyncio.Event()
        done = asyncio.get_running_loop().create_future()

        async def play(emit: Emit) -> None:
            await asyncio.sleep(0.05)
            waiting = asyncio.to_thread(reader.wait, 5)
            task = asyncio.ensure_future(waiting)
            await asyncio.sleep(0.05)
            at = asyncio.get_running_loop().time()
            emit(block(10, 1))
            await task
            done.set_result(asyncio.get_running_loop().time() - at)

        running = asyncio.create_task(acquire([Script("one", play)], writer, QUICK, stop))
        took = await asyncio.wait_for(done, 10)
        stop.set()
        await running
        return took

    assert asyncio.run(main()) < 0.1


def test_a_driver_that_raises_is_run_again_and_its_hole_is_stated(tmp_path: Path, writer: JournalWriter) -> None:
    lives = iter(range(100))

    async def play(emit: Emit) -> None:
        life = next(lives)
        emit(block(10, life * 100 + 1))
        if life < 2:
            raise RuntimeError("a bug")

    async def good(emit: Emit) -> None:
        emit(block(10, 1, FAN))

    drivers = [Script("bad", play), Script("good", good, FAN)]
    status = run(drivers, writer, lambda status: status.received == 40)
    assert status.driver_failures == {"bad": 2, "good": 0}
    items = [item for item in journalled(tmp_path) if item.asset == "pump"]
    assert [type(item) for item in items] == [SampleBatch, Notice, SampleBatch, Notice, SampleBatch]
    assert items[1] == Notice(NoticeKind.GAP, "pump", "driver_failed", 10, 111, 0, "bad")


def test_a_driver_that_cancels_itself_is_run_again(tmp_path: Path, writer: JournalWriter) -> None:
    """A library may let its own cancelled task surface in the driver; that is a failure, not the end of the driver."""
    lives = iter(range(100))

    async def play(emit: Emit) -> None:
        life = next(lives)
        emit(block(10, life * 100 + 1))
        if life == 0:
            inner = asyncio.create_task(asyncio.sleep(60))
            inner.cancel()
            await inner

    status = run([Script("one", play)], writer, lambda status: status.received == 20)
    assert status.driver_failures == {"one": 1}


def test_a_restart_states_the_time_nobody_listened(tmp_path: Path) -> None:
    lives = iter((1, 501))

    async def play(emit: Emit) -> None:
        emit(block(10, next(lives)))

    for _ in range(2):
        with JournalWriter(tmp_path / "journal", [PUMP], JournalSettings()) as writer:
            run([Script("one", play)], writer, lambda status: status.received == 10)
    first, notice, second = journalled(tmp_path)
    assert (len(first), len(second)) == (10, 10)
    assert notice == Notice(NoticeKind.GAP, "pump", "acquirer_down", 10, 511, 0, "intake")


def test_a_stalled_disk_never_blocks_the_loop_and_drops_are_stated(
    tmp_path: Path, writer: JournalWriter, monkeypatch
) -> None:
    stalled, release = Event(), Event()
    append = writer.append

    def slow(items) -> None:
        stalled.set()
        release.wait(10)
        append(items)

    monkeypatch.setattr(writer, "append", slow)

    async def play(emit: Emit) -> None:
        emit(block(10, 1))
        await asyncio.to_thread(stalled.wait, 10)
        for first in range(11, 5011, 10):
            emit(block(10, first))
        release.set()

    status = run([Script("one", play)], writer, lambda status: status.received == 5010)
    items = journalled(tmp_path)
    stated = [item for item in items if isinstance(item, Notice)]
    assert status.dropped == 4000 == sum(notice.count for notice in stated)
    assert sum(len(item) for item in items if isinstance(item, SampleBatch)) == 1010
    assert {notice.reason for notice in stated} == {"queue_full"}


def test_a_refusing_disk_is_tried_again(tmp_path: Path, writer: JournalWriter, monkeypatch) -> None:
    append, fails = writer.append, iter([True])

    def refuse(items) -> None:
        if next(fails, False):
            raise JournalWriteFailed(tmp_path, OSError(28, "No space left on device"))
        append(items)

    monkeypatch.setattr(writer, "append", refuse)
    monkeypatch.setattr("connectors.storer._WRITE_RETRY_S", 0.001)

    async def play(emit: Emit) -> None:
        emit(block(10, 1))

    status = run([Script("one", play)], writer, lambda status: status.write_failures == 1)
    assert status.write_failures == 1
    assert sum(map(len, journalled(tmp_path))) == 10


def test_a_block_without_a_table_costs_nothing_but_itself(tmp_path: Path, writer: JournalWriter) -> None:
    async def play(emit: Emit) -> None:
        emit(block(10, 1))
        emit(block(7, 1, TagTable("stranger", ())))
        emit(block(10, 11))

    status = run([Script("one", play)], writer, lambda status: status.refused == 7)
    assert status.refused == 7
    assert sum(map(len, journalled(tmp_path))) == 20


def test_idle_notices_come_by_the_clock_they_are_given() -> None:
    now = 0.0
    intake = Intake([Script("one", lambda emit: asyncio.sleep(0))], IntakeSettings(), {}, lambda: now)
    intake.tick()
    intake.emit(block(10, 1))
    for now in (4.0, 5.0, 5.25, 6.0):  # noqa: B007  read by the clock
        intake.tick()
    _, *idle = intake.hopper.take(0)
    assert [(item.kind, item.end) for item in idle] == [
        (NoticeKind.IDLE, 10 + 5 * 10**9),
        (NoticeKind.IDLE, 10 + 6 * 10**9),
    ]


def test_empty_blocks_are_nothing() -> None:
    intake = Intake([Script("one", lambda emit: asyncio.sleep(0))], IntakeSettings(), {"pump": 5})
    intake.emit(block(0, 1))
    assert intake.hopper.take(0) == []


class Counted(Script):
    """Emits for ever; counts how often it was begun, and whether it runs."""

    def __init__(self, name: str, table: TagTable) -> None:
        super().__init__(name, self._emit_on, table)
        self.begun = 0
        self.runs = False

    async def _emit_on(self, emit: Emit) -> None:
        self.begun += 1
        self.runs = True
        first = self.begun * 10**6
        try:
            while True:
                emit(block(1, first := first + 1, self.tables[0]))
                await asyncio.sleep(0.001)
        finally:
            self.runs = False


async def more(intake: Intake, samples: int) -> None:
    wanted = intake.received + samples
    while intake.received < wanted:  # noqa: ASYNC110 - nothing tells of a sample
        await asyncio.sleep(0.001)


def changed(drivers: list[Script], writer: JournalWriter, change: Callable[[Intake], Awaitable[None]]) -> IntakeStatus:
    """Acquire, do that, acquire a little more."""

    async def main() -> IntakeStatus:
        stop = asyncio.Event()

        async def beside(intake: Intake) -> None:
            await more(intake, 20)
            await change(intake)
            await more(intake, 20)
            stop.set()
            await asyncio.Event().wait()

        return await asyncio.wait_for(acquire(drivers, writer, QUICK, stop, beside=beside), 20)

    return asyncio.run(main())


IDLE = timedelta(seconds=5)


def test_a_driver_that_is_not_named_never_notices_a_change(tmp_path: Path, writer: JournalWriter) -> None:
    stays, goes = Counted("stays", PUMP), Counted("goes", FAN)
    wider = TagTable("fan", (Tag("speed"), Tag("torque")))
    comes = Counted("goes", wider)

    async def change(intake: Intake) -> None:
        await intake.change(["goes"], [comes], [PUMP, wider], IDLE)
        assert not goes.runs

    status = changed([stays, goes], writer, change)
    assert (stays.begun, goes.begun, comes.begun) == (1, 1, 1)
    items = journalled(tmp_path)
    assert sum(len(item) for item in items if isinstance(item, SampleBatch)) == status.received
    assert (status.refused, status.dropped, set(status.drivers)) == (0, 0, {"stays", "goes"})
    pump = [item for item in items if item.asset == "pump"]
    assert not any(isinstance(item, Notice) for item in pump)
    times = [int(item.source_time[0]) for item in pump if isinstance(item, SampleBatch)]
    assert times == list(range(times[0], times[0] + len(times)))
    tables = [item.tags for item in items if isinstance(item, SampleBatch) and item.asset == "fan"]
    assert tables == sorted(tables, key=len)
    assert {len(table) for table in tables} == {1, 2}
    (gap,) = [item for item in items if isinstance(item, Notice)]
    assert (gap.kind, gap.asset, gap.reason, gap.source) == (NoticeKind.GAP, "fan", "reconfigured", "goes")


def test_an_asset_that_nobody_acquires_any_more_is_told_of_and_may_come_back(
    tmp_path: Path, writer: JournalWriter
) -> None:
    async def change(intake: Intake) -> None:
        await intake.change(["goes"], [], [PUMP], IDLE)
        await intake.change([], [Counted("again", FAN)], [PUMP, FAN], IDLE)

    changed([Counted("stays", PUMP), Counted("goes", FAN)], writer, change)
    told = [item for item in journalled(tmp_path) if isinstance(item, Notice)]
    assert [(one.asset, one.reason) for one in told] == [("fan", "removed"), ("fan", "reconfigured")]


def test_many_changes_leave_no_task_behind(writer: JournalWriter) -> None:
    async def change(intake: Intake) -> None:
        before = len(asyncio.all_tasks())
        for _ in range(30):
            await intake.change(["goes"], [Counted("goes", FAN)], [PUMP, FAN], IDLE)
        assert len(asyncio.all_tasks()) == before
        assert len(intake.status().drivers) == 2

    changed([Counted("stays", PUMP), Counted("goes", FAN)], writer, change)


def test_a_bug_in_what_runs_beside_ends_acquisition(writer: JournalWriter) -> None:
    async def change(_: Intake) -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        changed([Counted("stays", PUMP)], writer, change)
