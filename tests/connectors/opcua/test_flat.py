"""Memory and tasks stay as they are over reconnects and over values. Short here; README.md says how to run it long."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from connectors.opcua.driver import OpcUaDriver
from connectors.opcua.settings import OpcUaSettings
from connectors.opcua.tag import OpcUaTag
from connectors.samples import Item, SampleBatch
from connectors.tags import Tag, TagTable

pytestmark = pytest.mark.faults

CUTS = int(os.environ.get("SLUICEGATE_FLAT_CUTS", "12"))
SECONDS = float(os.environ.get("SLUICEGATE_FLAT_SECONDS", "5"))
FLOOD = Path(__file__).parents[2] / "benchmarks" / "opcua" / "flood.py"
ITEMS, MESSAGES_PER_S = 1000, 50
# Noise of the allocator stays below 0.2 MB. A channel that is kept after a cut is some 100 KB: the long run tells; the
# short one tells what is kept of messages, and tasks.
MOST_MB = 1.5


class Sink:
    """Counts what a driver emits and keeps nothing."""

    def __init__(self) -> None:
        self.blocks = 0
        self.samples = 0

    def __call__(self, item: Item) -> None:
        if isinstance(item, SampleBatch):
            self.blocks += 1
            self.samples += len(item)


@contextlib.asynccontextmanager
async def running(settings: OpcUaSettings, tables: tuple[TagTable, ...]) -> AsyncIterator[tuple[OpcUaDriver, Sink]]:
    driver, sink = OpcUaDriver(settings, tables), Sink()
    task = asyncio.create_task(driver.run(sink))
    try:
        yield driver, sink
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _until(condition: Callable[[], bool], what: str, seconds: float = 12.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.02)


def _rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def _growth(figures: list[float]) -> float:
    """Median of the last third over that of the second: the first warms up."""
    third = len(figures) // 3
    return statistics.median(figures[-third:]) - statistics.median(figures[third : 2 * third])


@pytest.mark.timeout(60 + 3 * CUTS)
def test_cut_connections_leave_neither_tasks_nor_memory(rig: ModuleType, shared_plant: Any, pki: Any) -> None:
    async def scenario() -> None:
        async with rig.proxied(shared_plant.port) as proxy:
            settings = rig.make_settings(proxy.port, tags=("tick", "setpoint"), pki=pki)
            async with running(settings, (rig.TABLE,)) as (driver, sink):
                await _until(lambda: sink.blocks >= 3, "first values")
                tasks, memory = [], []
                for _ in range(CUTS):
                    opened = driver.counters()["sessions_resumed"] + 1
                    proxy.cut()
                    await _until(lambda: driver.counters()["sessions_resumed"] >= opened, "session")  # noqa: B023
                    seen = sink.blocks
                    await _until(lambda: sink.blocks >= seen + 2, "values again")  # noqa: B023
                    names = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]  # type: ignore[union-attr]
                    tasks.append(len([name for name in names if not name.startswith("Proxy")]))
                    memory.append(_rss_mb())
                print(
                    f"\n{CUTS} cuts: {driver.counters()['sessions_resumed']} resumed, "
                    f"{driver.counters()['sessions_created']} sessions, tasks {min(tasks)} to {max(tasks)}, "
                    f"RSS {memory[0]:.1f} -> {memory[-1]:.1f} MB, growth {_growth(memory):.2f} MB"
                )
                assert max(tasks) == max(tasks[:3])
                assert driver.counters()["sessions_created"] == 1
                assert _growth(memory) < MOST_MB

    asyncio.run(scenario())


@pytest.fixture
def flood(rig: ModuleType, pki: Any) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """The server of the benchmark, at a rate. It ends with its stdin."""
    port = rig.free_port()
    arguments = ("--port", str(port), "--certificate", str(pki.server[0]), "--key", str(pki.server[1]))
    process = subprocess.Popen(
        [sys.executable, str(FLOOD), *arguments, "--nodes", str(ITEMS), "--rate", str(MESSAGES_PER_S)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "READY\n"
        yield port, process
        process.kill()


@pytest.mark.timeout(60 + SECONDS)
def test_fifty_thousand_values_a_second_leave_no_memory(
    rig: ModuleType, pki: Any, flood: tuple[int, subprocess.Popen[str]]
) -> None:
    port, process = flood
    names = [f"mixed/{number}" for number in range(ITEMS)]
    tags = tuple(OpcUaTag("plant", name, f"nsu=urn:bench:plant;s={name}") for name in names)
    settings = dataclasses.replace(
        rig.make_settings(port, pki=pki),
        keepalive=timedelta(minutes=1),
        request_timeout=timedelta(seconds=10),
        tags=tags,
    )
    table = TagTable("plant", tuple(Tag(name) for name in names))

    def ask(line: str) -> None:
        assert process.stdin is not None
        process.stdin.write(f"{line}\n")
        process.stdin.flush()

    async def scenario() -> None:
        async with running(settings, (table,)) as (driver, sink):
            await _until(lambda: driver.counters()["sessions_created"] == 1, "session")
            ask("newest")
            assert process.stdout is not None
            ask(process.stdout.readline().strip())
            await _until(lambda: sink.samples > 2 * ITEMS, "flood")
            begun, before, cpu = time.monotonic(), sink.samples, time.process_time()
            tasks, memory = [], []
            while time.monotonic() < begun + SECONDS:
                await asyncio.sleep(min(0.5, SECONDS / 10))
                tasks.append(len(asyncio.all_tasks()))
                memory.append(_rss_mb())
            seconds = time.monotonic() - begun
            rate = (sink.samples - before) / seconds
            print(
                f"\n{seconds:.0f} s at {rate:,.0f} values/s, {(time.process_time() - cpu) / seconds:.1%} of a core, "
                f"tasks {min(tasks)} to {max(tasks)}, RSS {memory[0]:.1f} -> {memory[-1]:.1f} MB, "
                f"growth {_growth(memory):.2f} MB"
            )
            assert driver.counters()["errors"] == 0
            assert driver.counters().get("lost_messages", 0) == 0
            assert rate > 0.5 * ITEMS * MESSAGES_PER_S  # a busy machine
            assert max(tasks) == min(tasks)
            assert _growth(memory) < MOST_MB

    asyncio.run(scenario())
