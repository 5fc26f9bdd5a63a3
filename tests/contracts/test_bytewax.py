"""Six contracts of Bytewax that the gateway leans on and Bytewax does not document.

They hold for 0.21.1; a failure here forbids an upgrade.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.inputs import AbortExecution, FixedPartitionedSource, StatefulSourcePartition
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import DynamicSink, FixedPartitionedSink, StatefulSinkPartition, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, TestingSource, cluster_main, run_main

EPOCH = timedelta(milliseconds=2)

# Reads the store as nobody in the flow's own process may: two copies of SQLite in one process break its locks.
LOOK = """
import json, pickle, sqlite3, sys
store = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
(front,) = store.execute("SELECT worker_frontier FROM fronts ORDER BY ex_num DESC LIMIT 1").fetchone()
rows = store.execute("SELECT step_id, ser_change FROM snaps WHERE snap_epoch < ? ORDER BY snap_epoch", (front,))
print(json.dumps({step: pickle.loads(state) for step, state in rows}))
"""


def resume_point(store: Path) -> dict[str, Any]:
    """Per step, the newest state that a flow started now would resume with."""
    run = subprocess.run(
        [sys.executable, "-c", LOOK, str(store / "part-0.sqlite3")], capture_output=True, check=True, text=True
    )
    return json.loads(run.stdout)


class Counting(FixedPartitionedSource[tuple[str, int], int]):
    """1, 2, 3, ... up to a limit; notes its snapshots and the first pass after each."""

    def __init__(self, limit: int, on_hook=lambda snapshot: None, abort_at: int | None = None) -> None:
        self.limit = limit
        self.on_hook = on_hook
        self.abort_at = abort_at
        self.resumed: list[int | None] = []
        self.snapshots: list[int] = []

    def list_parts(self) -> list[str]:
        return ["only"]

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> CountingPartition:
        self.resumed.append(resume_state)
        return CountingPartition(self, resume_state or 0)


class CountingPartition(StatefulSourcePartition[tuple[str, int], int]):
    def __init__(self, source: Counting, at: int) -> None:
        self.source, self.at = source, at
        self.open: int | None = None

    def next_batch(self) -> list[tuple[str, int]]:
        if self.open is not None:
            self.source.on_hook(self.open)
            self.open = None
        if self.at == self.source.abort_at:
            raise AbortExecution
        if self.at >= self.source.limit:
            raise StopIteration
        self.at += 1
        return [("key", self.at)]

    def snapshot(self) -> int:
        self.open = self.at
        self.source.snapshots.append(self.at)
        return self.at


class Collecting(DynamicSink[tuple[str, tuple[int, int]]]):
    def __init__(self) -> None:
        self.items: list[tuple[int, int]] = []

    def build(self, step_id: str, worker_index: int, worker_count: int) -> CollectingPartition:
        return CollectingPartition(self.items)


class CollectingPartition(StatelessSinkPartition[tuple[str, tuple[int, int]]]):
    def __init__(self, items: list[tuple[int, int]]) -> None:
        self.items = items

    def write_batch(self, items: list[tuple[str, tuple[int, int]]]) -> None:
        self.items += [value for _, value in items]


def flow_of(source: Counting, sink: Collecting) -> Dataflow:
    """Emits (number, running sum)."""

    def add(total: int | None, number: int) -> tuple[int, tuple[int, int]]:
        total = (total or 0) + number
        return total, (number, total)

    flow = Dataflow("contract")
    numbers = op.input("numbers", flow, source)
    sums = op.stateful_map("sum", numbers, add)
    op.output("out", sums, sink)
    return flow


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "recovery"
    path.mkdir()
    init_db_dir(path, 1)
    return path


def test_first_pass_after_a_snapshot_runs_when_its_epoch_is_safe(store: Path) -> None:
    sink = Collecting()
    looked: list[int] = []

    def hook(snapshot: int) -> None:
        looked.append(snapshot)
        assert sink.items[-1][0] == snapshot, "every sink has written everything up to it"
        if len(looked) <= 12:
            states = resume_point(store)
            assert states["contract.numbers"] == snapshot, "it would be resumed from"
            (total,) = (state for step, state in states.items() if ".sum." in step)
            assert total == snapshot * (snapshot + 1) // 2, "so would the state of the same epoch"

    source = Counting(3000, hook)
    run_main(flow_of(source, sink), epoch_interval=EPOCH, recovery_config=RecoveryConfig(store))
    assert len(looked) > 2  # a busy machine has few epochs


def test_without_a_store_it_is_an_acknowledgement_by_the_sinks() -> None:
    sink = Collecting()
    looked: list[int] = []

    def hook(snapshot: int) -> None:
        looked.append(snapshot)
        assert sink.items[-1][0] == snapshot

    run_main(flow_of(Counting(3000, hook), sink), epoch_interval=EPOCH)
    assert len(looked) > 2  # a busy machine has few epochs


class Marking(FixedPartitionedSink[int, int]):
    """Remembers the last number it had written at each snapshot."""

    def __init__(self) -> None:
        self.snapshots: list[int] = []

    def list_parts(self) -> list[str]:
        return ["only"]

    def part_fn(self, item_key: str) -> int:
        return 0

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> MarkingPartition:
        return MarkingPartition(self)


class MarkingPartition(StatefulSinkPartition[int, int]):
    def __init__(self, sink: Marking) -> None:
        self.sink, self.last = sink, 0

    def write_batch(self, values: list[int]) -> None:
        self.last = values[-1]

    def snapshot(self) -> int:
        self.sink.snapshots.append(self.last)
        return self.last


@pytest.mark.parametrize("stored", [True, False])
def test_the_sinks_snapshot_of_an_epoch_comes_before_the_commit_is_told(store: Path, stored: bool) -> None:
    """What a sink has held back is written by its snapshot, so it is safe before the source calls it committed."""
    sink, told = Marking(), []

    def hook(snapshot: int) -> None:
        told.append(snapshot)
        assert sink.snapshots[-1] == snapshot

    flow = Dataflow("contract")
    op.output("out", op.input("numbers", flow, Counting(3000, hook)), sink)
    run_main(flow, epoch_interval=EPOCH, recovery_config=RecoveryConfig(store) if stored else None)
    assert len(told) > 2  # a busy machine has few epochs
    assert sink.snapshots[-1] == 3000, "also at the end of input"


@pytest.mark.parametrize("abort_at", [0, 1, 700, 1999])
def test_resume_is_from_the_last_committed_epoch_with_state_and_offset_alike(store: Path, abort_at: int) -> None:
    config = RecoveryConfig(store)
    first, before = Counting(2000, abort_at=abort_at), Collecting()
    run_main(flow_of(first, before), epoch_interval=EPOCH, recovery_config=config)
    assert [number for number, _ in before.items] == list(range(1, abort_at + 1))

    second, after = Counting(2000), Collecting()
    run_main(flow_of(second, after), epoch_interval=EPOCH, recovery_config=config)
    resumed = second.resumed[0] or 0
    assert resumed in (0, *first.snapshots[-2:]), "only what came since is replayed"
    assert [number for number, _ in after.items] == list(range(resumed + 1, 2001)), "nothing is missing"
    assert all(total == number * (number + 1) // 2 for number, total in after.items), "state fits the offset"


def test_stop_iteration_writes_final_snapshots(store: Path) -> None:
    config = RecoveryConfig(store)
    long = timedelta(hours=1)
    run_main(flow_of(Counting(10), Collecting()), epoch_interval=long, recovery_config=config)
    assert resume_point(store)["contract.numbers"] == 10
    source, sink = Counting(12), Collecting()
    run_main(flow_of(source, sink), epoch_interval=long, recovery_config=config)
    assert source.resumed == [10]
    assert sink.items == [(11, 66), (12, 78)]


class Noting(StatefulBatchLogic[Any, Any, bytes]):
    """Notes what each call brings."""

    def __init__(self, calls: list[list[Any]]) -> None:
        self.calls = calls

    def on_batch(self, values: list[Any]) -> tuple[list[Any], bool]:
        self.calls.append(list(values))
        return values, self.RETAIN

    def snapshot(self) -> bytes:
        return b""


@pytest.mark.parametrize("epoch", [timedelta(0), timedelta(hours=1)])
def test_branches_of_a_poll_that_meet_again_come_in_one_call_the_shorter_way_first(epoch: timedelta) -> None:
    """So the alarms see all samples of a poll, and all windows they closed, at once and can put them in order."""
    calls: list[list[Any]] = []
    flow = Dataflow("contract")
    numbers = op.input("numbers", flow, TestingSource([("key", n) for n in range(6)], batch_size=2))
    windows = op.stateful_batch("window", numbers, lambda _: Noting([]))
    longer = op.flat_map_batch("first", windows, lambda items: items)
    longer = op.flat_map_batch("second", longer, lambda items: [(key, f"w{n}") for key, n in items])
    both: Any = op.merge("both", numbers, longer)
    op.output("out", op.stateful_batch("alert", both, lambda _: Noting(calls)), TestingSink([]))
    run_main(flow, epoch_interval=epoch)
    assert calls == [[0, 1, "w0", "w1"], [2, 3, "w2", "w3"], [4, 5, "w4", "w5"]]


@pytest.mark.parametrize("workers", [2, 3, 5])
def test_the_only_source_and_the_only_sink_of_a_process_are_on_one_thread(workers):
    """However many workers there are. The outbox is written by the sink's thread and flushed by the source's."""
    threads: list[int] = []

    class Source(Counting):
        def build_part(self, step_id, for_part, resume_state):
            threads.append(threading.get_ident())
            return super().build_part(step_id, for_part, resume_state)

    class Sink(FixedPartitionedSink[int, None]):
        def list_parts(self):
            return ["only"]

        def build_part(self, step_id, for_part, resume_state):
            threads.append(threading.get_ident())
            return Part()

    class Part(StatefulSinkPartition[int, None]):
        def write_batch(self, values):
            threads.append(threading.get_ident())

        def snapshot(self):
            return None

    flow = Dataflow("threads")
    op.output("out", op.input("in", flow, Source(50)), Sink())
    cluster_main(flow, [], 0, epoch_interval=EPOCH, worker_count_per_proc=workers)
    assert len(threads) > 2
    assert len(set(threads)) == 1
