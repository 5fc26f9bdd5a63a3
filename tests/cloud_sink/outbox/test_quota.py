from __future__ import annotations

import json

import pytest

from cloud_sink.errors import PermanentReason
from cloud_sink.outbox import quota
from cloud_sink.outbox.age import droppable
from cloud_sink.outbox.books import held_bytes, record_loss
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Lane
from cloud_sink.settings import OutboxSettings

QUOTA = 20_000
RESERVE = 5_000


@pytest.fixture
def small():
    return OutboxSettings(quota=QUOTA, alert_reserve=RESERVE, disk_reserve=0)


def counts(writer):
    return [backlog.count for backlog in writer.stat().backlog.values()]


def test_the_oldest_summaries_go_first_and_every_one_is_counted(writer, queue, make):
    writer.put([make.alert(0)])
    dropped = sum(writer.put([make.summary(i, tags=50)]).dropped for i in range(40))
    assert dropped > 0
    assert held_bytes(writer._database) <= QUOTA + 500  # the event that tells
    assert writer.stat().losses == {"dropped/summary/outbox_quota": dropped}
    kept = [row.time for batch in drain(queue, Lane.SUMMARY) for row in batch.rows]
    assert kept == [make.summary(i).time for i in range(dropped, 40)]
    assert counts(writer)[0] == 1


def drain(queue, lane):
    while (batch := queue.freeze(lane, flush=True)) is not None:
        queue.delivered(batch)
        yield batch


def test_drops_of_an_outage_are_one_event(writer, queue, make):
    for i in range(60):
        writer.put([make.summary(i, tags=50)])
    (row,) = queue.freeze(Lane.EVENT).rows
    event = json.loads(row.body)
    dropped = 60 - counts(writer)[Lane.SUMMARY]
    assert (event["kind"], event["reason"], event["count"]) == ("dropped", "outbox_quota", dropped)
    assert event["start"] == make.summary(0).time
    assert event["end"] == make.summary(dropped - 1).time


def test_once_that_event_is_on_its_way_a_new_one_is_begun(writer, queue, make):
    for i in range(40):
        writer.put([make.summary(i, tags=50)])
    first = queue.freeze(Lane.EVENT)
    for i in range(40, 60):
        writer.put([make.summary(i, tags=50)])
    queue.delivered(first)
    second = queue.freeze(Lane.EVENT)
    told = sum(json.loads(row.body)["count"] for row in first.rows + second.rows)
    assert told == writer.stat().losses["dropped/summary/outbox_quota"] == 60 - counts(writer)[Lane.SUMMARY]


def test_events_go_before_alerts_but_not_the_one_that_tells(writer, make):
    writer.put([make.event(i) for i in range(50)])
    writer.put([make.alert(i) for i in range(60)])
    losses = writer.stat().losses
    assert losses["dropped/event/outbox_quota"] > 0
    assert "dropped/alert/outbox_quota" not in losses
    assert counts(writer)[Lane.ALERT] == 60
    assert counts(writer)[Lane.EVENT] == 50 - losses["dropped/event/outbox_quota"] + 1


