"""What a sample costs on its way into and out of the journal, beside a plain file of the same bytes.

Against: the same bytes, encoded beforehand, written by os.write() frame by frame, and read back by large read() calls
with np.frombuffer for each column of each block. CPU time, taken in turns, the median of some rounds each.
"""

from __future__ import annotations

import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from connectors.journal.format import encode, entry_of
from connectors.journal.reader import JournalReader
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable

ROUNDS = 9
SAMPLES = 1_000_000
TABLE = TagTable("pump", tuple(Tag(f"tag{number}") for number in range(100)))
SETTINGS = JournalSettings(fsync_every=timedelta(hours=1))  # both sides in the page cache; the sync is not the code's
GOALS_NS = {(100, "append"): 150, (1000, "append"): 60, (100, "read"): 150, (1000, "read"): 60}


def run() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("SLUICEGATE_BENCH_DIR")) as folder:
        return [result for block in (100, 1000) for result in _block_size(Path(folder), block)]


def _blocks(size: int) -> list[SampleBatch]:
    rng = np.random.default_rng(1)
    blocks = []
    for number in range(SAMPLES // size):
        times = 1_700_000_000_000_000_000 + np.arange(number * size, (number + 1) * size, dtype=np.int64) * 1000
        tags = (np.arange(size) % len(TABLE)).astype(np.uint16)
        status = np.zeros(size, np.uint32)
        blocks.append(SampleBatch(TABLE, tags, times, rng.normal(size=size), status, int(times[-1]) + 1))
    return blocks


def _block_size(folder: Path, size: int) -> list[dict[str, Any]]:
    blocks = _blocks(size)
    frames = [b"".join(encode(entry_of(block), {"pump": 0})) for block in blocks]
    times: dict[str, list[float]] = {"append": [], "read": [], "plain append": [], "plain read": []}
    for number in range(ROUNDS):
        home = folder / f"{size}-{number}"
        times["append"].append(_append(home, blocks))
        times["plain append"].append(_plain_append(home / "plain", frames))
        times["read"].append(_read(home))
        times["plain read"].append(_plain_read(home / "plain", len(frames[0]), size))
        for path in home.iterdir():
            path.unlink()
    results = []
    for what in ("append", "read"):
        figure, plain = (median(times[name]) * 1e9 / SAMPLES for name in (what, f"plain {what}"))
        goal = GOALS_NS[size, what]
        results.append(
            {
                "name": f"journal: {what}, {size} samples a block",
                "figure": figure,
                "unit": "ns/sample",
                "against": f"plain file {what}: {plain:.1f} ns/sample",
                "ratio": figure / plain,
                "goal": f"<= {goal} ns/sample",
                "met": figure <= goal,
            }
        )
    return results


def _append(home: Path, blocks: list[SampleBatch]) -> float:
    with JournalWriter(home, [TABLE], SETTINGS) as writer:
        started = time.process_time()
        for block in blocks:
            writer.append([block])
        return time.process_time() - started


def _plain_append(path: Path, frames: list[bytes]) -> float:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    started = time.process_time()
    for frame in frames:
        os.write(descriptor, frame)
    took = time.process_time() - started
    os.close(descriptor)
    return took


def _read(home: Path) -> float:
    reader = JournalReader(home, 0)
    started, samples = time.process_time(), 0
    while items := reader.read():
        samples += sum(map(len, items))  # type: ignore[arg-type]
    took = time.process_time() - started
    assert samples == SAMPLES
    reader.close()
    return took


def _plain_read(path: Path, frame: int, n: int) -> float:
    descriptor = os.open(path, os.O_RDONLY)
    started = time.process_time()
    while data := os.read(descriptor, 1024 * frame):
        for at in range(32, len(data), frame):
            np.frombuffer(data, np.int64, n, at)
            np.frombuffer(data, np.float64, n, at + 8 * n)
            np.frombuffer(data, np.uint32, n, at + 16 * n)
            np.frombuffer(data, np.uint16, n, at + 20 * n)
    took = time.process_time() - started
    os.close(descriptor)
    return took
