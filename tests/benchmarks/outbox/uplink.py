"""An outbox, its deliverer and a server on loopback that has the round trip or the rate of a real uplink."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[3]))

from cloud_sink.deliver import Deliverer
from cloud_sink.dispatch import Dispatcher
from cloud_sink.egress import EgressLedger
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.wake import Bell
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Alert, Lane, WindowSummary
from cloud_sink.settings import BatchSettings, DeliverySettings, Naming, OutboxSettings
from cloud_sink.slots import ThreadSlot
from cloud_sink.targets.remote import RemoteTarget
from cloud_sink.targets.s3 import S3, Bucket
from cloud_sink.targets.sigv4 import Credentials
from cloud_sink.uplink.connection import Uplink
from cloud_sink.uplink.words import Origin
from tests.cloud_sink.fault_server import FaultServer

START = 1_700_000_100 * 10**9
MINUTE = 60 * 10**9
FEATURES = ("mean", "std", "min", "max", "rms", "first", "last", "slope", "skewness", "kurtosis", "mac", "crest")
TAGS = tuple(f"tag{i:02}" for i in range(64))


def alert(i: int) -> Alert:
    at = START + i * 10**6
    return Alert("pump", "anomaly", "opened", "alarm", 1.5, 1.0, "m@1", at, at, at, (("flow", 0.7), ("head", 0.3)))


def summaries(first: int, count: int) -> list[WindowSummary]:
    """Windows of a minute of 64 signals with 12 features."""
    chance = np.random.default_rng(first)
    n, ok = np.full(len(TAGS), 600, np.int32), np.ones(len(TAGS), np.float32)
    bad = np.zeros(len(TAGS), np.int32)
    values = chance.normal(size=(count, len(TAGS), len(FEATURES))).astype(np.float32)
    times = [START + (first + i) * MINUTE for i in range(count)]
    return [
        WindowSummary("pump", at, at + MINUTE, TAGS, FEATURES, n, bad, ok, values[i], 0.5, 1.0, "m@1")
        for i, at in enumerate(times)
    ]


class UplinkRig:
    """Close it at the end."""

    def __init__(self, folder: Path, server: FaultServer) -> None:
        folder.mkdir()
        settings = OutboxSettings()
        self.server = server
        self.writer = OutboxWriter(folder, settings)
        self.reader = OutboxReader(folder, settings, BatchSettings())
        self.bell = Bell(folder)
        self.origin = Origin("http", "127.0.0.1", server.port)
        self.door = Uplink(self.origin, None)
        self.deliverer = Deliverer(
            self.reader.queues["target"],
            "s3",
            self._slot(),
            self._slot(),
            EgressLedger(folder),
            Naming("s", "g", "1"),
            DeliverySettings(),
        )
        self.dispatcher = Dispatcher(self.reader, [self.deliverer], DeliverySettings(), self.bell.wait)

    def _slot(self) -> ThreadSlot:
        bucket = Bucket(self.origin, "lake")
        target = RemoteTarget(S3(bucket, lambda: Credentials("AKIA", "secret")), Uplink(self.origin, None))
        return ThreadSlot(target, self.bell.ring)

    def put(self, records: list[Any]) -> None:
        self.writer.put(records)
        self.writer.snapshot_mark()
        self.writer.committed()

    def step(self) -> None:
        """One step of the loop, and the wait behind it, which a ring of the bell ends."""
        if (wait := self.dispatcher.step()) > 0:
            self.bell.wait(min(wait, 0.05))

    def until(self, lane: Lane, records: int) -> float:
        """Seconds until so many records of a lane have arrived."""
        began = time.perf_counter()
        while self.deliverer.stats.records[lane] < records:
            self.step()
        return time.perf_counter() - began

    def bare(self, sizes: list[int]) -> float:
        """Seconds for as many bytes in as many requests on one connection, and nothing else."""
        began = time.perf_counter()
        for i, size in enumerate(sizes):
            self.door.exchange("PUT", f"/bare/{began}/{i}", {}, bytes(size))
        return time.perf_counter() - began

    def close(self) -> None:
        self.door.close()
        self.bell.close()
        self.reader.close()
        self.writer.close()
