"""Records to keep and clocks to turn, for every test of this room."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cloud_sink.outbox.queue import Queue
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Alert, Event, WindowSummary
from cloud_sink.settings import BatchSettings, Naming, OutboxSettings

sys.path.insert(0, str(Path(__file__).parent))  # the fault server and the doors beside this file

SECOND = 10**9
MINUTE = 60 * SECOND
START = 1_700_000_100 * SECOND  # 2023-11-14 22:15:00 UTC, on a quarter of an hour


class Make:
    """Records that differ by a number alone."""

    start = START

    def alert(self, i: int, *, at: int | None = None, asset: str = "pump") -> Alert:
        time = START + i * SECOND if at is None else at
        return Alert(asset, "anomaly", "opened", "alarm", 1.5, 1.0, "m@1", time, time, time + 5, (("flow", 1.0),))

    def event(self, i: int) -> Event:
        return Event("pump", "gap", "link_down", START + i * SECOND, START + (i + 1) * SECOND, 3, "driver")

    def summary(
        self, minute: int, *, asset: str = "pump", tags: int = 2, features: tuple[str, ...] = ("mean", "std")
    ) -> WindowSummary:
        chance = np.random.default_rng(minute)
        return WindowSummary(
            asset,
            START + minute * MINUTE,
            START + (minute + 1) * MINUTE,
            tuple(f"tag{n:02}" for n in range(tags)),
            features,
            np.full(tags, 600, np.int32),
            np.zeros(tags, np.int32),
            np.ones(tags, np.float32),
            chance.normal(size=(tags, len(features))).astype(np.float32),
            0.25,
            1.0,
            "m@1",
        )


class Steady:
    """A monotonic clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture
def steady() -> Steady:
    return Steady()


@pytest.fixture
def naming() -> Naming:
    return Naming("plant", "gw-1", "0.0.1")


@pytest.fixture
def small() -> OutboxSettings:
    return OutboxSettings(disk_reserve=0)


@pytest.fixture
def writer(tmp_path: Path, small: OutboxSettings) -> Iterator[OutboxWriter]:
    writer = OutboxWriter(tmp_path, small)
    yield writer
    writer.close()


@pytest.fixture
def reader(tmp_path: Path, small: OutboxSettings, steady: Steady) -> Iterator[OutboxReader]:
    reader = OutboxReader(tmp_path, small, BatchSettings(), monotonic=steady)
    yield reader
    reader.close()


@pytest.fixture
def queue(reader: OutboxReader) -> Queue:
    """Of the one target there is."""
    return reader.queues["target"]
