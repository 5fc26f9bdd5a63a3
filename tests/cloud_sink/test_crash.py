"""Real processes killed with SIGKILL at the worst moments (fault C2), and a disk that is really full (C3)."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Lane
from cloud_sink.settings import BatchSettings, OutboxSettings

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).parents[2]
SETTINGS = OutboxSettings(disk_reserve=0)

HEAD = """
import ctypes, os, signal, sys
from pathlib import Path
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: never outlive the test
from datetime import timedelta
from cloud_sink.deliver import Deliverer
from cloud_sink.dispatch import Dispatcher
from cloud_sink.egress import EgressLedger
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.wake import Bell
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Alert, Event
from cloud_sink.settings import *
from cloud_sink.slots import InlineSlot
from cloud_sink.targets.file import FileTarget
folder, target, argument = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
T = 1_700_000_100_000_000_000
def alert(i):
    return Alert("pump", "anomaly", "opened", "alarm", 1.5, 1.0, "m@1", T + i, T + i, T + i)
def say(text):
    os.write(1, f"{text}\\n".encode())
"""

WRITER = """
writer = OutboxWriter(folder, OutboxSettings(disk_reserve=0))
i = int(argument)
while True:
    writer.put([alert(i), alert(i + 1), Event("pump", "gap", "r", T + i, T + i + 1)])
    say(i)
    i += 2
"""

# Dies after the object is at its target and before it is ticked off, as often as told.
DELIVERER = """
class Deadly(FileTarget):
    def put(self, key, data):
        receipt = super().put(key, data)
        say(key)
        if argument == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return receipt
