"""What the deliverer does beside the plain way: bulk in its own slot, batches that are too large, holds, limits."""

from __future__ import annotations

import json

import pytest
from slots import SlowSlot

from cloud_sink.allowance import Allowance
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
from cloud_sink.targets.base import Receipt

LARGE = PermanentDeliveryError(PermanentReason.TOO_LARGE, "scripted")


class Target:
    """Refuses what is beyond its limit; remembers the rest."""

    name = "scripted"

    def __init__(self):
        self.most = 10**9
        self.stored = {}
        self.attempts = []
        self.failure = None

    def put(self, key, data):
        self.attempts.append(key)
        if self.failure is not None:
            raise self.failure
        if len(data) > self.most:
            raise LARGE
        assert self.stored.setdefault(key, data) == data
        return Receipt("sha", wire=len(data) + 100)

    @property
    def lanes(self):
        return [key.split("/")[0] for key in self.attempts]


@pytest.fixture
def target():
    return Target()


@pytest.fixture
def deliverer(queue, target, tmp_path, naming, steady):
    def build(alerts=None, bulk=None, **options):
        return Deliverer(
            queue,
            target.name,
            alerts or InlineSlot(target),
            bulk or InlineSlot(target),
            EgressLedger(tmp_path),
            naming,
            DeliverySettings(),
            clock=lambda: 1_700_000_000_000_000_000,
            monotonic=steady,
            uniform=lambda _low, high: high,
            **options,
        )

    return build


def test_an_alert_does_not_wait_for_a_bulk_upload_under_way(writer, deliverer, target, make):
    slot = SlowSlot(target)
    deliverer = deliverer(bulk=slot)
    writer.put([make.summary(0), make.summary(40), make.event(0)])
    assert deliverer.step() == 1.0, "the event is under way"
    for i in range(3):
        writer.put([make.alert(i)])
        assert deliverer.step() == 0
    assert target.lanes == ["alerts"] * 3
    assert deliverer.step() == 1.0, "and nothing else begins beside it"
    slot.finished = True
    assert deliverer.step() == 1.0
    assert target.lanes == [*["alerts"] * 3, "events"]
    assert slot.outgoing.lane is Lane.SUMMARY, "the next one"


def test_a_bulk_upload_that_fails_holds_up_bulk_and_no_alert(writer, deliverer, target, make, steady):
    slot = SlowSlot(target)
    deliverer = deliverer(bulk=slot)
    writer.put([make.summary(0), make.summary(40)])
    deliverer.step()
    target.failure = TransientDeliveryError(TransientReason.SERVER_ERROR, "scripted")
    slot.finished = True
    assert deliverer.step() == 1.0
    assert slot.outgoing is None
    target.failure = None
    writer.put([make.alert(0)])
    assert deliverer.step() == 0
    assert target.lanes == ["summaries", "alerts"]


def test_lanes_that_the_target_does_not_take_stay(writer, deliverer, reader, target, make):
    deliverer = deliverer(lanes=(Lane.ALERT, Lane.EVENT))
    writer.put([make.event(0), make.summary(0), make.alert(0)])
    assert deliverer.drain()
    assert target.lanes == ["alerts", "events"]
    assert reader.stat().backlog[Lane.SUMMARY].count == 1


def test_drain_waits_for_each(writer, deliverer, target, make):
    deliverer = deliverer(bulk=SlowSlot(target))
    writer.put([make.event(0), make.summary(0), make.alert(0)])
    assert deliverer.drain()
    assert target.lanes == ["alerts", "events", "summaries"]


def test_a_batch_that_is_too_large_goes_in_halves(writer, deliverer, reader, target, make):
    deliverer = deliverer()
    writer.put([make.alert(i) for i in range(40)])
    target.most = 800
    while deliverer.step() == 0:
        pass
    assert deliverer.stats.records == {Lane.ALERT: 40}
    assert deliverer.stats.split > 0
    assert not deliverer.stats.quarantined
    assert not reader.stat().backlog[Lane.ALERT].count
    assert len(target.stored) == deliverer.stats.split + 1
    assert all(len(data) <= 800 for data in target.stored.values())


def test_halves_are_the_same_ones_after_a_crash(writer, deliverer, target, make):
    first, second = deliverer(), deliverer()
    writer.put([make.alert(i) for i in range(4)])
    target.most = 320
    first.step()
    first.step()
    before = dict(target.stored)
    while second.step() == 0:
        pass
    assert second.stats.records[Lane.ALERT] + first.stats.records[Lane.ALERT] == 4
    assert before.items() <= target.stored.items()


