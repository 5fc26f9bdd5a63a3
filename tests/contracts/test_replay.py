"""What a replay after a crash brings again is never sent again, wherever the crash and the commits after it fall."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
import numpy as np
import pytest
from bytewax.dataflow import Dataflow
from bytewax.inputs import AbortExecution
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import run_main

from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Alert, Lane
from cloud_sink.settings import BatchSettings, OutboxSettings
from cloud_sink.sink import OutboxSink
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.samples import SampleBatch
from connectors.source import JournalSource
from connectors.tags import Tag, TagTable

TABLE = TagTable("pump", (Tag("flow"),))
SETTINGS = OutboxSettings(disk_reserve=0)
BLOCKS = 60


def block(number: int) -> SampleBatch:
    time = np.array([number + 1], np.int64)
    return SampleBatch(TABLE, np.zeros(1, np.uint16), time, time * 1.0, np.zeros(1, np.uint32), number + 1)


def alert(at: int) -> Alert:
    return Alert("pump", "anomaly", "opened", "alarm", 1.5, 1.0, "m@1", at, at, at)


def run(folder: Path, passes: int, epoch: timedelta, on_pass: Callable[[], None], recovery: RecoveryConfig) -> None:
    """A flow with one record a block; dies without a snapshot after so many passes of one block each."""
    left = passes

    def one_pass() -> None:
        nonlocal left
        on_pass()
        if left == 0:
            raise AbortExecution
        left -= 1

    sink = OutboxSink(lambda: OutboxWriter(folder / "outbox", SETTINGS))
    source = JournalSource(
        folder / "journal",
        stop=lambda: left < passes,
        on_commit=sink.committed,
        on_pass=one_pass,
        max_bytes_per_pass=100,
    )
    flow = Dataflow("replay")
    blocks = op.input("journal", flow, source)
    records = op.map("record", blocks, lambda item: (item[0], alert(int(item[1].source_time[0]))))
    op.output("outbox", records, sink)
    run_main(flow, epoch_interval=epoch, recovery_config=recovery)


@pytest.mark.parametrize("died_after", [BLOCKS, 30])
def test_keys_are_kept_until_a_replay_is_past_all_that_the_first_run_wrote(tmp_path: Path, died_after: int) -> None:
    """The first run died late in a long epoch; the second commits many short ones on the same way."""
    for name in ("outbox", "recovery"):
        (tmp_path / name).mkdir()
    init_db_dir(tmp_path / "recovery", 1)
    recovery = RecoveryConfig(tmp_path / "recovery")
    with JournalWriter(tmp_path / "journal", [TABLE], JournalSettings()) as writer:
        for number in range(BLOCKS):
            writer.append([block(number)])
    reader = OutboxReader(tmp_path / "outbox", SETTINGS, BatchSettings(rows=10))
    queue = reader.queues["target"]
    sent: list[str] = []

    def deliver() -> None:
        while (batch := queue.freeze(Lane.ALERT)) is not None:
            sent.extend(row.key for row in batch.rows)
            queue.delivered(batch)
        reader.maintain()

    run(tmp_path, died_after, timedelta(hours=1), lambda: None, recovery)
    deliver()
    assert len(sent) == died_after
    run(tmp_path, -1, timedelta(0), deliver, recovery)
    deliver()
    assert len(sent) == len(set(sent)) == BLOCKS
    # Once past it, what is new is forgotten as ever.
    with JournalWriter(tmp_path / "journal", [TABLE], JournalSettings()) as writer:
        for number in range(BLOCKS, BLOCKS + 20):
            writer.append([block(number)])
        run(tmp_path, -1, timedelta(0), deliver, recovery)
        run(tmp_path, -1, timedelta(0), deliver, recovery)
    deliver()
    assert len(sent) == len(set(sent)) == BLOCKS + 20
    reader.close()
