"""How long an alert takes to be on disk, beside the disk's own fdatasync, and how fast records go in in bulk.

Everything alternates in one run in one folder, because a disk's sync time drifts from minute to minute.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Alert, Event, Lane
from cloud_sink.settings import BatchSettings, OutboxSettings

ALERTS = 600
BULK = 100
ROUNDS = 60
OPEN = 100_000
SETTINGS = OutboxSettings()


def run() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("SLUICEGATE_BENCH_DIR")) as folder:
        return [*_alerts(Path(folder)), _bulk(Path(folder)), _open(Path(folder))]


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _alerts(folder: Path) -> list[dict[str, Any]]:
    """One alert a call, the deliverer forgetting them now and then as it would, against a bare append + fdatasync."""
    writer = OutboxWriter(folder, SETTINGS)
    reader = OutboxReader(folder, SETTINGS, BatchSettings())
    queue = reader.queues["target"]
    bare = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    block = os.urandom(450)

    def sync() -> None:
        os.write(bare, block)
        os.fdatasync(bare)

    puts, syncs = [], []
    for i in range(ALERTS):
        alert = Alert("pump", "anomaly", "opened", "alarm", 1.5, 1.0, "m@1", i, i, i, (("flow", 0.7), ("head", 0.3)))
        puts.append(_timed(lambda alert=alert: writer.put([alert])))
        syncs.append(_timed(sync))
        if i % 50 == 49 and (batch := queue.freeze(Lane.ALERT)) is not None:
            queue.delivered(batch)
    os.close(bare)
    reader.close()
    writer.close()
    results = []
    for percent, goal in ((50, 3.0), (99, 10.0)):
        figure, floor = (float(np.percentile(times, percent)) * 1e3 for times in (puts, syncs))
        results.append(
            {
                "name": f"outbox: alert durable p{percent}",
                "figure": figure,
                "unit": "ms",
                "against": f"bare fdatasync p{percent}: {floor:.2f} ms",
                "ratio": figure / floor,
                # Where the disk's own sync takes longer than half of the goal, the goal is twice the disk's.
                "goal": f"<= {max(goal, 2 * floor):.3g} ms",
                "met": figure <= max(goal, 2 * floor),
            }
        )
    return results


def _events(batch: int) -> list[Event]:
    first = batch * BULK
    detail = "x" * 300
    return [Event("pump", "gap", "link_down", i, i + 1, 3, "driver", detail) for i in range(first, first + BULK)]


def _bulk(folder: Path) -> dict[str, Any]:
    """Batches of 100 records, one commit each, against a loop of bare inserts of the same bytes with the same syncs."""
    (folder / "bulk").mkdir()
    writer = OutboxWriter(folder / "bulk", SETTINGS)
    bare = sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)
    bare.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(key TEXT UNIQUE, body BLOB)")

    def insert(rows: list[tuple[str, bytes]]) -> None:
        bare.execute("BEGIN")
        for row in rows:
            bare.execute("INSERT INTO t VALUES (?, ?)", row)
        bare.execute("COMMIT")

    ours, theirs = [], []
    for batch in range(ROUNDS):
        events = _events(batch)
        rows = [(event.key, event.encode()) for event in events]
        ours.append(_timed(lambda events=events: writer.put(events)))
        theirs.append(_timed(lambda rows=rows: insert(rows)))
    bare.close()
    writer.close()
    rate, floor = BULK / median(ours), BULK / median(theirs)
    return {
        "name": "outbox: records in batches of 100",
        "figure": rate,
        "unit": "records/s",
        "against": f"bare sqlite3 insert loop without keys, checksums or encoding: {floor:,.0f} records/s",
        "ratio": rate / floor,
        "goal": ">= 10,000 records/s",
        "met": rate >= 10_000,
    }


def _open(folder: Path) -> dict[str, Any]:
    """From nothing to the first frozen batch with 100,000 records waiting."""
    writer = OutboxWriter(folder, SETTINGS)
    size = OPEN // 20
    for first in range(0, OPEN, size):
        writer.put([Event("pump", "gap", "r", i, i + 1) for i in range(first, first + size)])
    writer.close()

    def open_and_freeze() -> None:
        reader = OutboxReader(folder, SETTINGS, BatchSettings())
        reader.stat()
        assert reader.queues["target"].freeze(Lane.EVENT) is not None
        reader.close()

    seconds = median(_timed(open_and_freeze) for _ in range(3))
    return {
        "name": "outbox: open and first batch with 100,000 waiting",
        "figure": seconds * 1e3,
        "unit": "ms",
        "against": None,
        "ratio": None,
        "goal": "<= 1,000 ms",
        "met": seconds <= 1.0,
    }


if __name__ == "__main__":
    for result in run():
        print(result)