class TestAlerts:
    """They go last, only beyond their reserve, and never before 90 days."""

    DAY = 86_400

    @pytest.fixture
    def aging(self, tmp_path, small, steady):
        writer = OutboxWriter(tmp_path, small, monotonic=steady)

        def days(count):
            for _ in range(count):
                steady.now += self.DAY
                writer.put([])
                writer.snapshot_mark()
                writer._committed = -1  # whatever was written since
                writer.committed()

        writer.days = days
        yield writer
        writer.close()

    def test_they_stay_though_all_else_is_gone_and_there_is_no_room(self, aging, make):
        aging.put([make.summary(0), make.event(0)])
        aging.days(89)
        for i in range(200):
            aging.put([make.alert(i)])
        assert counts(aging)[Lane.SUMMARY] == 0
        assert counts(aging)[Lane.ALERT] == 200
        assert held_bytes(aging._database) > QUOTA + RESERVE

    def test_the_old_ones_make_room_for_the_young(self, aging, make):
        aging.days(3)
        aging.put([make.alert(i) for i in range(100)])
        aging.days(40)
        aging.put([make.alert(i) for i in range(100, 150)])
        aging.days(49)
        aging.put([make.alert(150)])
        assert counts(aging)[Lane.ALERT] == 151
        aging.days(2)
        aging.put([make.alert(151)])
        assert aging.stat().losses == {"dropped/alert/outbox_quota": 152 - counts(aging)[Lane.ALERT]}
        assert QUOTA < held_bytes(aging._database) <= QUOTA + RESERVE + 1500
        aging.put([make.alert(i) for i in range(152, 252)])
        assert counts(aging)[Lane.ALERT] == 152  # the rest of the first hundred went, no younger one

    def test_days_go_on_after_a_restart_and_their_marks_do_not_pile_up(self, aging, make, tmp_path, small, steady):
        aging.put([make.alert(i) for i in range(100)])
        aging.days(60)
        aging._role.close()
        again = OutboxWriter(tmp_path, small, monotonic=steady)
        aging._role, aging._database, aging._age = again._role, again._database, again._age
        aging.days(31)
        assert droppable(aging._database) == 100
        aging.days(200)
        ((marks,),) = aging._database.execute("SELECT count(*) FROM meta WHERE k LIKE 'age/day/%'")
        assert marks <= 92

    def test_a_wall_clock_that_jumps_makes_nothing_older(self, tmp_path, small, make):
        now = [1_700_000_000 * 10**9]
        writer = OutboxWriter(tmp_path, small, clock=lambda: now[0])
        writer.put([make.alert(i) for i in range(100)])
        now[0] += 365 * self.DAY * 10**9
        writer.put([make.alert(i) for i in range(100, 200)])
        assert counts(writer)[Lane.ALERT] == 200
        writer.close()


def test_a_frozen_batch_is_not_touched(writer, queue, make):
    writer.put([make.summary(0, tags=50)])
    batch = queue.freeze(Lane.SUMMARY, flush=True)
    for i in range(1, 40):
        writer.put([make.summary(i, tags=50)])
    assert queue.freeze(Lane.SUMMARY) == batch


def test_what_was_set_aside_makes_room_first(writer, queue, make):
    writer.put([make.summary(i, tags=50) for i in range(8)])
    queue.quarantine(queue.freeze(Lane.SUMMARY, flush=True), PermanentReason.KEY_CONFLICT)
    for i in range(20, 30):
        writer.put([make.summary(i, tags=50)])
    assert counts(writer)[Lane.SUMMARY] == 10
    assert writer.stat().set_aside < 8


def test_a_replay_does_not_bring_back_or_count_again_what_was_dropped(writer, make):
    records = [make.summary(i, tags=50) for i in range(40)]
    writer.put(records)
    losses = writer.stat().losses
    assert writer.put(records).repeats == 40
    assert writer.stat().losses == losses


def test_a_smaller_quota_takes_effect_at_the_next_start(tmp_path, small, make):
    generous = OutboxWriter(tmp_path, OutboxSettings(disk_reserve=0))
    generous.put([make.summary(i, tags=50) for i in range(100)])
    generous.close()
    tight = OutboxWriter(tmp_path, small)
    tight.put([make.alert(0)])
    assert held_bytes(tight._database) <= QUOTA + 500
    tight.close()


def test_the_telling_event_outlives_a_flood_of_events(writer, queue, make):
    writer.put([make.summary(i, tags=50) for i in range(40)])
    for i in range(200):
        writer.put([make.event(i)])
    losses = writer.stat().losses
    assert losses["dropped/event/outbox_quota"] > 0
    told = {}
    for batch in drain(queue, Lane.EVENT):
        for event in (json.loads(row.body) for row in batch.rows):
            if event["kind"] == "dropped":
                told[event["source"]] = told.get(event["source"], 0) + event["count"]
    assert told == {
        "outbox/summary": losses["dropped/summary/outbox_quota"],
        "outbox/event": losses["dropped/event/outbox_quota"],
    }


def test_two_losses_that_look_alike_are_both_told(writer, queue):
    event = quota.loss(Lane.SUMMARY, "disk_full", 5, 5, 1)
    for _ in range(2):
        with writer._database.transaction():
            record_loss(writer._database, Lane.SUMMARY, event, now=1)
        batch = queue.freeze(Lane.EVENT)
        assert [json.loads(row.body)["count"] for row in batch.rows] == [1]
        queue.delivered(batch)
