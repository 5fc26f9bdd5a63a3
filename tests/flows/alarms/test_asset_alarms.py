from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from alarm_streams import ALERTS, SETUP, WINDOWS, Scored, command, run, told, with_rules
from flows_gateway import MeanScorer
from flows_streams import T0, S, backfill, block, idle, regular, streams
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sink.records import Alert, Event
from connectors.samples import REMOVED, Item, Notice, NoticeKind, Origin
from flows.alarm_settings import AlarmSettings
from flows.alarms import AlarmSetup, AlertSettings, AssetAlarms, Maintenance, Once
from flows.alarms.rules import watched as by_rules
from flows.rules import RuleSet
from flows.rules.rule import Limit


@st.composite
def shifts(draw: st.DrawFn) -> tuple[list[Item], list[int]]:
    """A stream with what people ask in between, and how many items each poll brings."""
    items: list[Item] = []
    for item in draw(streams(clocks=draw(st.booleans()))):
        items.append(item)
        if draw(st.integers(0, 4)) == 0:
            at = ((item.end if isinstance(item, Notice) else item.received_time) - T0) / S
            what = draw(st.sampled_from(["acknowledge", "shelve", "unshelve", "reset"]))
            name = draw(st.sampled_from(["*", "anomaly", "current", "data_quality"]))
            items.append(command(what, at, name, at + draw(st.sampled_from([1, 30, 6000]))))
    polls = draw(st.lists(st.integers(1, 9), min_size=len(items), max_size=len(items)))
    return items, polls


@pytest.mark.filterwarnings("ignore:invalid value")  # shares of nothing
@settings(max_examples=100, deadline=None)
@given(shift=shifts(), seed=st.integers(0, 3))
def test_neither_the_size_of_a_poll_nor_a_restart_changes_anything(
    shift: tuple[list[Item], list[int]], seed: int
) -> None:
    items, polls = shift
    setup = replace(
        with_rules(
            speed=AlarmSettings(suppressed_by=("current",), on_delay=timedelta(seconds=2 * seed)),
            current=AlarmSettings(latch=seed == 2, off_delay=timedelta(seconds=seed)),
        ),
        maintenance=lambda _: Maintenance((Once(T0 + 20 * S, T0 + 60 * S),)),
        alerts=replace(ALERTS, latch=seed == 1, flapping_limit=2),
    )
    one, way = AssetAlarms(setup), Scored(WINDOWS, MeanScorer(limit=1.0, min_coverage=0.0, tags=("current",)))
    single: list[Alert | Event] = []
    for item in items:
        single += one.push(way.push([item]))
        one = AssetAlarms.restore(one.snapshot(), setup)
    many, way = AssetAlarms(setup), Scored(WINDOWS, MeanScorer(limit=1.0, min_coverage=0.0, tags=("current",)))
    at, joined = 0, []
    for size in polls:
        if values := way.push(items[at : at + size]):
            joined += many.push(values)
        at += size
    assert [record.encode() for record in joined] == [record.encode() for record in single]
    keys = [record.key for record in single if isinstance(record, Alert)]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    "items",
    [
        # our own clock was set back
        [block((-3595, 2, 1.0), received=6), block((-3590.5, 0, 9.0), received=6.5), idle(6.0, start=1.0)],
        # a clock was followed at the second of two blocks that were received at one time
        [
            block((42, 0, 9.0), received=45),
            block((187, 1, 1.0), received=167),
            block((45, 1, 1.0), received=228, origin=Origin.REPLAYED),
            command("shelve", 228, until=900),
            block((248, 1, 1.0), received=228),
        ],
        [
            block((103, 0, 1.0), received=82),
            block((162, 0, 9.0), (159, 1, 1.0), received=142),
            command("shelve", 142, until=900),
            block((159, 2, 1.0), received=142),
        ],
        # the asset came back after it had been removed
        [
            block((5, 0, 1.0), received=5),
            Notice(NoticeKind.GAP, "press", REMOVED, T0 + 6 * S, T0 + 7 * S),
            block((21, 0, 9.0), received=21),
            block((33, 0, 9.0), received=33),
            command("shelve", 34, "anomaly", until=900),
        ],
        # a history was read; then a window of now closes
        [
            *(block((second, 0, 1.0), received=second) for second in (5, 45, 57)),
            block((25, 0, 1.0), received=58, origin=Origin.BACKFILLED),
            block((63, 0, 9.0), received=63),
            backfill(40, "finished"),
            block((73, 0, 9.0), received=73),
            command("shelve", 73.5, "anomaly", until=900),
            block((85, 0, 9.0), received=85),
        ],
    ],
    ids=["set back", "followed at the second", "followed at the first", "removed", "history"],
)
def test_scores_find_what_closed_them_though_something_else_was_received_at_that_time(items: list[Item]) -> None:
    scorer = MeanScorer(limit=1.0, min_coverage=0.0, tags=("current",))
    way, alarms, single = Scored(WINDOWS, scorer), AssetAlarms(with_rules()), []
    for item in items:
        single += alarms.push(way.push([item]))
    joined = AssetAlarms(with_rules()).push(Scored(WINDOWS, scorer).push(items))
    assert [one.key for one in joined] == [one.key for one in single]
    assert single


