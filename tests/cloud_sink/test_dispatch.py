"""Several targets in one loop, and its beginning and end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from slots import ScriptedTarget, SlowSlot

from cloud_sink.deliver import Deliverer
from cloud_sink.dispatch import Dispatcher
from cloud_sink.egress import EgressLedger
from cloud_sink.errors import TransientDeliveryError, TransientReason
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.wake import Bell
from cloud_sink.records import Lane
from cloud_sink.settings import BatchSettings, DeliverySettings
from cloud_sink.slots import InlineSlot

DOWN = TransientDeliveryError(TransientReason.UNREACHABLE, "scripted")


class Site:
    """An outbox, its targets and the loop."""

    def __init__(self, folder, small, naming, steady, **lanes):
        self.reader = OutboxReader(folder, small, BatchSettings(), monotonic=steady, targets=lanes)
        self.targets = {name: ScriptedTarget(name) for name in lanes}
        settings = DeliverySettings()
        self.deliverers = {
            name: Deliverer(
                self.reader.queues[name],
                name,
                InlineSlot(target),
                InlineSlot(target),
                EgressLedger(folder),
                naming,
                settings,
                monotonic=steady,
                uniform=lambda _low, high: high,
                lanes=lanes[name],
            )
            for name, target in self.targets.items()
        }
        self.dispatcher = Dispatcher(self.reader, self.deliverers.values(), settings, lambda _: None, steady)

    def until_idle(self):
        while self.dispatcher.step() == 0:
            pass


@pytest.fixture
def site(tmp_path, small, naming, steady):
    made = []

    def build(**lanes):
        if made:
            made[-1].reader.close()
        made.append(Site(tmp_path, small, naming, steady, **lanes))
        return made[-1]

    yield build
    made[-1].reader.close()


ALL = tuple(Lane)
SOME = (Lane.ALERT, Lane.EVENT)


def waiting(site):
    return [backlog.count for backlog in site.reader.stat().backlog.values()]


def test_each_target_gets_what_it_wants_and_only_then_is_it_forgotten(site, writer, make):
    two = site(lake=ALL, broker=SOME)
    writer.put([make.alert(0), make.event(0), make.summary(0), make.summary(40)])
    two.until_idle()
    assert two.targets["lake"].lanes == ["alerts", "events", "summaries"]
    assert two.targets["broker"].lanes == ["alerts", "events"]
    assert waiting(two) == [0, 0, 1]


def test_one_dead_target_neither_holds_up_the_other_nor_loses_anything(site, writer, make, steady):
    two = site(dead=ALL, lake=ALL)
    two.targets["dead"].always = DOWN
    for i in range(30):
        writer.put([make.alert(i), make.summary(15 * i)])
        two.until_idle()
        steady.now += 60
    assert sum(two.deliverers["lake"].stats.records.values()) == 30 + 28
    assert waiting(two) == [30, 0, 30]
    two.targets["dead"].always = None
    steady.now += 300
    two.until_idle()
    assert two.deliverers["dead"].stats.records == two.deliverers["lake"].stats.records
    assert waiting(two) == [0, 0, 2]


def test_a_target_that_is_new_gets_all_there_is_and_one_that_is_gone_holds_nothing_up(site, writer, make):
    """C13: a bucket is replaced by another one while the link is away."""
    one = site(old=ALL)
    one.targets["old"].always = DOWN
    writer.put([make.alert(i) for i in range(3)])
    one.until_idle()
    both = site(old=ALL, new=ALL)
    both.targets["old"].always = DOWN
    both.until_idle()
    assert both.deliverers["new"].stats.records == {Lane.ALERT: 3}
    assert waiting(both) == [3, 0, 0]
    last = site(new=ALL)
    assert waiting(last) == [0, 0, 0]
    last.until_idle()
    assert not last.targets["new"].attempts


def test_a_target_that_comes_back_goes_on_where_it_was(site, writer, make):
    two = site(a=ALL, b=ALL)
    two.targets["b"].always = DOWN
    writer.put([make.alert(0)])
    two.until_idle()
    site(b=ALL)
    writer.put([make.alert(1)])
    again = site(a=ALL, b=ALL)
    again.until_idle()
    assert again.deliverers["a"].stats.records == {Lane.ALERT: 1}
    assert again.deliverers["b"].stats.records == {Lane.ALERT: 2}
    assert waiting(again) == [0, 0, 0]


def test_what_no_target_wants_waits_for_one_that_does(site, writer, make):
    broker = site(broker=SOME)
    writer.put([make.summary(0), make.summary(40), make.alert(0)])
    broker.until_idle()
    assert waiting(broker) == [0, 0, 2]
    lake = site(broker=SOME, lake=ALL)
    lake.until_idle()
    assert lake.targets["lake"].lanes == ["summaries"], "and no alert that it never had to have"


def test_drain_goes_on_to_the_next_target(site, writer, make):
    two = site(dead=ALL, lake=ALL)
    two.targets["dead"].always = DOWN
    writer.put([make.alert(0), make.summary(0)])
    assert not two.dispatcher.drain()
    assert two.targets["lake"].lanes == ["alerts", "summaries"]
    assert waiting(two) == [1, 0, 1]


def test_stops_at_once_and_leaves_the_rest(site, writer, make):
    one = site(lake=ALL)
    writer.put([make.alert(0), make.event(0)])
    one.targets["lake"].before_put = one.dispatcher.stop
    one.dispatcher.run()
    assert one.targets["lake"].lanes == ["alerts"]
    assert waiting(one) == [0, 1, 0]


def test_what_is_under_way_at_the_end_is_waited_for_once_and_else_sent_again(site, writer, make, steady):
    two = site(a=ALL, b=ALL)
    waited = []

    def outcome(wait=0.0):
        waited.append(wait)
        steady.now += wait

    for name in "ab":
        slot = SlowSlot(two.targets[name])
        slot.outcome = outcome
        two.deliverers[name]._bulk.slot = slot
    writer.put([make.event(0)])
    two.dispatcher._wait = lambda _seconds: two.dispatcher.stop()
    two.dispatcher.run()
    assert waited[-2:] == [5.0, 0.0], "for all together"
    assert waiting(two) == [0, 1, 0]


def test_an_alert_ends_the_wait(site, writer, make, tmp_path):
    """With the real bell: if it did not ring, this would take the poll interval of ten minutes."""
    one = site(lake=ALL)
    bell = Bell(tmp_path)
    one.deliverers["lake"]._settings = DeliverySettings(poll_interval=timedelta(minutes=10))
    one.dispatcher._wait = lambda seconds: (writer.put([make.alert(0)]), bell.wait(seconds))
    one.targets["lake"].before_put = one.dispatcher.stop
    one.dispatcher.run()
    assert one.targets["lake"].lanes == ["alerts"]
    bell.close()
