"""C1: the power is cut. What was acknowledged is there afterwards, in the outbox or at the target.

An ext4 on a loop device is shut down by EXT4_IOC_SHUTDOWN without flushing its journal: everything that was not synced
is gone, as after a power cut. (A drive that lies about its flushes is not modelled.)
"""

from __future__ import annotations

import fcntl
import os
import random
import struct
import time

import pytest

from cloud_sink.outbox import database
from cloud_sink.outbox.writer import OutboxWriter
from tests.faults.delivery.lives import SETTINGS, TARGETS, books, deliver, kill, lives, resume_at, write
from tests.running import until

pytestmark = pytest.mark.integration

_SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN, fs/ext4/ext4.h
_NO_LOG_FLUSH = struct.pack("I", 2)
_MIB = 1 << 20


def cut(disk) -> None:
    point = os.open(disk.point, os.O_RDONLY)
    try:
        fcntl.ioctl(point, _SHUTDOWN, _NO_LOG_FLUSH)
    finally:
        os.close(point)


def one_cut(disk, acknowledged, chance, most) -> float:
    """Work, lose the power, come back. Returns the seconds from mounted to open."""
    folder, target = disk.point / "outbox", disk.point / "target"
    for needed in (folder, *(target / name for name in TARGETS)):
        needed.mkdir(parents=True, exist_ok=True)
    os.sync()
    before = acknowledged.stat().st_size if acknowledged.exists() else 0
    with lives() as start:
        workers = start(write, folder, acknowledged, resume_at(acknowledged)), start(deliver, folder, target)
        give_up = time.monotonic() + 20
        while not (acknowledged.exists() and acknowledged.stat().st_size > before):
            assert time.monotonic() < give_up, "the writer does not write"
            time.sleep(0.001)
        time.sleep(chance.random() ** 2 * most)
        known = acknowledged.stat().st_size
        cut(disk)
        for worker in workers:
            kill(worker)
    # Nobody hears what is said after the cut. Here somebody could: a sync that was under way in the kernel when its
    # journal was aborted may still return as if it had been done (jbd2_complete_transaction finds nothing to wait for).
    os.truncate(acknowledged, known)
    disk.unmount()
    disk.mount()
    started = time.monotonic()
    OutboxWriter(folder, SETTINGS).close()
    return time.monotonic() - started


@pytest.mark.timeout(1500)
def test_c1_nothing_acknowledged_is_lost(small_disk, tmp_path, times, account):
    chance, acknowledged = random.Random(1), tmp_path / "acknowledged"
    cuts = times(3, 15, "CUTS")
    recovery = 0.0
    with small_disk(96 * _MIB) as disk:
        for n in range(cuts):
            recovery = max(recovery, one_cut(disk, acknowledged, chance, 0.3))
            found = books(disk.point / "outbox", disk.point / "target", acknowledged)
            assert found.lost == set(), f"cut {n}: {len(found.lost)} of {len(found.acknowledged)} lost"
            assert found.twice == set(), f"cut {n}"
            assert list((disk.point / "outbox").glob("*.corrupt-*")) == []
        outbox, target = disk.point / "outbox", disk.point / "target"
        with lives() as start:  # no life before may have been long enough for this one
            start(deliver, outbox, target)
            until(lambda: all(list((target / name).rglob("*.gz")) for name in TARGETS), 20, "what is left is delivered")
        found = books(outbox, target, acknowledged)
        assert all(found.arrived.values())
        assert found.lost | found.twice == set()
    account(
        "C1", "power cut", runs=cuts, lost=0, twice=0, recovery_s=recovery, told=f"{len(found.acknowledged):,} records"
    )


@pytest.mark.faults
def test_c1_the_cut_is_one(small_disk, tmp_path, monkeypatch):
    """Without the sync of each commit the same cut loses records."""
    monkeypatch.setattr("tests.faults.delivery.test_power_cut.write", write_unsynced)
    chance, acknowledged = random.Random(1), tmp_path / "acknowledged"
    with small_disk(96 * _MIB) as disk:
        for _ in range(30):
            one_cut(disk, acknowledged, chance, 0.3)
            if books(disk.point / "outbox", disk.point / "target", acknowledged).lost:
                return
    pytest.fail("nothing was lost in 30 cuts without a sync: the cut is none")


def write_unsynced(folder, acknowledged, first):
    original = database.Database._set_up

    def unsynced(self, *arguments, **named):
        original(self, *arguments, **named)
        self._db.execute("PRAGMA synchronous = OFF")

    database.Database._set_up = unsynced
    write(folder, acknowledged, first)