def test_a_rule_alarm_opens_on_its_block_and_clears() -> None:
    setup = with_rules(current=AlarmSettings(severity="alarm"))
    out = run(setup, block((1, 0, 1.0)), block((2, 0, 9.0), received=2.5), block((3, 0, 1.0)))
    assert told(out) == [("current", "opened", "UNACK", 2), ("current", "cleared", "RTNUN", 3)]
    opened = out[0]
    assert isinstance(opened, Alert)
    assert (opened.severity, opened.tag, opened.score, opened.threshold) == ("alarm", "current", 9.0, 5.0)
    assert (opened.received_time, opened.model, opened.detail) == (T0 + 2_500_000_000, "", "current is high.")


def test_while_another_is_active_an_alarm_is_silent() -> None:
    setup = with_rules(speed=AlarmSettings(suppressed_by=("current",)))
    out = run(setup, block((1, 1, 9.0), (1, 0, 9.0)), block((5, 0, 1.0)), block((6, 1, 1.0)))
    assert told(out) == [
        ("current", "opened", "UNACK", 1),  # first what silences others
        ("speed", "suppressed", "DSUPR", 1),
        ("current", "cleared", "RTNUN", 5),
        ("speed", "unsuppressed", "NORM", 5),
        ("speed", "opened", "UNACK", 5 + 1e-9),
        ("speed", "cleared", "RTNUN", 6),
    ]


def test_idle_notices_let_delays_pass_and_silence_speak() -> None:
    setup = with_rules(current=AlarmSettings(on_delay=timedelta(seconds=30), off_delay=timedelta(seconds=1)))
    alarms = AssetAlarms(setup)
    assert not alarms.push([block((1, 0, 9.0))])
    assert told(alarms.push([idle(40)])) == [("current", "opened", "UNACK", 31)]
    assert told(alarms.push([idle(45)])) == [("current", "cleared", "RTNUN", 41)]


def test_a_wild_timestamp_lets_no_time_pass() -> None:
    setup = with_rules(current=AlarmSettings(on_delay=timedelta(seconds=30)))
    wild = block((2, 1, 1.0), (9000, 1, 1.0), received=2)
    assert told(run(setup, block((1, 0, 9.0)), wild, block((900, 1, 1.0), received=2), block((20, 1, 1.0)))) == []
    assert told(run(setup, block((1, 0, 9.0)), wild, block((31, 1, 1.0)))) == [("current", "opened", "UNACK", 31)]


def test_what_is_read_from_a_history_lets_no_time_pass() -> None:
    setup = with_rules(current=AlarmSettings(on_delay=timedelta(seconds=30)))
    assert told(run(setup, block((1, 0, 9.0)), block((99, 2, 1.0), origin=Origin.BACKFILLED))) == []


def test_in_maintenance_nothing_opens_and_what_is_true_afterwards_is_told() -> None:
    calendar = Maintenance((Once(T0 + 10 * S, T0 + 20 * S),))
    setup = replace(with_rules(), maintenance=lambda _: calendar)
    out = run(setup, block((5, 1, 1.0)), block((12, 0, 9.0)), block((25, 1, 1.0)))
    assert told(out) == [
        ("current", "out_of_service", "OOSRV", 10),
        ("speed", "out_of_service", "OOSRV", 10),
        ("current", "in_service", "NORM", 20),
        ("current", "opened", "UNACK", 20 + 1e-9),
        ("speed", "in_service", "NORM", 20),
    ]
    missed = run(setup, block((5, 1, 1.0)), block((25, 1, 1.0)))
    assert missed == [], "maintenance in which nothing was heard concerned nobody"


