from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
import numpy as np
import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import init_db_dir
from bytewax.testing import TestingSink, run_main

from connectors.driver import Emit
from connectors.journal.mark import read_mark
from connectors.journal.reader import JournalReader
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.recording import write_recording
from connectors.samples import Origin, SampleBatch
from connectors.source import DriverSource, JournalSource, RecordingSource, _JournalPartition
from connectors.tags import Tag, TagTable

TABLES = {asset: TagTable(asset, (Tag("x"),)) for asset in "abc"}


def block(first: int, n: int = 10, asset: str = "a", origin: Origin = Origin.LIVE) -> SampleBatch:
    times = np.arange(first, first + n)
    return SampleBatch(
        TABLES[asset], np.zeros(n, np.uint16), times, times * 1.0, np.zeros(n, np.uint32), first + n, origin
    )


def test_each_frame_stays_a_block_of_its_own_however_many_are_readable(folder: Path) -> None:
    """What is readable together is chance, and lateness is judged block by block: a replay must see the same blocks."""
    frames = [block(1), block(21), block(11), block(5, asset="b")]
    with JournalWriter(folder, list(TABLES.values()), JournalSettings()) as writer:
        writer.append(frames)
    out: list[tuple[str, SampleBatch]] = []
    run_journal(folder, out, stop=lambda: True)
    assert [(key, item.source_time.tolist(), item.received_time) for key, item in out] == [
        (frame.asset, frame.source_time.tolist(), frame.received_time) for frame in frames
    ]