def test_one_record_that_is_too_large_is_set_aside_and_its_neighbours_are_not(writer, deliverer, reader, target, make):
    class Huge:
        lane, key, time = Lane.ALERT, "alert/huge", make.start

        def encode(self):
            body = json.loads(make.alert(9).encode())
            return json.dumps({**body, "noise": [hash(str(i)) for i in range(400)]}).encode()

    deliverer = deliverer()
    writer.put([make.alert(0), Huge(), make.alert(1), make.alert(2)])
    target.most = 1500
    while deliverer.step() == 0:
        pass
    assert deliverer.stats.records[Lane.ALERT] == 3
    assert deliverer.stats.quarantined == {Lane.ALERT: 1}
    assert reader.stat().losses == {"quarantined/alert/too_large": 1}


def test_wrong_credentials_hold_everything_and_set_nothing_aside(writer, deliverer, reader, target, make, steady):
    deliverer = deliverer()
    writer.put([make.alert(0), make.summary(0)])
    target.failure = TransientDeliveryError(TransientReason.CREDENTIALS, "scripted", hold=True)
    for _ in range(20):
        assert deliverer.step() == 300
        steady.now += 300
    assert target.lanes == ["alerts"] * 20
    assert deliverer.stats.trouble == "credentials"
    assert not reader.stat().losses
    target.failure = None
    assert deliverer.drain()
    assert deliverer.stats.trouble == ""


def test_retry_after_is_honoured(writer, deliverer, target, make, steady):
    deliverer = deliverer()
    writer.put([make.alert(0)])
    target.failure = TransientDeliveryError(TransientReason.THROTTLED, "scripted", retry_after=120.0)
    assert deliverer.step() == 121
    steady.now += 119
    writer.put([make.alert(1)])
    assert deliverer.step() == 2
    assert len(target.attempts) == 1


def test_the_budget_holds_bulk_and_counts_alerts(writer, deliverer, target, make):
    deliverer = deliverer(allowance=Allowance(budget=300))
    writer.put([make.alert(0), make.event(0), make.summary(0), make.summary(40)])
    while deliverer.step() == 0:
        pass
    assert target.lanes == ["alerts"]
    assert deliverer.stats.wire[Lane.ALERT] > 300
    assert deliverer.drain()
    assert target.lanes == ["alerts", "events", "summaries", "summaries"], "somebody asked for it"


def test_bytes_that_left_in_vain_are_in_the_ledger_and_in_the_budget(writer, deliverer, target, make, tmp_path):
    deliverer = deliverer(allowance=Allowance(budget=5000))
    writer.put([make.event(0)])
    target.failure = TransientDeliveryError(TransientReason.CUT, "scripted")
    target.failure.wire = 6000
    deliverer.step()
    (line,) = map(json.loads, (tmp_path / "egress.jsonl").read_text().splitlines())
    assert (line["outcome"], line["wire"]) == ("cut", 6000)
    target.failure = None
    assert deliverer.step() == 1.0
    assert len(target.attempts) == 1


@pytest.mark.parametrize("reason", [TransientReason.NO_LINK, TransientReason.UNREACHABLE, TransientReason.TIMEOUT])
@pytest.mark.parametrize("outage", [15, 120, 86_400])
def test_c11_a_live_alert_leaves_within_a_second_and_alerts_before_all_else(
    writer, deliverer, target, make, steady, outage, reason
):
    """Whatever the link looked like while it was away. The backlog is what an outage leaves: a window a minute."""
    deliverer = deliverer()
    writer.put([make.summary(0), make.alert(0)])
    target.failure = TransientDeliveryError(reason, "scripted")
    began = steady.now
    minute = 0
    while steady.now < began + outage:
        last, minute = minute, 1 + int(steady.now - began) // 60
        writer.put([one(i) for i in range(last + 1, minute + 1) for one in (make.alert, make.summary)])
        waited = deliverer.step()
        steady.now += waited if outage < 3600 else max(waited, 900)
    deliverer.step()
    steady.now += 1  # in the middle of a wait the link is back
    target.failure, back = None, steady.now
    writer.put([make.alert(90_000)])
    live = f"-{make.alert(90_000).time}-"
    while not any(live in key for key in target.stored):
        steady.now += deliverer.step() or 0.05  # a round trip
    assert steady.now - back <= 1
    assert sum(key.startswith("alerts") for key in target.stored) <= 2, "what was in hand, then the live one"
    while deliverer.step() == 0:
        pass
    stored = [key.split("/")[0] for key in target.stored]
    assert stored == sorted(stored), "alerts, then summaries"
    assert deliverer.stats.records[Lane.ALERT] == minute + 2
    full = max(0, (minute - 2) // 15)
    assert stored.count("summaries") in {full, full + 1}
