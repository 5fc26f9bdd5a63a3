"""C4: random bytes of the file are overwritten. What is not hit is delivered, nothing wrong is, and it ends."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cloud_sink.errors import OutboxDamaged, OutboxError, OutboxLocked
from cloud_sink.outbox import files
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.salvage import RULE
from cloud_sink.outbox.schema import DATABASE_NAME
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Account, Lane
from cloud_sink.settings import BatchSettings, OutboxSettings
from tests.faults.delivery.lives import alert, event

pytestmark = pytest.mark.integration

SETTINGS = OutboxSettings(disk_reserve=0, lock_wait=timedelta(0))
RECORDS = 5000
STARTS = 4  # the first finds the damage, the second salvages; the others would be one too many
TELLING = (RULE.encode(), b'"damaged_file"', b'"corrupt_row"')


@pytest.fixture(scope="module")
def whole():
    """A folder with an outbox of 5,000 records, some of them on their way, and what is in it."""
    shm = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shm if shm.is_dir() else None) as name:
        folder = Path(name) / "whole"
        folder.mkdir()
        truth: dict[str, bytes] = {}
        with closing(OutboxWriter(folder, SETTINGS)) as writer:
            for first in range(0, RECORDS, 50):
                records = [
                    *(replace(alert(i), detail="x" * (i * 37 % 600)) for i in range(first, first + 30)),
                    *(event(i) for i in range(first, first + 20)),
                ]
                writer.put(records)
                truth |= {record.key: record.encode() for record in records}
            writer.put([Account("pump", 10, 10, 0)])
            writer.snapshot_mark()
            writer.committed()
        with closing(OutboxReader(folder, SETTINGS, BatchSettings())) as reader:
            reader.queues["target"].freeze(Lane.ALERT)
        yield folder, truth


def gateway(folder: Path, new: list, delivered: dict[str, bytes]) -> None:
    """One life of both processes: what waits is delivered to the end."""
    with closing(OutboxWriter(folder, SETTINGS)) as writer:
        writer.stat()
        writer.put([*new, Account("pump", 20, 20, 0)])
        writer.snapshot_mark()
        writer.committed()
        with closing(OutboxReader(folder, SETTINGS, BatchSettings())) as reader:
            queue = reader.queues["target"]
            for _ in range(3):
                for lane in Lane:
                    while (batch := queue.freeze(lane, flush=True)) is not None:
                        delivered |= {row.key: row.body for row in batch.rows}
                        queue.delivered(batch)
                reader.maintain()
            assert sum(backlog.count for backlog in reader.stat().backlog.values()) == 0


def damage(file: Path, count: int, chance: random.Random) -> None:
    size = file.stat().st_size
    with file.open("r+b") as opened:
        for _ in range(count):
            opened.seek(chance.randrange(size))
            opened.write(chance.randbytes(1))


@pytest.mark.timeout(600)
def test_c4_what_is_intact_is_delivered_and_nothing_else(whole, times, account, monkeypatch):
    monkeypatch.setattr(files, "_LETTING_GO", timedelta(0))  # both are in this process
    source, truth = whole
    chance, runs = random.Random(4), times(8, 60)
    worst, lost, salvages, recovery, starts_needed = 1.0, 0, 0, 0.0, Counter()
    for run in range(runs):
        folder = source.parent / f"run-{run}"
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.lock"))
        bytes_hit = (1, 4, 16, 64)[run % 4]
        damage(folder / DATABASE_NAME, bytes_hit, chance)
        new = [alert(10**6 + i) for i in range(10)]
        delivered: dict[str, bytes] = {}
        started = time.monotonic()
        for start in range(1, STARTS + 1):
            try:
                gateway(folder, new, delivered)
                break
            except (OutboxDamaged, OutboxLocked):  # locked: the other one has it open still, and ends now
                assert start < STARTS, f"run {run}: {bytes_hit} bytes: still damaged after {start} starts"
        recovery = max(recovery, time.monotonic() - started)
        starts_needed[start] += 1
        salvages += len(list(folder.glob("*.corrupt-*")))
        _check(run, bytes_hit, truth, {one.key: one.encode() for one in new}, delivered)
        there = len(truth.keys() & delivered.keys())
        lost += len(truth) - there
        worst = min(worst, there / len(truth))
        shutil.rmtree(folder)
    assert worst >= 0.98
    account(
        "C4",
        "1, 4, 16 or 64 random bytes of the file overwritten",
        runs=runs,
        lost=lost,
        twice=0,
        recovery_s=recovery,
        told=f"of {len(truth):,} a run; worst run {worst:.1%} kept; {salvages} files salvaged",
    )


def _check(run, bytes_hit, truth, new, delivered):
    for key, body in delivered.items():
        if not any(sign in body for sign in TELLING):
            assert (truth | new).get(key) == body, f"run {run}: {bytes_hit} bytes: {key} is wrong"
    missing = new.keys() - delivered.keys()
    assert not missing, f"run {run}: {bytes_hit} bytes: {len(missing)} new alerts are missing"


def test_c4_a_loss_is_told(whole, tmp_path):
    """Half of the file is gone: what is missing is counted in events, and an alert says that somebody must look."""
    source, truth = whole
    folder = tmp_path / "outbox"
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.lock"))
    file = folder / DATABASE_NAME
    middle = file.stat().st_size // 8192 * 4096
    with file.open("r+b") as opened:
        opened.seek(middle)
        opened.write(bytes(file.stat().st_size - middle))
    delivered: dict[str, bytes] = {}
    for _ in range(STARTS):
        try:
            gateway(folder, [], delivered)
            break
        except OutboxError:
            continue
    lost = len(truth) - len(truth.keys() & delivered.keys())
    assert 100 < lost < RECORDS
    told = [body for body in delivered.values() if any(sign in body for sign in TELLING)]
    assert any(RULE.encode() in body for body in told)
    assert sum(json.loads(body)["count"] for body in told if b'"dropped"' in body) == lost