def run_journal(folder: Path, out: list, **options) -> None:
    flow = Dataflow("test")
    items = op.input("journal", flow, JournalSource(folder, **options))
    op.output("out", items, TestingSink(out))
    config = options.pop("config", None)
    run_main(flow, epoch_interval=timedelta(milliseconds=5), recovery_config=config)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_stop_drains_what_is_readable_and_commits_go_to_the_mark(folder: Path) -> None:
    out, passes = [], []
    with JournalWriter(folder, list(TABLES.values()), JournalSettings(10**9, 10_000)) as writer:
        for first in range(0, 10_000, 10):
            writer.append([block(first, asset="abc"[first // 10 % 3])])
        run_journal(folder, out, stop=lambda: True, on_pass=lambda: passes.append(1), max_bytes_per_pass=1000)
    assert sum(len(item) for _, item in out) == 10_000
    assert len(passes) > 10
    mark = read_mark(folder)
    assert mark.committed is not None
    assert mark.pending is not None
    assert mark.committed.offset <= mark.pending.offset


def test_how_far_it_has_read_is_told_from_its_start_to_its_end(folder: Path) -> None:
    out: list[tuple[str, object]] = []
    told: list[int] = []
    with JournalWriter(folder, list(TABLES.values()), JournalSettings(10**9, 10_000)) as writer:
        for first in range(0, 1000, 10):
            writer.append([block(first)])
        run_journal(folder, out, stop=lambda: True, on_read=told.append, max_bytes_per_pass=1000)
        assert told[0] == 0
        assert told[-1] == writer.offset
    assert sorted(set(told)) == told


def test_without_a_store_a_flow_goes_on_from_the_mark(folder: Path) -> None:
    with JournalWriter(folder, list(TABLES.values()), JournalSettings()) as writer:
        writer.append([block(0)])
        reader = JournalReader(folder, 0)
        reader.read()
        reader.mark(reader.offset)
        writer.append([block(10)])
        out: list = []
        run_journal(folder, out, stop=lambda: True)
    assert [item.source_time[0] for _, item in out] == [10]


def partition(folder: Path, stop, clock=time.monotonic) -> _JournalPartition:
    return _JournalPartition(JournalReader(folder, 0), stop, None, None, 300, 5.0, clock)


def test_draining_a_backlog_is_bounded_in_time(folder: Path) -> None:
    now = 0.0
    with JournalWriter(folder, list(TABLES.values()), JournalSettings()) as writer:
        for first in range(0, 1000, 10):
            writer.append([block(first)])
        part = partition(folder, lambda: True, lambda: now)
        assert part.next_batch()
        now = 5.0
        assert part.next_batch()
        now = 5.1
        with pytest.raises(StopIteration):
            part.next_batch()
        part.close()


def test_commits_are_told_once_all_that_an_earlier_run_may_have_read_is_safe(folder: Path) -> None:
    told: list[int] = []
    with JournalWriter(folder, list(TABLES.values()), JournalSettings()) as writer:
        writer.append([block(0)])
        writer.append([block(10)])
        part = _JournalPartition(
            JournalReader(folder, 0), lambda: False, lambda: told.append(1), None, 300, 5.0, time.monotonic
        )
        writer.append([block(20)])  # nobody can have read this before
        for number in range(3):
            assert len(part.next_batch()) == 1
            assert len(told) == max(0, number - 1)
            part.snapshot()
        part.next_batch()
        assert len(told) == 2
        part.close()


def test_an_idle_pass_waits_at_most_50_ms_and_wakes_at_an_append(folder: Path) -> None:
    part = partition(folder, lambda: False)
    began = time.monotonic()
    assert part.next_batch() == []
    assert 0.04 < time.monotonic() - began < 0.5
    with JournalWriter(folder, list(TABLES.values()), JournalSettings()) as writer:
        writer.append([block(0)])
        assert len(part.next_batch()) == 1
    assert part.next_awake().year == 2000
    part.close()
    part.close()


def test_recording_is_replayed_and_resumed_by_block(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    blocks = [block(first, asset="ab"[first // 10 % 2]) for first in range(0, 2000, 10)]
    write_recording(path, blocks)
    source, out = RecordingSource(path), []
    flow = Dataflow("test")
    op.output("out", op.input("recording", flow, source), TestingSink(out))
    run_main(flow)
    assert sum(len(item) for _, item in out) == 2000
    part = source.build_part("", "recording-0", None)
    part.next_batch()
    done = part.snapshot()
    rest = source.build_part("", "recording-0", done).next_batch()
    assert rest[0][1].source_time[0] == done * 10


class Ticking:
    name = "ticking"
    tables = (TABLES["a"],)

    async def run(self, emit: Emit) -> None:
        first = 0
        while True:
            emit(block(first))
            first += 10
            await asyncio.sleep(0.001)

    def counters(self) -> dict[str, int]:
        return {}


def test_drivers_can_feed_a_flow_directly() -> None:
    out: list = []
    flow = Dataflow("test")
    source = DriverSource([Ticking()], stop=lambda: sum(len(item) for _, item in out) >= 200)
    op.output("out", op.input("drivers", flow, source), TestingSink(out))
    run_main(flow)
    times = np.concatenate([item.source_time for _, item in out])
    assert times.tolist() == list(range(len(times)))
    assert len(times) >= 200


FLOW = """
import os, sys
from datetime import timedelta
from pathlib import Path
import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig
from bytewax.testing import run_main
from connectors.source import JournalSource

base, parent = Path(sys.argv[1]), int(sys.argv[2])

def add(state, batch):
    count, wrong = state or (0, 0)
    for time in batch.source_time.tolist():
        wrong += time != count      # each asset's samples count up from 0
        count += 1
    return (count, wrong), (count, wrong)

class Lines(StatelessSinkPartition):
    def __init__(self):
        self.file = (base / "out").open("a")
    def write_batch(self, items):
        for key, (count, wrong) in items:
            self.file.write(f"{key} {count} {wrong}\\n")
        self.file.flush()

class Sink(DynamicSink):
    def build(self, step_id, worker_index, worker_count):
        return Lines()

flow = Dataflow("kill")
stop = lambda: (base / "stop").exists() or os.getppid() != parent
items = op.input("journal", flow, JournalSource(base / "journal", stop=stop, max_bytes_per_pass=3000))
op.output("out", op.stateful_map("count", items, add), Sink())
run_main(flow, epoch_interval=timedelta(milliseconds=50), recovery_config=RecoveryConfig(base / "recovery"))
"""


@pytest.mark.integration
def test_killed_flow_has_counted_every_sample_exactly_once(tmp_path: Path) -> None:
    (tmp_path / "recovery").mkdir()
    init_db_dir(tmp_path / "recovery", 1)
    out = tmp_path / "out"
    out.touch()

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", FLOW, str(tmp_path), str(os.getpid())])

    written = {"a": 0, "b": 0}
    with JournalWriter(tmp_path / "journal", list(TABLES.values()), JournalSettings(10**9, 20_000)) as writer:
        child = start()
        kills = 0
        deadline = time.monotonic() + 30
        while kills < 4:
            assert time.monotonic() < deadline
            for asset, first in written.items():
                writer.append([block(first, 7, asset)])
                written[asset] = first + 7
            time.sleep(0.001)
            if out.stat().st_size > (kills + 1) * 6_000:
                child.send_signal(signal.SIGKILL)
                child.wait()
                kills += 1
                child = start()
        (tmp_path / "stop").touch()
        assert child.wait(30) == 0
    state = {line.split()[0]: line.split()[1:] for line in out.read_text().splitlines()}
    assert state == {asset: [str(count), "0"] for asset, count in written.items()}


WRITER = """
import os, sys
from pathlib import Path
import numpy as np
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable

table = TagTable("a", (Tag("x"),))
with JournalWriter(Path(sys.argv[1]), [table], JournalSettings(10**9, 200_000)) as writer:
    first = writer.recovered.samples
    while os.getppid() == int(sys.argv[2]):
        n = 1 + first % 997
        times = np.arange(first, first + n)
        columns = (np.zeros(n, np.uint16), times, times * 1.0, np.zeros(n, np.uint32))
        writer.append([SampleBatch(table, *columns, first + n)])
        first += n
"""


@pytest.mark.integration
def test_reader_beside_a_writer_that_is_killed_again_and_again(folder: Path) -> None:
    reader = JournalReader(folder, 0)
    expected = 0
    for _ in range(4):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(folder), str(os.getpid())])
        goal = expected + 300_000
        deadline = time.monotonic() + 20
        while expected < goal:
            assert time.monotonic() < deadline
            reader.wait(0.05)
            for item in reader.read():
                assert isinstance(item, SampleBatch)
                assert item.source_time[0] == expected
                assert item.source_time[-1] == expected + len(item) - 1
                expected += len(item)
        child.kill()
        child.wait()
    with JournalWriter(folder, [TABLES["a"]], JournalSettings(10**9, 200_000)) as writer:
        while items := reader.read():
            expected += sum(map(len, items))
        assert expected == writer.recovered.samples == reader.books.total
