from __future__ import annotations

import json
from datetime import timedelta

import pytest
from slots import ScriptedTarget

from cloud_sink.deliver import Deliverer
from cloud_sink.egress import EgressLedger
from cloud_sink.errors import (
    PermanentDeliveryError,
    PermanentReason,
    TransientDeliveryError,
    TransientReason,
)
from cloud_sink.records import Lane
from cloud_sink.settings import DeliverySettings
from cloud_sink.slots import InlineSlot

DOWN = TransientDeliveryError(TransientReason.TARGET_MISSING, "scripted")
REFUSED = PermanentDeliveryError(PermanentReason.KEY_CONFLICT, "scripted")


@pytest.fixture
def target():
    return ScriptedTarget()


@pytest.fixture
def deliverer(queue, target, tmp_path, naming, steady):
    return Deliverer(
        queue,
        target.name,
        InlineSlot(target),
        InlineSlot(target),
        EgressLedger(tmp_path),
        naming,
        DeliverySettings(backoff_cap=timedelta(seconds=60)),
        clock=lambda: 1_700_000_000_000_000_000,
        monotonic=steady,
        uniform=lambda _low, high: high,
    )


def test_lanes_in_strict_order_and_alerts_looked_at_after_each_object(writer, deliverer, target, make):
    writer.put([make.summary(0), make.summary(15), make.summary(40), make.event(0), make.alert(0)])
    late = iter([None, None, make.alert(1)])

    def meanwhile():
        if (alert := next(late, None)) is not None:
            writer.put([alert])

    target.before_put = meanwhile
    while deliverer.step() == 0:
        pass
    assert target.lanes == ["alerts", "events", "summaries", "alerts", "summaries"]
    assert deliverer.stats.records == {Lane.ALERT: 2, Lane.EVENT: 1, Lane.SUMMARY: 2}
    assert deliverer.stats.objects[Lane.ALERT] == 2


def test_an_upload_that_outlasts_the_slowest_line_is_overdue(queue, writer, target, tmp_path, naming, steady, make):
    class Hanging(InlineSlot):
        def outcome(self, wait=0.0):
            return None

    settings = DeliverySettings()
    slots = (Hanging(target), InlineSlot(target))
    hanging = Deliverer(queue, "cloud", *slots, EgressLedger(tmp_path), naming, settings, monotonic=steady)
    assert hanging.overdue() == 0
    writer.put([make.alert(0)])
    hanging.step()
    steady.now += 899
    assert hanging.overdue() == 0
    steady.now += 60
    assert 0 < hanging.overdue() < 59, "its bytes take time, too"


def test_waits_a_poll_interval_when_there_is_nothing(deliverer):
    assert deliverer.step() == 1.0


def test_nothing_is_forgotten_before_it_is_delivered(writer, deliverer, reader, target, make):
    writer.put([make.alert(0)])
    target.script = [DOWN, DOWN]
    deliverer.step()
    assert reader.stat().backlog[Lane.ALERT].count == 1
    assert deliverer.stats.failures == {"target_missing": 1}
    assert deliverer.stats.seconds.facts()["upto"][-1] == 1
    assert not deliverer.stats.uplink_up
    assert deliverer.stats.last_success == 0


def test_backs_off_doubling_up_to_the_cap_and_sends_the_same_key_again(writer, deliverer, target, make, steady):
    writer.put([make.alert(0)])
    target.script = [DOWN] * 9
    delays = []
    while (delay := deliverer.step()) != 0:
        delays.append(delay)
        writer.put([make.alert(len(delays))])  # arrivals do not hurry it, nor change the batch
        assert deliverer.step() == delay
        steady.now += delay
    assert delays == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60, 60])
    assert len(set(target.attempts)) == 1
    assert deliverer.stats.uplink_up
    assert deliverer.stats.last_success > 0


def test_jitter_is_full(writer, deliverer, target, make):
    drawn = []
    deliverer._backoff._uniform = lambda low, high: drawn.append((low, high)) or 0.5
    writer.put([make.alert(0)])
    target.script = [DOWN]
    assert deliverer.step() == 0.5
    assert drawn == [(0.0, 1.0)]