def test_the_evidence_shows_scores_features_and_curves() -> None:
    way = Scored(WINDOWS, MeanScorer())
    alarms = AssetAlarms(SETUP)
    items = [*regular(60, value=-60.0), *regular(30, value=100.0, start=60)]
    records = [one for item in items for one in alarms.push(way.push([item]))]
    opened = next(one for one in records if isinstance(one, Alert))
    assert (opened.rule, opened.state, opened.model) == ("anomaly", "opened", "means@1")
    evidence = opened.evidence
    assert evidence is not None
    assert (evidence.start, evidence.end) == (opened.at - 10 * S, opened.at)
    assert [end for end, _ in evidence.scores] == [T0 + second * S for second in range(10, 80, 10)]
    assert evidence.scores[-1][1] == opened.score
    assert [trace.tag for trace in evidence.traces] == [tag for tag, _ in opened.contributions]
    current = next(trace for trace in evidence.traces if trace.tag == "current")
    assert current.points == tuple((1000.0 * i, 160.0 + i) for i in range(10))
    assert current.unit == "A"
    assert len(evidence.features) == 8
    assert {share.tag for share in evidence.features} <= {"current", "speed"}
    mean = next(share for share in evidence.features if (share.tag, share.feature) == ("current", "mean"))
    assert mean.value == 164.5
    assert np.isnan(mean.share)
    assert "std" not in {share.feature for share in evidence.features}, "it is what it was"


@pytest.mark.parametrize("points", [0, 4, 64])
def test_an_opening_carries_so_many_samples_and_no_more(points: int) -> None:
    found = RuleSet((Limit("current", "H", 5.0),), {"current.H": AlarmSettings()})
    setup = AlarmSetup(
        alerts=replace(ALERTS, evidence_points=points), windows=WINDOWS, rules=lambda asset: by_rules(asset, found, S)
    )
    way, alarms = Scored(WINDOWS, MeanScorer()), AssetAlarms(setup)
    spiky = block(*((i / 20, tag, 900.0 if i == 77 else 100.0) for i in range(200) for tag in (0, 1)), received=10)
    records = alarms.push(way.push([spiky, idle(13)]))
    shown = [one.evidence for one in records if isinstance(one, Alert) and one.state == "opened"]
    assert len(shown) == 2, "the rule's, and the model's"
    for evidence in shown:
        assert evidence is not None
        counts = [len(trace.points) for trace in evidence.traces]
        assert all(0 < count <= points for count in counts)
        assert bool(counts) == bool(points)
        assert all((3850.0, 900.0) in trace.points for trace in evidence.traces), "the spike is never thinned out"


def test_the_curve_is_that_of_the_window_that_decided_though_several_closed_at_once() -> None:
    way, alarms = Scored(WINDOWS, MeanScorer()), AssetAlarms(replace(SETUP, alerts=AlertSettings(open_after=2)))
    hot = block(*((second, tag, 100.0 + second) for second in range(30) for tag in (0, 1)))
    (opened,) = [one for one in alarms.push(way.push([hot, idle(33)])) if isinstance(one, Alert)]
    assert opened.at == T0 + 20 * S
    assert opened.evidence is not None
    assert opened.evidence.traces[0].points == tuple((1000.0 * i, 110.0 + i) for i in range(10))


def test_alerts_that_version_1_kept_open_stay_open() -> None:
    quality = b'{"streak":0,"opened_at":null,"severity":""}'
    kept = b'{"v":1,"anomaly":{"streak":1,"opened_at":%d,"severity":"alarm"},"quality":' + quality + b"}"
    alarms = AssetAlarms.restore(kept % (T0 - 100 * S), SETUP)
    assert alarms.snapshot() == kept % (T0 - 100 * S)
    way = Scored(WINDOWS, MeanScorer())
    records = [one for item in regular(40, value=-60.0) for one in alarms.push(way.push([item]))]
    assert told(records) == [("anomaly", "cleared", "RTNUN", 10)]
    cleared = records[0]
    assert isinstance(cleared, Alert)
    assert (cleared.opened_at, cleared.severity) == (T0 - 100 * S, "alarm")


def test_alarms_of_rules_that_are_gone_end() -> None:
    alarms = AssetAlarms(with_rules())
    alarms.push([block((1, 0, 9.0))])
    alarms = AssetAlarms.restore(alarms.snapshot(), SETUP)
    assert told(alarms.push([block((2, 0, 9.0))])) == [("current", "cleared", "NORM", 1 + 1e-9)]
    assert not alarms.push([command("acknowledge", 3, "current")])[0].key.startswith("alert/")
