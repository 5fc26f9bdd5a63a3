"""What stays on site of every alarm: with its record, once, bounded, and through an upgrade."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cloud_sink.alarms import AlarmReader
from cloud_sink.alert_decoding import decode_alert
from cloud_sink.errors import OutboxError, OutboxFull, OutboxTooNew
from cloud_sink.evidence import Evidence, FeatureShare, Trace
from cloud_sink.outbox.books import INSERT, row_values
from cloud_sink.outbox.database import Database
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Lane
from cloud_sink.settings import OutboxSettings

EVIDENCE = Evidence(
    5, 9, (FeatureShare("flow", "std", 2.5, 0.75),), ((9, 1.5),), (Trace("flow", "m3/h", ((0.0, 1.0), (1.5, 2.0))),)
)


def opened(make, i, asset="pump"):
    return replace(make.alert(i, asset=asset), alarm_state="UNACK", evidence=EVIDENCE)


def then(alert, change, state, **more):
    return replace(alert, state=change, alarm_state=state, at=alert.at + 1, evidence=None, **more)


def now(folder):
    with AlarmReader(folder) as reader:
        return reader.now()


def test_every_transition_stays_when_its_record_has_been_delivered(writer, queue, make, tmp_path):
    alert = opened(make, 0)
    acknowledged = then(alert, "acknowledged", "ACKED", by="operator-1", comment="seen")
    writer.put([alert, acknowledged])
    queue.delivered(queue.freeze(Lane.ALERT))
    with AlarmReader(tmp_path) as alarms:
        assert alarms.history(alert.alert_id) == [alert, acknowledged]
        (alarm,) = alarms.now()
        assert (alarm.state, alarm.last, alarm.opened) == ("ACKED", acknowledged, alert)
        assert alarms.ids(alert.alert_id[:8]) == [alert.alert_id]
        assert alarms.ids("no") == []


def test_a_replay_adds_nothing_even_where_the_history_has_let_go_of_it(tmp_path, small, make):
    writer = OutboxWriter(tmp_path, replace(small, alarm_history=2))
    first = opened(make, 0)
    rest = [then(first, "cleared", "NORM"), opened(make, 1), then(opened(make, 1), "cleared", "NORM")]
    writer.put([first, *rest])
    writer.put([first, first])
    (alarm,) = now(tmp_path)
    assert (alarm.last, alarm.state) == (rest[-1], "NORM")
    with AlarmReader(tmp_path) as alarms:
        assert alarms.history(first.alert_id) == []
    writer.close()


def test_the_same_key_twice_in_one_call_is_kept_once(writer, make, tmp_path):
    alert = opened(make, 0)
    writer.put([alert, replace(alert, detail="said again"), then(alert, "cleared", "NORM")])
    with AlarmReader(tmp_path) as alarms:
        assert [(kept.state, kept.detail) for kept in alarms.history(alert.alert_id)] == [
            ("opened", ""),
            ("cleared", ""),
        ]


def test_it_is_bounded_but_never_forgets_what_is_not_over(tmp_path, small, make):
    writer = OutboxWriter(tmp_path, replace(small, alarm_history=10))
    old = opened(make, 0, "fan")
    shelved = then(old, "shelved", "SHLVD")
    over = opened(make, 0, "mill")
    writer.put([old, then(old, "acknowledged", "ACKED"), shelved, over, then(over, "cleared", "NORM")])
    for i in range(30):
        writer.put([opened(make, i), then(opened(make, i), "cleared", "NORM")])
    ((kept,),) = writer._database.execute("SELECT count(*) FROM alarms")
    assert kept == 10 + 2  # the fan's opening, with its evidence, and its last
    fan, pump = now(tmp_path)
    assert (fan.last, fan.opened, fan.state) == (shelved, old, "SHLVD")
    assert pump.state == "NORM"
    writer.put([then(old, "cleared", "NORM")])
    for i in range(30, 40):
        writer.put([opened(make, i), then(opened(make, i), "cleared", "NORM")])
    assert [alarm.last.asset for alarm in now(tmp_path)] == ["pump"]
    writer.close()


def test_it_is_written_with_its_record_or_not_at_all(writer, make, tmp_path, monkeypatch):
    def broken(*_args):
        raise OutboxFull(tmp_path, "disk full")

    monkeypatch.setattr("cloud_sink.outbox.writer.keep_transitions", broken)
    with pytest.raises(OutboxFull):
        writer.put([opened(make, 0)])
    assert writer.stat().backlog[Lane.ALERT].count == 0
    monkeypatch.undo()
    assert writer.put([opened(make, 0)]).written == 1
    assert len(now(tmp_path)) == 1


def test_the_last_one_is_the_last_in_event_time(writer, make, tmp_path):
    alert = opened(make, 0)
    writer.put([then(alert, "acknowledged", "ACKED")])
    writer.put([alert])  # a record that went the slower way
    with AlarmReader(tmp_path) as alarms:
        assert alarms.now()[0].state == "ACKED"
        assert [kept.state for kept in alarms.history(alert.alert_id)] == ["opened", "acknowledged"]


class TestOlderFiles:
    @pytest.fixture
    def older(self, tmp_path, make):
        """A file as the software before the history left it, with an alert that waits."""
        database = Database(tmp_path / "outbox.sqlite3")
        database.execute((Path(__file__).parent / "version_2.sql").read_text())
        database.execute("PRAGMA user_version = 1")
        database.execute_many(INSERT, [row_values(make.alert(0), 1, "alert/made otherwise then")])
        database.execute_many(INSERT, [row_values(make.event(0), 1)])
        database.close()

    def test_get_a_history_that_begins_with_what_waits(self, older, tmp_path, small, make):
        writer = OutboxWriter(tmp_path, small)
        (alarm,) = now(tmp_path)
        assert (alarm.last, alarm.state) == (make.alert(0), "UNACK")
        writer.put([make.alert(1)])
        assert now(tmp_path)[0].last == make.alert(1)
        writer.close()
        OutboxWriter(tmp_path, small).close()  # once is enough

    def test_are_not_touched_by_an_onlooker(self, older, tmp_path):
        with pytest.raises(OutboxError, match="it is added when the gateway next starts"):
            AlarmReader(tmp_path)


class TestReader:
    def test_without_an_outbox_makes_none(self, tmp_path):
        with pytest.raises(OutboxError, match="is not there; it is made when the gateway first runs"):
            AlarmReader(tmp_path)
        assert list(tmp_path.iterdir()) == []

    def test_refuses_a_newer_file(self, writer, tmp_path):
        writer._database.execute("PRAGMA user_version = 99")
        with pytest.raises(OutboxTooNew):
            AlarmReader(tmp_path)

    def test_leaves_out_what_is_damaged_and_counts_it(self, writer, make, tmp_path):
        alert = opened(make, 0)
        writer.put([alert, then(alert, "cleared", "NORM")])
        writer._database.execute(
            "UPDATE alarms SET body = (SELECT body FROM alarms WHERE change = 'cleared') WHERE change = 'opened'"
        )
        with AlarmReader(tmp_path) as alarms:
            assert [kept.state for kept in alarms.history(alert.alert_id)] == ["cleared"]
            assert alarms.damaged == 1

    def test_looks_on_when_nobody_else_has_the_file(self, tmp_path, small, make):
        writer = OutboxWriter(tmp_path, small)
        writer.put([opened(make, 0)])
        writer.close()
        assert len(now(tmp_path)) == 1

    def test_does_not_write(self, writer, tmp_path):
        with AlarmReader(tmp_path) as alarms, pytest.raises(OutboxError, match="readonly"):
            alarms._database.execute("DELETE FROM alarms")


def test_an_alert_comes_back_as_it_was(make):
    alert = then(opened(make, 0), "shelved", "SHLVD", tag="flow", by="operator-1", comment='"<&>"')
    assert decode_alert(replace(alert, evidence=EVIDENCE).encode()) == replace(alert, evidence=EVIDENCE)
    assert (
        decode_alert(
            b'{"asset":"a","rule":"r","state":"opened","severity":"alarm","score":null,"threshold":1.0,'
            b'"model":"","opened_at":1,"at":1,"received_time":2,"alert_id":"x","later":1}'
        ).score
        != 0
    )
    for body in (b"[]", b"{}", b"nothing", b'{"asset":"a"}'):
        with pytest.raises(ValueError, match=r"no alert|Expecting"):
            decode_alert(body)


def test_refuses_an_impossible_limit():
    with pytest.raises(ValueError, match=r"alarm_history = 0: must be at least 1; 10000 is the default"):
        OutboxSettings(alarm_history=0)
