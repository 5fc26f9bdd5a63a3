from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from connectors.journal.reader import JournalReader
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.samples import Item, Notice, SampleBatch
from connectors.tags import Tag, TagTable

PUMP = TagTable("pump", (Tag("flow", "m3/h", 0.1), Tag("head", "m")))
FAN = TagTable("fan", (Tag("speed", "1/min"),))
SMALL = JournalSettings(quota_bytes=40_000, segment_bytes=10_000)

MakeBatch = Callable[..., SampleBatch]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def make() -> MakeBatch:
    """A block of n samples whose source times and values count up from `first`."""

    def make(first: int, n: int = 10, table: TagTable = PUMP) -> SampleBatch:
        time = np.arange(first, first + n, dtype=np.int64)
        return SampleBatch(
            table,
            np.zeros(n, np.uint16),
            time,
            time.astype(np.float64),
            np.zeros(n, np.uint32),
            first + n,
        )

    return make


@pytest.fixture
def drain() -> Callable[[JournalReader], list[Item]]:
    def drain(reader: JournalReader) -> list[Item]:
        items: list[Item] = []
        while more := reader.read(4096):
            items += more
        return items

    return drain


@pytest.fixture
def counted() -> Callable[[list[Item], str], tuple[int, int]]:
    """(samples in blocks, samples in notices) of one asset."""

    def counted(items: list[Item], asset: str) -> tuple[int, int]:
        mine = [item for item in items if item.asset == asset]
        return (
            sum(len(item) for item in mine if isinstance(item, SampleBatch)),
            sum(item.count for item in mine if isinstance(item, Notice)),
        )

    return counted


@pytest.fixture
def write(folder: Path) -> Callable[..., JournalWriter]:
    def write(settings: JournalSettings = SMALL, tables: tuple[TagTable, ...] = (PUMP, FAN)) -> JournalWriter:
        return JournalWriter(folder, tables, settings)

    return write