bell = Bell(folder)
reader = OutboxReader(folder, OutboxSettings(disk_reserve=0), BatchSettings(rows=20))
slot = InlineSlot(Deadly(target))
settings = DeliverySettings()
deliverer = Deliverer(
    reader.queues["target"], "deadly", slot, slot, EgressLedger(folder), Naming("s", "g", "1"), settings
)
Dispatcher(reader, [deliverer], settings, bell.wait).run()
"""


@pytest.fixture
def start(tmp_path):
    (tmp_path / "outbox").mkdir()
    (tmp_path / "target").mkdir()
    running = []

    def start(body: str, argument: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", textwrap.dedent(HEAD) + body]
        process = subprocess.Popen(
            [*command, tmp_path / "outbox", tmp_path / "target", str(argument)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


def lines_of(target: Path, lane: str) -> list[dict]:
    files = sorted(target.glob(f"{lane}/**/*.jsonl.gz"))
    return [json.loads(line) for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]


@pytest.mark.slow
def test_writer_killed_anywhere_keeps_every_acknowledged_record(start, tmp_path):
    chance = random.Random(7)
    acknowledged = 0
    for _ in range(6):
        process = start(WRITER, acknowledged)
        assert process.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.1))
        process.kill()
        rest = process.stdout.read().split()
        acknowledged = int(rest[-1]) + 2 if rest else acknowledged + 2
    reader = OutboxReader(tmp_path / "outbox", SETTINGS, BatchSettings(rows=10**6, size=10**9))
    alerts = [
        json.loads(row.body)["opened_at"] - 1_700_000_100_000_000_000
        for row in reader.queues["target"].freeze(Lane.ALERT).rows
    ]
    assert sorted(set(alerts)) == sorted(alerts)
    assert set(range(acknowledged)) <= set(alerts)
    events = len(reader.queues["target"].freeze(Lane.EVENT).rows)
    assert events >= acknowledged // 2
    reader.close()


@pytest.mark.slow
def test_deliverer_killed_between_put_and_delete_sends_the_same_key_again(start, tmp_path, make):
    writer = OutboxWriter(tmp_path / "outbox", SETTINGS)
    writer.put([make.alert(i) for i in range(50)])
    sent = []
    for n in range(3):
        process = start(DELIVERER, "die")
        sent.append(process.stdout.readline().strip())
        assert process.wait(10) == -signal.SIGKILL
        writer.put([make.alert(100 + n)])  # arrivals in between must not change the batch
    process = start(DELIVERER, "live")
    while writer.stat().backlog[Lane.ALERT].count:
        sent.append(process.stdout.readline().strip())
    process.kill()
    assert len(set(sent[:4])) == 1
    keys = [line["key"] for line in lines_of(tmp_path / "target", "alerts")]
    assert Counter(keys) == Counter(make.alert(i).key for i in [*range(50), 100, 101, 102])
    writer.close()


@pytest.mark.slow
def test_both_killed_at_random_while_working_lose_and_double_nothing(start, tmp_path):
    chance = random.Random(11)
    acknowledged = 0
    deliverer = start(DELIVERER, "live")
    deliverer.stdout.readline  # noqa: B018 - left unread: a full pipe must not matter for some kilobytes
    for _ in range(4):
        writer = start(WRITER, acknowledged)
        assert writer.stdout.readline()
        time.sleep(chance.uniform(0.05, 0.2))
        deliverer.kill()
        deliverer.wait()
        deliverer = start(DELIVERER, "live")
        time.sleep(chance.uniform(0.05, 0.2))
        writer.kill()
        rest = writer.stdout.read().split()
        acknowledged = int(rest[-1]) + 2 if rest else acknowledged + 2
    deliverer.kill()
    deliverer.wait()
    onlooker = OutboxReader(tmp_path / "outbox", SETTINGS, BatchSettings(rows=10**6, size=10**9))
    waiting = []
    while (batch := onlooker.queues["target"].freeze(Lane.ALERT)) is not None:
        waiting.append([row.key for row in batch.rows])
        onlooker.queues["target"].delivered(batch)
    onlooker.close()
    lines = lines_of(tmp_path / "target", "alerts")
    at_target = [line["key"] for line in lines]
    assert len(at_target) == len(set(at_target))
    # The batch in hand when it was killed may be at the target and still here: the same batch, so the same object.
    assert all(set(keys) <= set(at_target) or not set(keys) & set(at_target) for keys in waiting)
    numbers = {line["opened_at"] - 1_700_000_100_000_000_000 for line in lines}
    assert len(set(at_target).union(*waiting)) >= acknowledged
    assert numbers


FULL_DISK = """
import shutil
free = lambda: shutil.disk_usage(folder).free
writer = OutboxWriter(folder, OutboxSettings(disk_reserve=768 * 1024))
assert (folder / "reserve").exists()
reader = OutboxReader(folder, OutboxSettings(disk_reserve=768 * 1024), BatchSettings())
ballast = open(folder / "ballast", "wb", buffering=0)
block = bytes(4096)
try:
    while True:
        ballast.write(block)
except OSError:
    pass
bulk = [Event("pump", "gap", "r", T + i, T + i + 1, detail="x" * 1000) for i in range(2000)]
dropped = 0
for i in range(0, 2000, 100):
    dropped += writer.put(bulk[i:i + 100]).dropped
assert dropped > 0, "the disk was not full"
for i in range(20):
    assert writer.put([alert(i)]).written == 1
assert not (folder / "reserve").exists()
sent = 0
while (batch := reader.queues["target"].freeze(0)) is not None:
    sent += len(batch.rows)
    reader.queues["target"].delivered(batch)
assert sent == 20, sent
(folder / "ballast").unlink(); ballast.close()
writer.put([alert(100)])
assert writer.stat().losses == {"dropped/event/disk_full": dropped}, writer.stat()
reader.maintain()
assert (folder / "reserve").exists()
say("recovered")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_full_disk_drops_bulk_keeps_alerts_and_recovers(tmp_path):
    """On a tmpfs of 4 MiB in a mount namespace of its own."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(HEAD) + FULL_DISK)
    disk = tmp_path / "disk"
    disk.mkdir()
    command = f"mount -t tmpfs -o size=4m tmpfs {disk} && exec {sys.executable} {script} {disk} {disk} -"
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("no mount namespaces here")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", command],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "recovered" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
