"""Quantile sketches of hours: every sample that is in a window is in one sketch, across restarts, overlaps and gaps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cloud_sink.decoding import decode_summary
from cloud_sink.records import WindowSummary
from cloud_sink.sketch import merge, quantile
from cloud_sink.sketch import sketch as sketch_of
from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable
from flows import condition_monitoring
from flows.featurize import features_of
from flows.recorded import windows_of
from flows.sketch import HOUR, HourSketches
from flows.summarize import summaries_of
from flows.window_settings import WindowSettings
from models.features import STANDARD
from tests.flows.flows_gateway import ListGateway, keyed, run, scores_of

TABLE = TagTable("pump", (Tag("flow", "m3/h", 1.0), Tag("head", "m", 1.0)))
START = 1_700_000_000 * 10**9 // HOUR * HOUR
SECOND = 10**9
MINUTE = 60 * SECOND


def samples(first_s, seconds, seed=0, table=TABLE):
    """Every second one of each tag, a block a minute; the bad ones are in no sketch."""
    chance = np.random.default_rng(seed)
    for at in range(first_s, first_s + seconds, 60):
        time = START + (at + np.repeat(np.arange(60), len(table))) * SECOND
        tag = np.tile(np.arange(len(table), dtype=np.uint16), 60)
        value = chance.lognormal(2, 1, len(tag))
        status = np.where(chance.random(len(tag)) < 0.05, 0x80000000, 0).astype(np.uint32)
        yield SampleBatch(table, tag, time, value, status, int(time[-1]))


def blocks(items, windows=None):
    found = windows_of(items, windows or WindowSettings("60s", lateness="0s"))
    return [scores_of(features_of([block], STANDARD), lambda asset: None)[0] for block in found]


def sketches(pushed):
    return [one for block in pushed for one in block.sketches if one is not None]


def all_good(items, until, since=0):
    tag, value = [], []
    for item in items:
        good = (item.status == 0) & (item.source_time < until) & (item.source_time >= since)
        tag.append(item.tag[good])
        value.append(item.value[good])
    return sketch_of(0, 2, np.concatenate(tag).astype(int), np.concatenate(value))


def counts(one):
    return one.sizes.tolist(), one.buckets.tolist(), one.counts.tolist()


def test_each_hour_has_the_sketch_of_its_samples():
    items = list(samples(0, 3 * 3600))
    state = HourSketches()
    found = sketches([state.push(block) for block in blocks(items)])
    assert [one.since for one in found] == [START, START + HOUR]
    for one in found:
        assert counts(one) == counts(all_good(items, one.since + HOUR, one.since))


def test_it_rides_on_the_window_that_ends_the_hour():
    state = HourSketches()
    pushed = [state.push(block) for block in blocks(samples(1800, 3600))]
    summaries = [summary for block in pushed for summary in summaries_of(block)]
    (carrier,) = [summary for summary in summaries if summary.sketches is not None]
    assert carrier.end == START + HOUR
    assert carrier.sketches.since == START + 1800 * SECOND
    again = decode_summary(carrier.encode())
    assert counts(again.sketches) == counts(carrier.sketches)
    assert isinstance(again, WindowSummary)
    assert b"sketches" not in summaries[0].encode()


def test_a_restart_in_the_middle_changes_nothing():
    whole, first = HourSketches(), HourSketches()
    together = blocks(samples(0, 2 * 3600))
    expected = sketches([whole.push(block) for block in together])
    pushed = [first.push(block) for block in together[:25]]
    second = HourSketches.restore(first.snapshot())
    pushed += [second.push(block) for block in together[25:]]
    assert [counts(one) for one in sketches(pushed)] == [counts(one) for one in expected]


@pytest.mark.parametrize("every", ["60s", "20s"])
def test_windows_that_overlap_bring_each_sample_once(every):
    items = list(samples(0, 2 * 3600))
    state = HourSketches()
    pushed = [state.push(block) for block in blocks(items, WindowSettings("60s", every=every, lateness="0s"))]
    end = max(b.end[i] for b in pushed for i, one in enumerate(b.sketches) if one is not None)
    assert counts(merge(sketches(pushed))) == counts(all_good(items, end))


def test_after_a_silence_the_next_window_brings_what_was_gathered():
    items = [*samples(0, 600), *samples(4 * 3600, 600)]
    state = HourSketches()
    (one,) = sketches([state.push(block) for block in blocks(items)])
    assert one.since == START
    assert one.counts.sum() > all_good(items, START + HOUR).counts.sum()


def test_history_has_sketches_of_its_own():
    live, past = blocks(samples(2 * 3600, 1800)), blocks(samples(0, 3660, seed=5))
    state = HourSketches()
    for block in live:
        state.push(block)
    before = state.snapshot()
    joined = [replace(block, backfilled=True) for block in past]
    found = sketches([state.push(block) for block in joined])
    assert state.snapshot() == before
    assert counts(merge(found)) == counts(all_good(samples(0, 3660, seed=5), int(past[-1].end[-1])))


def test_a_clock_that_was_set_back_goes_on():
    state = HourSketches()
    for block in blocks(samples(40 * 3600, 600)):
        state.push(block)
    found = sketches([state.push(block) for block in blocks(samples(0, 2 * 3600))])
    assert found
    assert found[-1].counts.sum() > 3000


def test_tags_may_come_and_go():
    other = TagTable("pump", (Tag("speed", "rpm", 1.0), Tag("flow", "m3/h", 1.0)))
    state = HourSketches()
    for block in blocks(samples(0, 1200)):
        state.push(block)
    found = sketches([state.push(block) for block in blocks(samples(1200, 2700, table=other))])
    speed, flow = (int(found[0].of_tag(tag)[1].sum()) for tag in (0, 1))
    assert flow > speed + 1000
    assert np.isfinite(quantile(*found[0].of_tag(1), 0.5))


def test_a_newer_state_is_refused():
    with pytest.raises(ValueError, match="upgrade it"):
        HourSketches.restore(b'{"v": 99}')


def test_the_standard_flow_has_them_when_they_are_wanted():
    items = keyed(samples(0, 2 * 3600))
    for wanted in (False, True):
        gateway = ListGateway(items, windows=WindowSettings("60s", lateness="0s"), sketches=wanted, batch_size=30)
        run(condition_monitoring.build(gateway))
        carriers = [summary for summary in gateway.records(WindowSummary) if summary.sketches is not None]
        assert len(carriers) == wanted
