"""The two processes of an outbox, as short lives that are forked, work until they are killed, and leave a list of what
was acknowledged."""

from __future__ import annotations

import ctypes
import gzip
import json
import multiprocessing
import os
import signal
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import structlog

from cloud_sink.deliver import Deliverer
from cloud_sink.dispatch import Dispatcher
from cloud_sink.egress import EgressLedger
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.schema import DATABASE_NAME
from cloud_sink.outbox.wake import Bell
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Alert, Event, Lane
from cloud_sink.settings import BatchSettings, DeliverySettings, Naming, OutboxSettings
from cloud_sink.slots import InlineSlot
from cloud_sink.targets.file import FileTarget

START = 1_700_000_100 * 10**9
SETTINGS = OutboxSettings(disk_reserve=0)
TARGETS = ("one", "two")
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
    """Three records a call, a few calls an epoch; a line for each record that was taken."""
    _die_with_parent()
    told = os.open(acknowledged, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    writer = OutboxWriter(folder, SETTINGS)
    for i in range(first, first + 10**6, 2):
        records = [alert(i), alert(i + 1), event(i)]
        if writer.put(records).dropped:  # a write that the cut left short looks like a full disk: the event is refused
            records.pop()
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
    newest = max(int(line.rsplit("/", 1)[1]) for line in lines[-6:] if line.startswith("alert/"))
    last = (newest - START) // MILLISECOND - 1  # the first alert of that call
    return max(0, (last - 2) // 8 * 8 + 2)


def deliver(folder: Path, targets: Path) -> None:
    """As the deliver process does, into two folders."""
    _die_with_parent()
    bell = Bell(folder)
    reader = OutboxReader(folder, SETTINGS, BatchSettings(rows=20), targets=dict.fromkeys(TARGETS, tuple(Lane)))
    deliverers = [deliverer(reader, name, folder, targets / name) for name in TARGETS]
    Dispatcher(reader, deliverers, DeliverySettings(), bell.wait).run()


def deliverer(reader: OutboxReader, name: str, folder: Path, target: Path) -> Deliverer:
    slot = InlineSlot(FileTarget(target))
    ledger, naming = EgressLedger(folder), Naming("s", "g", "1")
    return Deliverer(reader.queues[name], name, slot, slot, ledger, naming, DeliverySettings())


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
        arrived: By target, keys with the number of objects each is in.
    """

    acknowledged: set[str]
    waiting: set[str]
    arrived: dict[str, Counter[str]]

    @property
    def lost(self) -> set[str]:
        return {key for found in self.arrived.values() for key in self.acknowledged - self.waiting - set(found)}

    @property
    def twice(self) -> set[str]:
        return {key for found in self.arrived.values() for key, objects in found.items() if objects > 1}


def books(folder: Path, targets: Path, acknowledged: Path) -> Books:
    """Look at everything, while nobody writes."""
    said = acknowledged.read_text().splitlines() if acknowledged.exists() else []
    database = Database(folder / DATABASE_NAME)
    try:
        waiting = {key for (key,) in database.execute("SELECT key FROM outbox WHERE state = 0")}
    finally:
        database.close()
    return Books(set(said), waiting, {name: arrived(targets / name) for name in TARGETS})


def arrived(target: Path) -> Counter[str]:
    return Counter(key for file in target.glob("**/*.jsonl.gz") for key in _keys(file.read_bytes()))


@cache
def _keys(data: bytes) -> tuple[str, ...]:
    return tuple(json.loads(line)["key"] for line in gzip.decompress(data).splitlines())
