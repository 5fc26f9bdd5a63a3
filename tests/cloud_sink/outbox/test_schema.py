"""Files that earlier versions made."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloud_sink.batch import batch_id
from cloud_sink.outbox.books import INSERT, row_values
from cloud_sink.outbox.damage import DamageMark
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.history import TABLES as HISTORY_TABLES
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.schema import SCHEMA_VERSION
from cloud_sink.records import Lane
from cloud_sink.settings import BatchSettings


@pytest.fixture
def version_2(tmp_path, make):
    """With one batch on its way and one row that waits, in each lane."""
    database = Database(tmp_path / "outbox.sqlite3")
    database.execute((Path(__file__).parent / "version_2.sql").read_text())
    database.execute(HISTORY_TABLES)
    database.execute("PRAGMA user_version = 2")
    for make_one in (make.alert, make.event, make.summary):
        database.execute_many(INSERT, [row_values(make_one(i), 1) for i in range(3)])
        first = [make_one(i).key for i in range(2)]
        database.execute_many("UPDATE outbox SET batch = ? WHERE key = ?", [(batch_id(first), key) for key in first])
    database.close()


@pytest.mark.parametrize("damaged", [False, True])
def test_what_was_on_its_way_goes_on_under_the_same_name_to_the_first_target(version_2, tmp_path, small, damaged):
    if damaged:
        DamageMark(tmp_path).set("by the test")
    targets = {"broker": (Lane.ALERT,), "lake": tuple(Lane)}
    reader = OutboxReader(tmp_path, small, BatchSettings(), targets=targets)
    if damaged:  # it is told by an alert; here only the old rows matter
        reader._database.execute("DELETE FROM outbox WHERE CAST(body AS TEXT) LIKE '%damaged%'")
    expected = {"broker": {Lane.ALERT: 2}, "lake": {Lane.ALERT: 3, Lane.EVENT: 2, Lane.SUMMARY: 2}}
    for name, lanes in expected.items():
        for lane, count in lanes.items():
            batch = reader.queues[name].freeze(lane, flush=True)
            keys = [row.key for row in batch.rows]
            assert (len(keys), batch.id) == (count, batch_id(keys))
    assert reader._database.execute("PRAGMA user_version") == [(SCHEMA_VERSION,)]
    reader.close()
    OutboxReader(tmp_path, small, BatchSettings()).close()  # once is enough


def test_nothing_is_counted_twice(version_2, tmp_path, small):
    reader = OutboxReader(tmp_path, small, BatchSettings())
    for lane in Lane:
        while (batch := reader.queues["target"].freeze(lane, flush=True)) is not None:
            reader.queues["target"].delivered(batch)
    assert not any(backlog.count for backlog in reader.stat().backlog.values())
    assert reader._database.execute("SELECT count(*) FROM progress") == [(0,)]
    reader.close()
