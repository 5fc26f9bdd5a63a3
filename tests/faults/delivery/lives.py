"""The two processes of an outbox, as short lives that are forked, work until they are killed, and leave a list of what
was acknowledged."""

from __future__ import annotations

import ctypes
import gzip
import json
import multiprocessing
import os
import random
import signal
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from cloud_sink.deliver import Deliverer
from cloud_sink.egress import EgressLedger
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.schema import DATABASE_NAME
from cloud_sink.outbox.wake import Bell
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Alert, Event
from cloud_sink.settings import BatchSettings, DeliverySettings, Naming, OutboxSettings
from cloud_sink.targets.file import FileTarget

START = 1_700_000_100 * 10**9
SETTINGS = OutboxSettings(disk_reserve=0)
MILLISECOND = 10**6
FORKS = multiprocessing.get_context("forkserver")  # a life costs milliseconds, not an interpreter's start
FORKS.set_forkserver_preload([__name__])


def alert(i: int) -> Alert:
    at = START + i * MILLISECOND
    return Alert("pump", "anomaly", "opened", "alarm", 1.5, 1.0, "m@1", at, at, at)


def event(i: int) -> Event:
    at = START + i * MILLISECOND
    return Event("pump", "gap", "link_down", at, at + 1, 3, "driver", "x" * (i % 7) * 300)


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


def write(folder: Path, acknowledged: Path, first: int) -> None:
    """Three records a call, a few calls an epoch; a line for each call that returned."""
    _die_with_parent()
    told = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    writer = OutboxWriter(folder, SETTINGS)
    for i in range(first, first + 10**6, 2):
        records = [alert(i), alert(i + 1), event(i)]
        writer.put(records)
        os.write(told, "".join(f"{record.key}\n" for record in records).encode())
        if i % 8 == 0:
            writer.snapshot_mark()
        elif i % 8 == 2:
            writer.committed()


def resume_at(acknowledged: Path) -> int:
    """Where the source of a flow that died would begin again: behind the last mark that may have been committed."""
    lines = acknowledged.read_text().splitlines() if acknowledged.exists() else []
    if not lines:
        return 0
    last = (int(lines[-3].rsplit("/", 1)[1]) - START) // MILLISECOND
    return max(0, (last - 2) // 8 * 8 + 2)


def deliver(folder: Path, target: Path) -> None:
    """As the deliver process does, into a folder."""
    _die_with_parent()
    reader = OutboxReader(folder, SETTINGS, BatchSettings(rows=20))
    deliverer(reader, folder, target).run()


def deliverer(reader: OutboxReader, folder: Path, target: Path) -> Deliverer:
    bell = Bell(folder)
    return Deliverer(
        reader, FileTarget(target), EgressLedger(folder), Naming("s", "g", "1"), DeliverySettings(), bell.wait
    )


@contextmanager
def lives():
    """Starts lives; none survives the block."""
    started = []

    def start(work, *arguments):
        process = FORKS.Process(target=work, args=arguments, daemon=True)
        process.start()
        started.append(process)
        return process

    try:
        yield start
    finally:
        for process in started:
            kill(process)


def kill(process) -> None:
    process.kill()
    process.join()


@dataclass
class Books:
    """What was acknowledged, what waits, what arrived.

    Attributes:
        acknowledged: Keys.
        waiting: Keys in the outbox.
        arrived: Keys at the target, each with the number of objects it is in.
    """

    acknowledged: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    arrived: Counter[str] = field(default_factory=Counter)

    @property
    def lost(self) -> set[str]:
        return self.acknowledged - self.waiting - set(self.arrived)

    @property
    def twice(self) -> set[str]:
        return {key for key, objects in self.arrived.items() if objects > 1}


def books(folder: Path, target: Path, acknowledged: Path) -> Books:
    """Look at everything, while nobody works."""
    said = acknowledged.read_text().splitlines() if acknowledged.exists() else []
    database = Database(folder / DATABASE_NAME)
    try:
        waiting = {key for (key,) in database.execute("SELECT key FROM outbox WHERE state = 0")}
    finally:
        database.close()
    return Books(set(said), waiting, arrived(target))


def arrived(target: Path) -> Counter[str]:
    lines = (
        json.loads(line)["key"]
        for file in target.glob("**/*.jsonl.gz")
        for line in gzip.decompress(file.read_bytes()).splitlines()
    )
    return Counter(lines)


def some_time(chance: random.Random, most: float) -> float:
    """More often short than long: the interesting moments are at the beginning."""
    return most * chance.random() ** 2
