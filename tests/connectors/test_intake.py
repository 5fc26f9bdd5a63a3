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