def test_probes_with_the_smallest_batch_once_the_link_is_in_doubt(writer, deliverer, target, make, steady):
    writer.put([make.summary(0), make.summary(40)])
    target.script = [DOWN]
    steady.now += deliverer.step()
    writer.put([make.alert(i) for i in range(50)])
    assert deliverer.step() == 0
    assert deliverer.stats.records[Lane.ALERT] == 1
    assert deliverer.step() == 0
    assert deliverer.stats.records[Lane.ALERT] == 50
    assert target.lanes == ["summaries", "alerts", "alerts"]


def test_an_alert_does_not_wait_behind_a_summary_that_cannot_be_delivered(writer, deliverer, target, make, steady):
    writer.put([make.summary(0), make.summary(40)])
    target.script = [DOWN] * 6
    for _ in range(5):
        steady.now += deliverer.step()
    assert deliverer.step() == 32
    writer.put([make.alert(0)])
    assert deliverer.step() == 0
    assert target.lanes == ["summaries"] * 6 + ["alerts"]
    target.script = [DOWN]
    waited = deliverer.step()
    assert target.lanes[-1] == "summaries", "the link is up, so the rest is tried again at once"
    assert waited == 60, "and what is broken by itself goes on waiting longer and longer"
    assert deliverer.step() == waited
    steady.now += waited
    assert deliverer.step() == 0
    assert deliverer.stats.records == {Lane.ALERT: 1, Lane.SUMMARY: 1}


def test_when_the_link_is_down_alerts_hurry_it_once_and_not_each(writer, deliverer, target, make, steady):
    writer.put([make.summary(0), make.summary(40)])
    target.script = [DOWN] * 3
    deliverer.step()
    for i in range(5):
        writer.put([make.alert(i)])
        deliverer.step()
    assert target.lanes == ["summaries", "alerts"]


def test_what_is_refused_for_good_is_set_aside_and_the_rest_goes_on(writer, deliverer, reader, target, make):
    writer.put([make.alert(0), make.event(0)])
    target.script = [REFUSED]
    while deliverer.step() == 0:
        pass
    assert target.lanes == ["alerts", "events"]
    assert deliverer.stats.quarantined == {Lane.ALERT: 1}
    assert deliverer.stats.failures == {"key_conflict": 1}
    assert deliverer.stats.records[Lane.EVENT] == 2  # ours, and the one that tells of it
    assert reader.stat().losses == {"quarantined/alert/key_conflict": 1}


def test_a_record_that_cannot_be_decoded_does_not_stop_the_lane(writer, deliverer, target, make):
    class Newer:
        lane, key, time = Lane.SUMMARY, "summary/newer", make.start

        def encode(self):
            return make.summary(0).encode().replace(b'"v":1', b'"v":9')

    writer.put([Newer()])
    deliverer.drain()
    assert deliverer.stats.failures == {"unreadable": 1}
    assert target.lanes == ["events"]


@pytest.mark.parametrize("body", [b"", b"\x02\x00\x00\x00{}", b"\x02\x00\x00\x00[]"])
def test_a_record_of_another_make_is_no_crash_loop(writer, deliverer, make, body):
    class Foreign:
        lane, key, time = Lane.SUMMARY, "summary/foreign", make.start

        def encode(self):
            return body

    writer.put([Foreign()])
    deliverer.drain()
    assert deliverer.stats.failures == {"unreadable": 1}


def test_drain_sends_half_full_files_too(writer, deliverer, target, make):
    writer.put([make.summary(0), make.alert(0)])
    assert deliverer.drain()
    assert target.lanes == ["alerts", "summaries"]
    assert deliverer.drain()


def test_drain_ends_at_the_first_failure(writer, deliverer, target, make):
    writer.put([make.summary(0), make.alert(0)])
    target.script = [DOWN]
    assert not deliverer.drain()
    assert target.lanes == ["alerts"]


def test_every_delivered_object_is_in_the_ledger(writer, deliverer, target, make, tmp_path):
    writer.put([make.summary(0), make.alert(0)])
    target.script = [DOWN]
    deliverer.drain()
    deliverer.drain()
    lines = [json.loads(line) for line in (tmp_path / "egress.jsonl").read_text().splitlines()]
    assert [line["key"] for line in lines] == list(target.stored)
    assert [line["bytes"] for line in lines] == [len(data) for data in target.stored.values()]


def test_a_full_disk_under_the_ledger_does_not_stop_delivery(writer, deliverer, make, tmp_path, monkeypatch):
    (tmp_path / "egress.jsonl").mkdir()
    writer.put([make.alert(0)])
    assert deliverer.drain()
    assert deliverer.stats.ledger_failures == 1
