"""The outbox against a model of a few dictionaries: whatever is put, replayed, killed and delivered, in any order.

Two targets, one of which does not want summaries.
"""

from __future__ import annotations

import shutil
import tempfile
from datetime import timedelta
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cloud_sink.batch import Batch
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Alert, Event, Lane, WindowSummary
from cloud_sink.settings import BatchSettings, OutboxSettings

SETTINGS = OutboxSettings(disk_reserve=0, lock_wait=timedelta(0))
TARGETS = {"lake": tuple(Lane), "broker": (Lane.ALERT, Lane.EVENT)}
NONE = np.zeros(0, np.int32)
FLOATS = np.zeros(0, np.float32)


def record(lane: Lane, i: int):
    time = 1_700_000_000_000_000_000 + i * 10**11
    if lane is Lane.ALERT:
        return Alert("a", "r", "opened", "alarm", 1.0, 1.0, "", time, time, time)
    if lane is Lane.EVENT:
        return Event("a", "gap", "r", time, time + 1)
    return WindowSummary(
        "a", time, time + 1, (), (), NONE, NONE, FLOATS, FLOATS.reshape(0, 0), float("nan"), float("nan"), ""
    )


numbers = st.lists(st.tuples(st.sampled_from(Lane), st.integers(0, 12)), min_size=1, max_size=5)


class Outbox(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        shm = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=shm if shm.is_dir() else None))
        self.writer = OutboxWriter(self.folder, SETTINGS)
        self.reader = OutboxReader(self.folder, SETTINGS, BatchSettings(rows=3), targets=TARGETS)
        self.known: dict[str, object] = {}  # ever acknowledged
        self.objects: dict[str, dict[str, tuple[str, ...]]] = {name: {} for name in TARGETS}  # batch id -> keys
        self.since_commit: list[object] = []  # what a replay would bring again
        self.marked = 0
        self.held: dict[tuple[str, Lane], Batch] = {}  # sent, but not yet ticked off

    @rule(which=numbers)
    def put(self, which):
        # A key whose epoch is committed never comes again: the source has moved on.
        replayable = {item.key for item in self.since_commit}
        records = [record(*one) for one in which]
        records = [item for item in records if item.key not in self.known or item.key in replayable]
        new = {item.key for item in records} - set(self.known)
        result = self.writer.put(records)
        assert result.written == len(new)
        assert result.repeats == len(records) - len(new)
        self.known.update((item.key, item) for item in records)
        self.since_commit += [item for item in records if item.key not in replayable]

    @rule()
    def end_of_epoch(self):
        self.writer.snapshot_mark()
        self.marked = len(self.since_commit)

    @rule()
    def committed(self):
        self.writer.committed()
        self.since_commit = self.since_commit[self.marked :]
        self.marked = 0

    @rule()
    def flow_dies_and_replays(self):
        self.writer._role.close()
        self.writer = OutboxWriter(self.folder, SETTINGS)
        self.marked = 0
        assert self.writer.put(self.since_commit).written == 0

    @rule(name=st.sampled_from(sorted(TARGETS)), lane=st.sampled_from(Lane))
    def send(self, name, lane):
        if lane not in TARGETS[name] or (name, lane) in self.held:
            return
        batch = self.reader.queues[name].freeze(lane, flush=True)
        if batch is None:
            return
        self.arrives(name, batch)
        self.held[name, lane] = batch

    def arrives(self, name, batch):
        for row in batch.rows:
            assert row.body == self.known[row.key].encode()
        keys = tuple(row.key for row in batch.rows)
        assert self.objects[name].setdefault(batch.id, keys) == keys  # the same name is the same object

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def tick_off(self, data):
        name, lane = data.draw(st.sampled_from(sorted(self.held)))
        self.reader.queues[name].delivered(self.held.pop((name, lane)))

    @rule(data=st.sampled_from(sorted(TARGETS)))
    def link_comes_back(self, data):
        self.reader.queues[data].link_is_away()

    @rule()
    def deliverer_dies(self):
        self.reader._role.close()
        self.reader = OutboxReader(self.folder, SETTINGS, BatchSettings(rows=3), targets=TARGETS)
        self.held = {}

    @rule()
    def housekeeping(self):
        self.reader.maintain()

    @invariant()
    def nothing_is_lost_or_in_two_objects(self):
        for name, objects in self.objects.items():
            sent = [key for keys in objects.values() for key in keys]
            assert len(sent) == len(set(sent))
            rows = self.reader._database.execute(
                "SELECT key FROM outbox WHERE state = 0 AND NOT EXISTS (SELECT 1 FROM progress "
                "WHERE progress.seq = outbox.seq AND target = ? AND batch IS NULL)",
                (name,),
            )
            wanted = {key for key, item in self.known.items() if item.lane in TARGETS[name]}
            assert {key for (key,) in rows if key in wanted} | set(sent) == wanted

    @invariant()
    def the_counts_are_right(self):
        held = "SELECT lane, state, rows, bytes FROM held WHERE rows > 0 ORDER BY lane, state"
        counted = "SELECT lane, state, count(*), sum(size) FROM outbox GROUP BY lane, state ORDER BY lane, state"
        assert self.reader._database.execute(held) == self.reader._database.execute(counted)

    def teardown(self):
        for name, lanes in TARGETS.items():
            for lane in lanes:
                while (batch := self.reader.queues[name].freeze(lane, flush=True)) is not None:
                    self.arrives(name, batch)
                    self.reader.queues[name].delivered(batch)
        self.nothing_is_lost_or_in_two_objects()
        for name, lanes in TARGETS.items():
            sent = {key for keys in self.objects[name].values() for key in keys}
            assert sent == {key for key, item in self.known.items() if item.lane in lanes}
        left = "SELECT (SELECT count(*) FROM progress), count(*) FROM outbox WHERE state = 0"
        assert self.reader._database.execute(left) == [(0, 0)]
        self.writer.close()
        self.reader.close()
        shutil.rmtree(self.folder)


TestOutbox = Outbox.TestCase
TestOutbox.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
