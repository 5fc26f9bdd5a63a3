"""C2: kill -9 at random moments, of whoever writes the outbox and of whoever empties it."""

from __future__ import annotations

import random
import time

import pytest

from tests.faults.delivery.lives import TARGETS, books, deliver, kill, lives, resume_at, write

pytestmark = pytest.mark.integration


@pytest.mark.timeout(400)
def test_c2_nothing_is_lost_and_no_object_is_there_twice(tmp_path, times, account):
    chance, kills = random.Random(2), times(12, 200)
    folder, target, acknowledged = tmp_path / "outbox", tmp_path / "target", tmp_path / "acknowledged"
    for new in (folder, *(target / name for name in TARGETS)):
        new.mkdir(parents=True)
    acknowledged.touch()
    killed = {"writer": 0, "uploader": 0}
    recovery = 0.0
    with lives() as start:
        writer, uploader = start(write, folder, acknowledged, 0), start(deliver, folder, target)
        for _ in range(kills):
            time.sleep(0.15 * chance.random() ** 2)
            if chance.random() < 0.5:
                kill(writer)
                killed["writer"] += 1
                size = acknowledged.stat().st_size
                started = time.monotonic()
                writer = start(write, folder, acknowledged, resume_at(acknowledged))
                while acknowledged.stat().st_size == size:
                    assert time.monotonic() - started < 20, "the writer does not come back"
                    time.sleep(0.001)
                recovery = max(recovery, time.monotonic() - started)
            else:
                kill(uploader)
                killed["uploader"] += 1
                uploader = start(deliver, folder, target)
        kill(writer)
        give_up = time.monotonic() + 120
        while (found := books(folder, target, acknowledged)).waiting:
            assert time.monotonic() < give_up, f"{len(found.waiting)} records are not delivered"
            time.sleep(0.5)
        kill(uploader)
    assert min(killed.values()) > 0
    assert found.lost == set()
    assert found.twice == set()
    assert all(set(arrived) >= found.acknowledged for arrived in found.arrived.values())
    assert len(found.acknowledged) > kills
    assert list(folder.glob("*.corrupt-*")) == []
    account(
        "C2",
        "kill -9 of the writer and of the uploader",
        runs=kills,
        lost=len(found.lost),
        twice=len(found.twice),
        recovery_s=recovery,
        told=f"{len(found.acknowledged):,} records",
    )
