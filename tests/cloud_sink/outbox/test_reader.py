from __future__ import annotations

import json
from datetime import timedelta

import pytest

from cloud_sink.batch import batch_id
from cloud_sink.errors import PermanentReason
from cloud_sink.outbox import quota
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.stat import Backlog, read_stat
from cloud_sink.records import Lane
from cloud_sink.settings import BatchSettings

DAY = 86_400 * 10**9


def keys(batch):
    return [row.key for row in batch.rows]


def test_an_empty_outbox_has_nothing_to_send(queue):
    assert all(queue.freeze(lane, flush=True) is None for lane in Lane)


def test_a_batch_is_the_oldest_rows_in_order_of_arrival(writer, queue, make):
    writer.put([make.alert(5), make.alert(1), make.alert(3)])
    batch = queue.freeze(Lane.ALERT, 2)
    assert keys(batch) == [make.alert(5).key, make.alert(1).key]
    assert batch.id == batch_id(keys(batch))
    assert batch.first_time == make.alert(1).time


def test_a_frozen_batch_never_changes(writer, make, tmp_path, small):
    reader = OutboxReader(tmp_path, small, BatchSettings())
    queue = reader.queues["target"]
    writer.put([make.alert(0)])
    batch = queue.freeze(Lane.ALERT)
    writer.put([make.alert(1)])
    assert queue.freeze(Lane.ALERT) == batch
    reader.close()
    reader = OutboxReader(tmp_path, small, BatchSettings())  # after a crash
    queue = reader.queues["target"]
    assert queue.freeze(Lane.ALERT, 1) == batch
    queue.delivered(batch)
    assert keys(queue.freeze(Lane.ALERT)) == [make.alert(1).key]
    reader.close()


def test_alerts_of_two_days_are_two_objects(writer, queue, make):
    writer.put([make.alert(0), make.alert(0, at=make.start + DAY), make.alert(1)])
    assert keys(queue.freeze(Lane.ALERT)) == [make.alert(0).key, make.alert(1).key]


def test_a_batch_is_bounded_by_bytes_but_never_empty(writer, make, tmp_path, small):
    reader = OutboxReader(tmp_path, small, BatchSettings(size=1))
    queue = reader.queues["target"]
    writer.put([make.alert(0), make.alert(1)])
    assert len(queue.freeze(Lane.ALERT).rows) == 1
    reader.close()


class TestSummaryBuckets:
    def test_waits_until_event_time_is_past_the_bucket_and_its_grace(self, writer, queue, make):
        writer.put([make.summary(0), make.summary(14)])
        assert queue.freeze(Lane.SUMMARY) is None
        writer.put([make.summary(16)])
        assert queue.freeze(Lane.SUMMARY) is None  # grace is 2 minutes
        writer.put([make.summary(17), make.summary(3)])
        assert set(keys(queue.freeze(Lane.SUMMARY))) == {make.summary(m).key for m in (0, 3, 14)}

    def test_waits_no_longer_than_max_wait(self, writer, queue, make, steady):
        writer.put([make.summary(0)])
        assert queue.freeze(Lane.SUMMARY) is None
        steady.now += 1799
        assert queue.freeze(Lane.SUMMARY) is None
        steady.now += 2
        assert keys(queue.freeze(Lane.SUMMARY)) == [make.summary(0).key]

    def test_the_next_bucket_waits_its_own_time(self, writer, queue, make, steady):
        writer.put([make.summary(0)])
        queue.freeze(Lane.SUMMARY)
        steady.now += 1801
        queue.delivered(queue.freeze(Lane.SUMMARY))
        writer.put([make.summary(15)])
        assert queue.freeze(Lane.SUMMARY) is None

    def test_flush_does_not_wait(self, writer, queue, make):
        writer.put([make.summary(0), make.summary(15)])
        assert keys(queue.freeze(Lane.SUMMARY, flush=True)) == [make.summary(0).key]

    def test_all_assets_share_a_file(self, writer, queue, make):
        writer.put([make.summary(0, asset="a"), make.summary(0, asset="b")])
        assert len(queue.freeze(Lane.SUMMARY, flush=True).rows) == 2


