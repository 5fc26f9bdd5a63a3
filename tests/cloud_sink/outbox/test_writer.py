from __future__ import annotations

from dataclasses import replace

import pytest

from cloud_sink.errors import OutboxFull
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Account, Lane
from cloud_sink.settings import OutboxSettings


def test_counts_new_records_and_repeats(writer, make):
    result = writer.put([make.alert(0), make.summary(0), make.event(0)])
    assert (result.written, result.repeats, result.dropped) == (3, 0, 0)
    result = writer.put([make.alert(0), make.alert(1), make.summary(0)])
    assert (result.written, result.repeats) == (1, 2)
    assert {lane: backlog.count for lane, backlog in writer.stat().backlog.items()} == {
        Lane.ALERT: 2,
        Lane.EVENT: 1,
        Lane.SUMMARY: 1,
    }


def test_the_same_key_twice_in_one_call_is_written_once(writer, make):
    result = writer.put([make.alert(0), make.alert(0)])
    assert (result.written, result.repeats) == (1, 1)


def test_alerts_are_durable_before_the_bulk_of_the_same_call(tmp_path, small, make):
    ticks = iter(range(1000))
    writer = OutboxWriter(tmp_path, small, clock=lambda: next(ticks))
    result = writer.put([make.summary(0), make.alert(0)])
    assert 0 < result.alert_time < result.durable_time
    assert writer.put([make.summary(1)]).alert_time == 0
    writer.close()


def test_an_account_is_overwritten_and_is_no_backlog(writer):
    writer.put([Account("pump", 10, 10, 0)])
    latest = Account("pump", 20, 17, 1, (("clock_skew", 2),))
    writer.put([latest, Account("fan", 1, 1, 0)])
    stat = writer.stat()
    assert set(stat.accounts) == {latest, Account("fan", 1, 1, 0)}
    assert all(backlog.count == 0 for backlog in stat.backlog.values())


def test_records_survive_reopening(tmp_path, small, make):
    writer = OutboxWriter(tmp_path, small)
    writer.put([make.alert(0)])
    writer.close()
    writer = OutboxWriter(tmp_path, small)
    assert writer.put([make.alert(0)]).repeats == 1
    writer.close()


def test_every_commit_is_synced(writer):
    assert writer._database.execute("PRAGMA synchronous") == [(2,)]
    assert writer._database.execute("PRAGMA journal_mode") == [("wal",)]
    assert writer._database.execute("PRAGMA auto_vacuum") == [(2,)]


def test_replay_after_delivery_writes_nothing_twice(writer, reader, queue, make):
    records = [make.alert(0), make.event(0), make.summary(0)]
    writer.put(records)
    for lane in Lane:
        queue.delivered(queue.freeze(lane, flush=True))
    reader.maintain()
    assert writer.put(records).repeats == 3  # the flow was killed before its epoch was committed
    assert all(queue.freeze(lane, flush=True) is None for lane in Lane)


def test_keys_are_forgotten_once_no_replay_can_bring_them(writer, reader, queue, make):
    writer.put([make.alert(0)])
    queue.delivered(queue.freeze(Lane.ALERT))
    writer.snapshot_mark()
    reader.maintain()
    assert reader.stat().tombstones == 1  # marked, but the epoch may still fail
    writer.committed()
    reader.maintain()
    assert reader.stat().tombstones == 0


def test_a_replay_that_takes_longer_than_an_epoch_finds_its_keys(writer, queue, reader, make, tmp_path, small):
    writer.put([make.alert(i) for i in range(4)])  # and then it is killed, before the epoch is committed
    writer._role.close()
    again = OutboxWriter(tmp_path, small)
    writer._role, writer._database = again._role, again._database
    again.put([make.alert(0)])
    again.snapshot_mark()
    again.committed()
    queue.delivered(queue.freeze(Lane.ALERT))
    reader.maintain()
    assert again.put([make.alert(i) for i in range(1, 4)]).repeats == 3
    for _ in range(11):
        again.snapshot_mark()
        again.committed()
    reader.maintain()
    assert reader.stat().tombstones == 0


