"""C3: no room. Summaries stop first, alerts go on, what is delivered can be ticked off, and it recovers by itself."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from cloud_sink.outbox.books import held_bytes
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Lane, WindowSummary
from cloud_sink.settings import KIB, MIB, BatchSettings, OutboxSettings
from tests.faults.delivery.lives import START, alert, event

pytestmark = pytest.mark.integration

MINUTE = 60 * 10**9
TAGS = tuple(f"tag{i:02}" for i in range(40))
FEATURES = ("mean", "std", "min", "max", "rms", "last")


def summary(i: int, length: int = MINUTE) -> WindowSummary:
    shape, values = np.ones(len(TAGS), np.int32), np.random.default_rng(i).normal(size=(len(TAGS), len(FEATURES)))
    at, ok = START + i * length, np.ones(len(TAGS), np.float32)
    return WindowSummary(
        "pump", at, at + length, TAGS, FEATURES, shape, shape, ok, values.astype(np.float32), 0.5, 1.0, "m@1"
    )


def deliver_all(reader: OutboxReader) -> list[bytes]:
    """To a target that takes everything."""
    bodies, queue = [], reader.queues["target"]
    for lane in Lane:
        while (batch := queue.freeze(lane, flush=True)) is not None:
            bodies += [row.body for row in batch.rows]
            queue.delivered(batch)
    return bodies


def told(bodies: list[bytes], kind: str) -> dict[str, int]:
    """What events say of losses, by where."""
    counts: dict[str, int] = {}
    for body in bodies:
        if body.startswith(b"{") and (data := json.loads(body)).get("kind") == kind:
            counts[data["source"]] = counts.get(data["source"], 0) + data["count"]
    return counts


def test_c3_a_full_disk(small_disk, account):
    settings = OutboxSettings(disk_reserve=2 * MIB)
    with small_disk(40 * MIB) as disk:
        folder = disk.point / "outbox"
        folder.mkdir()
        with (
            closing(OutboxWriter(folder, settings)) as writer,
            closing(OutboxReader(folder, settings, BatchSettings())) as reader,
        ):
            writer.put([alert(0), event(0), summary(0)])
            fill(disk.point / "ballast", spare=512 * KIB)
            dropped = {Lane.SUMMARY: 0, Lane.EVENT: 0}
            events_after_summaries = 0
            for i in range(1, 200):
                bulk = [*(summary(i * 200 + n) for n in range(200)), replace(event(i), detail="x" * 500)]
                result = writer.put(bulk)
                dropped[Lane.SUMMARY] += min(result.dropped, 200)
                dropped[Lane.EVENT] += max(0, result.dropped - 200)
                events_after_summaries += result.dropped == 200
                if result.dropped == 201:
                    break
            assert events_after_summaries > 0, "events went no later than summaries"
            assert dropped[Lane.EVENT] > 0, "the disk was not full"
            for i in range(1, 21):
                assert writer.put([alert(i)]).written == 1, "an alert has no room"
            bodies = deliver_all(reader)  # without room, deleting needs the reserve too
            assert sum(b'"opened"' in body for body in bodies) == 21
            (disk.point / "ballast").unlink()
            gone = time.monotonic()
            while writer.put([summary(10_000)]).dropped:
                assert time.monotonic() - gone < 10, "it does not recover"
            recovery = time.monotonic() - gone
            bodies += deliver_all(reader)
            losses = writer.stat().losses
    by_lane = {f"outbox/{lane.name.lower()}": count for lane, count in dropped.items()}
    assert told(bodies, "dropped") == by_lane
    assert sum(losses.values()) == sum(dropped.values())
    account(
        "C3",
        "disk full",
        runs=1,
        lost=0,
        twice=0,
        recovery_s=recovery,
        told=f"21 of 21 alerts; {sum(dropped.values())} summaries and events dropped, each of them told",
    )


def fill(path, spare: int) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (MIB, 4 * KIB):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
        file.truncate(file.tell() - spare)


def test_c3_the_quota(tmp_path, account):
    """Four days without a link, with room for half a day of detail: all of it is still there, but coarser."""
    settings = OutboxSettings(quota=MIB, alert_reserve=64 * KIB, disk_reserve=0)
    windows, dropped = 4 * 24 * 60, 0
    with (
        closing(OutboxWriter(tmp_path, settings)) as writer,
        closing(OutboxReader(tmp_path, settings, BatchSettings())) as reader,
    ):
        for first in range(0, windows, 60):
            dropped += writer.put([*(summary(i) for i in range(first, first + 60)), alert(first)]).dropped
            writer.snapshot_mark()
            writer.committed()
            reader.maintain()
            assert held_bytes(writer._database) <= settings.quota
        began = time.monotonic()
        bodies = deliver_all(reader)
        recovery = time.monotonic() - began
        losses = writer.stat().losses
    assert sum(b'"opened"' in body for body in bodies) == windows // 60
    assert dropped == 0
    assert told(bodies, "thinned") == {"outbox/summary": losses["thinned/summary/outbox_quota"]}
    account(
        "C3",
        "quota reached after half a day of four",
        runs=1,
        lost=0,
        twice=0,
        recovery_s=recovery,
        told=f"{windows // 60} of {windows // 60} alerts; {windows:,} windows joined in "
        f"{losses['thinned/summary/outbox_quota']:,} places, told; none dropped",
    )