class TestLiveBeforeBacklog:
    def test_alerts(self, writer, queue, make):
        writer.put([make.alert(i) for i in range(5)])
        queue.delivered(queue.freeze(Lane.ALERT, 1))
        queue.link_is_away()
        writer.put([make.alert(10), make.alert(11)])
        order = []
        while (batch := queue.freeze(Lane.ALERT, 1)) is not None:
            order += keys(batch)
            queue.delivered(batch)
            if len(order) == 3:
                writer.put([make.alert(12)])
        assert order == [make.alert(i).key for i in (10, 11, 1, 12, 2, 3, 4)]

    def test_what_is_frozen_still_comes_first(self, writer, queue, make):
        writer.put([make.alert(0), make.alert(1)])
        batch = queue.freeze(Lane.ALERT, 1)
        queue.link_is_away()
        writer.put([make.alert(2)])
        assert queue.freeze(Lane.ALERT, 1) == batch

    def test_summary_files(self, writer, queue, make):
        writer.put([make.summary(minute) for minute in range(45)])
        queue.link_is_away()
        writer.put([make.summary(minute) for minute in range(45, 65)])
        order = []
        while (batch := queue.freeze(Lane.SUMMARY)) is not None:
            order.append((batch.first_time - make.start) // (15 * 60 * 10**9))
            queue.delivered(batch)
        assert order == [3, 0, 1, 2], "and the fifth is not full yet"

    def test_a_live_file_that_is_not_full_does_not_hold_up_the_backlog(self, writer, queue, make):
        writer.put([make.summary(minute) for minute in range(20)])
        queue.link_is_away()
        writer.put([make.summary(20)])
        batch = queue.freeze(Lane.SUMMARY)
        assert batch.first_time == make.start
        queue.delivered(batch)
        assert queue.freeze(Lane.SUMMARY) is None

    def test_late_summaries_are_found(self, writer, queue, make):
        writer.put([make.summary(minute) for minute in range(40)])
        for _ in range(2):
            queue.delivered(queue.freeze(Lane.SUMMARY))
        assert queue.freeze(Lane.SUMMARY) is None
        writer.put([make.summary(3, asset="late")])
        assert keys(queue.freeze(Lane.SUMMARY)) == [make.summary(3, asset="late").key]


class TestSeveralTargets:
    @pytest.fixture
    def reader(self, tmp_path, small, steady):
        reader = OutboxReader(
            tmp_path, small, BatchSettings(), monotonic=steady, targets=dict.fromkeys("ab", tuple(Lane))
        )
        yield reader
        reader.close()

    def test_what_one_refuses_the_other_gets_and_it_is_set_aside_afterwards(self, writer, reader, make):
        writer.put([make.alert(0)])
        a, b = reader.queues["a"], reader.queues["b"]
        a.quarantine(a.freeze(Lane.ALERT), PermanentReason.TOO_LARGE)
        assert a.freeze(Lane.ALERT) is None
        assert (reader.stat().set_aside, reader.stat().losses) == (0, {"quarantined/alert/too_large": 1})
        b.delivered(b.freeze(Lane.ALERT))
        assert reader.stat().set_aside == 1

    def test_a_row_that_rots_is_taken_out_of_the_batches_of_all(self, writer, reader, make):
        writer.put([make.alert(i) for i in range(3)])
        a, b = reader.queues["a"], reader.queues["b"]
        before = a.freeze(Lane.ALERT), b.freeze(Lane.ALERT, 2)
        writer._database.execute("UPDATE outbox SET body = x'00' WHERE seq = 2")
        after = a.freeze(Lane.ALERT), b.freeze(Lane.ALERT, 2)
        assert [keys(batch) for batch in after] == [[make.alert(0).key, make.alert(2).key]] * 2
        assert after[0].id not in {before[0].id, before[1].id}
        assert reader.stat().losses == {"dropped/alert/corrupt_row": 1}

    def test_an_event_that_tells_of_losses_is_closed_once_any_of_them_has_it(self, writer, reader, make):
        a, b = reader.queues["a"], reader.queues["b"]
        for i in range(3):
            writer.put([make.alert(i)])
            for queue in (a, b):
                batch = queue.freeze(Lane.ALERT)
                queue.quarantine(batch, PermanentReason.KEY_CONFLICT)
            told = a.freeze(Lane.EVENT)
            a.delivered(told)
            assert [json.loads(row.body)["count"] for row in told.rows] == [2]
        assert [json.loads(row.body)["count"] for row in b.freeze(Lane.EVENT).rows] == [2, 2, 2]

    def test_the_quota_takes_what_only_one_of_them_lacks_and_counts_it(self, writer, reader, make):
        a, b = reader.queues["a"], reader.queues["b"]
        writer.put([make.summary(minute) for minute in range(31)])
        a.delivered(a.freeze(Lane.SUMMARY, flush=True))
        with writer._database.transaction():
            count, _ = quota._drop_oldest(writer._database, Lane.SUMMARY, 1, 0)
        assert count == 1
        assert reader.stat().losses == {"dropped/summary/outbox_quota": 1}
        assert len(b.freeze(Lane.SUMMARY, flush=True).rows) == 14
        assert len(a.freeze(Lane.SUMMARY, flush=True).rows) == 15, "what it already has is not its loss"

    def test_looks_do_not_read_again_and_again_what_only_the_other_one_lacks(self, writer, reader, make):
        """A target that is away for a week leaves a hundred thousand rows behind that the other one has."""
        a = reader.queues["a"]
        writer.put([make.alert(i) for i in range(2000)] + [make.event(i) for i in range(2000)])
        writer.put([make.summary(i // 60, asset=f"a{i}", tags=1) for i in range(2000)])
        for lane in Lane:
            while (batch := a.freeze(lane, flush=True)) is not None:
                a.delivered(batch)
        steps = []
        connection = reader._database._db
        connection.set_progress_handler(lambda: bool(steps.append(1)), 100)
        for _ in range(10):
            assert all(a.freeze(lane, flush=True) is None for lane in Lane)
        connection.set_progress_handler(None)
        assert len(steps) * 100 < 10 * 3000, "steps of SQLite's machine"


class TestCorruption:
    @pytest.mark.parametrize("column", ["body = x'00'", "time = time + 1", "key = 'other'", "created = 0", "lane = 0"])
    def test_a_wrong_row_is_set_aside_counted_and_told(self, writer, reader, queue, make, column):
        writer.put([make.event(0), make.event(1), make.event(2)])
        writer._database.execute(f"UPDATE outbox SET {column} WHERE seq = 2")
        lane = Lane.ALERT if "lane" in column else Lane.EVENT
        batch = queue.freeze(lane)
        stat = reader.stat()
        assert stat.set_aside == 1
        assert stat.losses == {f"dropped/{lane.name.lower()}/corrupt_row": 1}
        if lane is Lane.EVENT:
            assert [row.seq for row in batch.rows][:2] == [1, 3]
            assert batch.id == batch_id(keys(batch))
            assert json.loads(batch.rows[2].body)["reason"] == "corrupt_row"

    def test_a_row_that_rots_after_freezing(self, writer, queue, make):
        writer.put([make.alert(0), make.alert(1)])
        before = queue.freeze(Lane.ALERT)
        writer._database.execute("UPDATE outbox SET body = x'00' WHERE seq = 1")
        after = queue.freeze(Lane.ALERT)
        assert keys(after) == [make.alert(1).key]
        assert after.id != before.id


class TestQuarantine:
    def test_keeps_the_rows_and_tells(self, writer, reader, queue, make):
        writer.put([make.alert(0), make.alert(1)])
        queue.quarantine(queue.freeze(Lane.ALERT), PermanentReason.KEY_CONFLICT)
        assert queue.freeze(Lane.ALERT) is None
        stat = reader.stat()
        assert (stat.set_aside, stat.losses) == (2, {"quarantined/alert/key_conflict": 2})
        event = json.loads(queue.freeze(Lane.EVENT).rows[0].body)
        assert (event["kind"], event["count"]) == ("quarantined", 2)
        assert writer.put([make.alert(0)]).repeats == 1

    def test_refused_events_do_not_make_new_events_for_ever(self, writer, reader, queue, make):
        writer.put([make.event(0)])
        queue.quarantine(queue.freeze(Lane.EVENT), PermanentReason.KEY_CONFLICT)
        assert queue.freeze(Lane.EVENT) is None
        assert reader.stat().losses == {"quarantined/event/key_conflict": 1}


def test_backlog_counts_frozen_and_waiting(writer, reader, queue, make, tmp_path):
    writer.put([make.alert(3), make.alert(1)])
    queue.freeze(Lane.ALERT, 1)
    size = sum(len(make.alert(i).encode()) for i in (1, 3))
    expected = Backlog(2, size, make.alert(3).time)
    assert reader.stat().backlog[Lane.ALERT] == expected
    assert read_stat(tmp_path) == reader.stat()  # an onlooker without a role
    assert reader.stat().backlog[Lane.EVENT] == Backlog(0, 0, 0)


def test_room_on_disk_is_given_back_step_by_step(writer, reader, queue, make):
    writer.put([make.summary(i, tags=500) for i in range(200)])
    while (batch := queue.freeze(Lane.SUMMARY, flush=True)) is not None:
        queue.delivered(batch)
    writer.snapshot_mark()
    writer.committed()
    ((before,),) = reader._database.execute("PRAGMA page_count")
    for _ in range(100):
        reader.maintain()
    ((after,),) = reader._database.execute("PRAGMA page_count")
    assert before > 200
    assert after < 90


def test_no_query_reads_or_sorts_the_whole_table(writer, reader, queue, make):
    """Each of them runs many times a second over what may be a million rows."""
    seen = set()
    for role in (writer, reader):
        role._database._db.exec_trace = lambda _cursor, sql, _values: seen.add(sql) or True
    for i in range(2):
        writer.put([make.alert(i), make.event(i), make.summary(i)])
        for lane in Lane:
            queue.delivered(queue.freeze(lane, flush=True))
        reader.maintain()
        quota._drop_oldest(writer._database, Lane.EVENT, 1000, 0)
        reader.stat()
    for role in (writer, reader):
        role._database._db.exec_trace = None
    queries = [sql for sql in seen if "FROM outbox" in sql]
    assert len(queries) >= 8
    for sql in queries:
        plan = str(reader._database.execute("EXPLAIN QUERY PLAN " + sql, (0,) * sql.count("?")))
        assert "SCAN" not in plan or "INDEX outbox_summaries" in plan, (sql, plan)
        assert "TEMP B-TREE" not in plan, (sql, plan)


def test_refuses_a_bucket_that_does_not_divide_an_hour():
    with pytest.raises(ValueError, match="must divide one hour"):
        BatchSettings(summary_bucket=timedelta(minutes=25))