def test_only_what_was_written_before_the_mark_is_forgotten(writer, reader, queue, make):
    writer.put([make.alert(0)])
    writer.snapshot_mark()
    writer.put([make.alert(1)])
    writer.committed()
    queue.delivered(queue.freeze(Lane.ALERT))
    assert reader.stat().tombstones == 1
    assert writer.put([make.alert(1)]).repeats == 1


class TestFullDisk:
    @pytest.fixture
    def fill(self, writer):
        """Leaves the file no page to grow by."""

        def fill() -> None:
            ((pages,),) = writer._database.execute("PRAGMA page_count")
            writer._database.execute(f"PRAGMA max_page_count = {pages}")

        return fill

    def empty(self, writer):
        writer._database.execute("PRAGMA max_page_count = 100000")

    def test_bulk_is_dropped_counted_and_told_later(self, writer, queue, make, fill):
        writer.put([make.alert(0)])
        fill()
        big = make.summary(0, tags=2000)
        result = writer.put([big, make.summary(1, tags=2000)])
        assert (result.written, result.dropped, result.repeats) == (0, 2, 0)
        self.empty(writer)
        writer.put([make.summary(2)])
        assert writer.stat().losses == {"dropped/summary/disk_full": 2}
        (row,) = queue.freeze(Lane.EVENT).rows
        assert b'"reason":"disk_full"' in row.body
        assert b'"count":2' in row.body
        assert writer.put([make.summary(3)]).written == 1  # told once
        assert writer.stat().losses == {"dropped/summary/disk_full": 2}

    def test_events_go_before_summaries(self, writer, make, fill):
        writer.put([make.alert(0)])
        fill()
        result = writer.put([make.summary(0, tags=2000), make.event(0)])
        assert (result.written, result.dropped) == (1, 1)
        assert writer.stat().backlog[Lane.EVENT].count == 1
        self.empty(writer)
        writer.put([])
        assert writer.stat().losses == {"dropped/summary/disk_full": 1}

    def test_a_note_still_unwritten_is_written_on_close(self, tmp_path, small, make):
        writer = OutboxWriter(tmp_path, small)
        ((pages,),) = writer._database.execute("PRAGMA page_count")
        writer._database.execute(f"PRAGMA max_page_count = {pages}")
        assert writer.put([make.summary(0, tags=2000)]).dropped == 1
        self.empty(writer)
        writer.close()
        writer = OutboxWriter(tmp_path, small)
        assert writer.stat().losses == {"dropped/summary/disk_full": 1}
        writer.close()

    def test_an_alert_takes_the_reserve(self, tmp_path, small, make, monkeypatch):
        writer = OutboxWriter(tmp_path, replace(small, disk_reserve=4096))
        ((pages,),) = writer._database.execute("PRAGMA page_count")
        writer._database.execute(f"PRAGMA max_page_count = {pages}")
        release = writer._role.reserve.release

        def make_room() -> bool:
            self.empty(writer)
            return release()

        monkeypatch.setattr(writer._role.reserve, "release", make_room)
        assert (tmp_path / "reserve").exists()
        big = [replace(make.alert(i), detail="x" * 1000) for i in range(50)]
        assert writer.put(big).written == 50
        assert not (tmp_path / "reserve").exists()
        writer.close()

    def test_without_any_room_an_alert_is_not_swallowed(self, writer, make, fill):
        fill()
        with pytest.raises(OutboxFull, match="disk full"):
            writer.put([replace(make.alert(i), detail="x" * 1000) for i in range(50)])


def test_refuses_impossible_settings():
    with pytest.raises(ValueError, match=r"quota = 0: must be greater than 0 bytes; "):
        OutboxSettings(quota=0)
