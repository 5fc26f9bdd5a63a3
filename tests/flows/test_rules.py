from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from flows_streams import BAD, T0, TABLE, UNCERTAIN, S, block

from connectors.samples import Origin
from connectors.tags import TagTable
from flows.alarm_settings import AlarmSettings
from flows.conditions import Change
from flows.rules import Deviation, Limit, RateOfChange, Rule, RuleSet, RuleState, Silence, Stuck

NAN, INF = float("nan"), float("inf")


def told(changes: list[Change]) -> list[tuple[str, bool, float, float]]:
    """(name, active, seconds since T0, value)."""
    return [(c.alarm, c.active, (c.at - T0) / S, c.value) for c in changes]


def rows(tag: int, *samples: tuple[float, float]) -> Any:
    return block(*((second, tag, value) for second, value in samples))


def test_a_limit_begins_beyond_it_and_ends_when_back_by_the_deadband() -> None:
    state = RuleState([Limit("current", "H", 10.0, deadband=2.0), Limit("current", "L", 3.0, deadband=1.0)], TABLE)
    samples = [(0, 10.0), (1, 10.1), (2, 9.0), (3, 8.1), (4, 8.0), (5, 3.0), (6, 2.9), (7, 3.9), (8, 4.0), (9, 11.0)]
    assert told(state.push(rows(0, *samples))) == [
        ("current.H", True, 1.0, 10.1),
        ("current.H", False, 4.0, 8.0),
        ("current.L", True, 6.0, 2.9),
        ("current.L", False, 8.0, 4.0),
        ("current.H", True, 9.0, 11.0),
    ]
    assert state.active == ("current.H",)
    assert not state.push(rows(0, (10, 8.5)))


def test_a_change_says_what_was_passed_when_and_in_words() -> None:
    state = RuleState([Limit("current", "HH", 10.0)], TABLE)
    (begun,) = state.push(block((1, 0, 12.5), received=3))
    assert (begun.at, begun.received_time, begun.value, begun.limit) == (T0 + S, T0 + 3 * S, 12.5, 10.0)
    assert begun.detail == "current is 12.5 A, above its HH limit of 10 A."
    (ended,) = state.push(rows(0, (4, 9.0)))
    assert ended.detail == "current is 9 A, no longer above its HH limit of 10 A."
    assert ended.evidence is None


def test_evidence_is_the_block_with_its_extremes() -> None:
    state = RuleState([Limit("current", "H", 50.0), Deviation("current", "speed", 40.0)], TABLE)
    samples = [(second / 100, second % 2, 1.0) for second in range(1_000)]
    samples[500] = (5.0, 0, 60.0)
    changes = state.push(block(*samples, (10, 0, NAN, BAD)))
    limit, deviation = changes[0].evidence, changes[1].evidence
    assert limit is not None
    assert deviation is not None
    (trace,) = limit.traces
    assert (trace.tag, trace.unit) == ("current", "A")
    assert len(trace.points) <= 100
    assert (5000.0, 60.0) in trace.points
    assert (limit.start, limit.end) == (T0, T0 + round(9.98 * S) + 1)
    assert [one.tag for one in deviation.traces] == ["current", "speed"]


@pytest.mark.parametrize("bad", [(NAN, BAD), (99.0, UNCERTAIN), (99.0, BAD), (NAN, 0), (INF, 0), (-INF, 0)])
def test_what_is_not_good_and_finite_neither_begins_nor_ends(bad: tuple[float, int]) -> None:
    state = RuleState([Limit("current", "H", 10.0), Limit("current", "L", 0.0)], TABLE)
    assert not state.push(block((0, 0, 5.0), (1, 0, *bad)))
    assert len(state.push(rows(0, (2, 11.0)))) == 1
    assert not state.push(block((3, 0, *bad), (4, 0, -99.0 if bad[0] == 99.0 else bad[0], BAD)))
    assert state.active == ("current.H",)


@pytest.mark.parametrize("origin", [Origin.REPLAYED, Origin.BACKFILLED])
def test_what_was_replayed_or_backfilled_raises_nothing_but_counts_as_heard(origin: Origin) -> None:
    every: list[Rule] = [
        Limit("current", "H", 10.0),
        RateOfChange("current", rise=1.0),
        Stuck("current", "5s"),
        Deviation("current", "speed", 1.0),
        Silence("current", "10s"),
    ]
    state = RuleState(every, TABLE)
    assert not state.push(block((0, 0, 1.0), (0, 1, 1.0)))
    old = [(second, 0, 99.0 if second < 8 else 1.0) for second in range(1, 12)]
    assert not state.push(block(*old, received=12, origin=origin))
    assert told(state.push(block((20, 1, 1.0), (21, 1, 1.0)))) == [("current.stuck", True, 20.0, 1.0)]
    assert told(state.pass_time(T0 + 21 * S, 0)) == [("current.silence", True, 21.0, 10.0)]
    assert told(state.push(block((15, 0, 1.0), received=22, origin=origin))) == [("current.silence", False, 15.0, 6.0)]


def test_a_rate_is_taken_over_its_least_time() -> None:
    state = RuleState([RateOfChange("current", rise=2.0, fall=1.0, over="1s")], TABLE)
    assert not state.push(rows(0, (0, 0.0), (0.1, 1.5), (0.2, 0.0)))  # noise: fast, but not for a second
    changes = state.push(rows(0, (1.2, 2.4), (2.2, 4.5), (3.2, 4.5), (4.2, 3.4), (5.2, 3.4)))
    assert [(name, active, at, round(rate, 9)) for name, active, at, rate in told(changes)] == [
        ("current.rate", True, 1.2, 2.4),
        ("current.rate", False, 3.2, 0.0),
        ("current.rate", True, 4.2, -1.1),
        ("current.rate", False, 5.2, 0.0),
    ]
    assert changes[0].limit == 2.0
    assert changes[2].limit == -1.0
    assert changes[2].detail == "current falls by 1.1 A a second, faster than its limit of 1 A a second."
    assert not state.push(rows(0, (3605.2, 3000.0)))  # after a gap the rate is that over the gap


def test_an_older_sample_is_no_rate_and_no_change() -> None:
    state = RuleState([RateOfChange("current", rise=2.0, over="1s"), Stuck("current", "5s")], TABLE)
    assert not state.push(rows(0, (10, 0.0), (8, 50.0), (9.9, 50.0), (11, 0.0), (12, 1.0), (13, 1.0)))
    assert told(state.push(rows(0, (17, 1.0)))) == [("current.stuck", True, 17.0, 1.0)]
    assert not state.push(rows(0, (16, 9.0)))


def test_a_value_is_stuck_from_the_first_sample_of_the_stretch_on() -> None:
    state = RuleState([Stuck("current", "10s", tolerance=1.0)], TABLE)
    assert not state.push(rows(0, (0, 0.0), (1, 5.0), (5, 5.5), (9, 4.6), (10.9, 5.0)))
    changes = state.push(rows(0, (11, 5.4)))
    assert told(changes) == [("current.stuck", True, 11.0, 5.4)]
    assert changes[0].detail == "current has not changed by more than 1 A for 10 s: 5.4 A."
    assert not state.push(rows(0, (12, 5.6)))
    assert told(state.push(rows(0, (13, 4.5)))) == [("current.stuck", False, 13.0, 4.5)]


def test_a_slow_drift_is_a_change() -> None:
    state = RuleState([Stuck("current", "10s", tolerance=1.0)], TABLE)
    assert not state.push(rows(0, *((second, second * 0.15) for second in range(100))))
    slower = RuleState([Stuck("current", "10s", tolerance=1.0)], TABLE)
    assert len(slower.push(rows(0, *((second, second * 0.05) for second in range(100))))) == 1


def test_no_sample_is_no_change_while_event_time_goes_on() -> None:
    state = RuleState([Stuck("current", "10s")], TABLE)
    assert not state.push(block((0, 0, 3.0), (9, 1, 1.0), (10, 1, 1.0)))
    (begun,) = state.push(block((11, 1, 1.0)))
    assert told([begun]) == [("current.stuck", True, 10.0, 3.0)]  # a sample at 10 was not the last word on 10, 11 is
    idle = RuleState([Stuck("current", "10s")], TABLE)
    idle.push(rows(0, (0, 3.0)))
    assert not idle.pass_time(T0 + 10 * S - 1, 5)
    (begun,) = idle.pass_time(T0 + 10 * S, 7)
    assert (begun.at, begun.received_time) == (T0 + 10 * S, 7)
    assert begun.evidence is not None
    assert begun.evidence.traces[0].points == ((0.0, 3.0),)  # what was there before it fell silent, or stood still


def test_silence_begins_without_a_sample_of_the_tag_and_ends_with_one() -> None:
    state = RuleState([Silence("current", "10s")], TABLE)
    assert not state.push(block((0, 0, 1.0), (8, 1, 1.0), (9, 0, NAN, BAD), (9.9, 1, 1.0)))
    changes = state.push(block((10.5, 1, 1.0), (11, 1, 1.0)))
    assert told(changes) == [("current.silence", True, 10.5, 10.5)]  # a bad sample is no sign of life
    assert changes[0].limit == 10.0
    assert changes[0].detail == "No good sample of current for 10.5 s."
    (ended,) = state.push(block((12, 1, 1.0), (12, 0, 5.0)))
    assert told([ended]) == [("current.silence", False, 12.0, 0.0)]
    assert told(state.pass_time(T0 + 22 * S, 0)) == [("current.silence", True, 22.0, 10.0)]


def test_the_tags_of_one_poll_after_a_gap_are_not_silent() -> None:
    state = RuleState([Silence(tag.name, "30s") for tag in TABLE.tags], TABLE)
    poll = [(tag, 1.0) for tag in range(3)]
    assert not state.push(block(*((0, *row) for row in poll)))
    assert not state.push(block(*((3600, *row) for row in poll)))


def test_a_tag_that_never_spoke_is_silent_since_the_first_event() -> None:
    state = RuleState([Silence("nowhere", "10s"), Silence("speed", "10s")], TABLE)
    assert not state.push(rows(0, (5, 1.0), (14.9, 1.0), (15, 1.0)))
    changes = state.push(rows(0, (15.1, 1.0)))
    assert [(c.alarm, (c.at - T0) / S) for c in changes] == [("nowhere.silence", 15.0), ("speed.silence", 15.0)]


def test_redundant_tags_are_compared_while_both_are_fresh() -> None:
    state = RuleState([Deviation("current", "speed", 2.0, max_age="5s")], TABLE)
    assert not state.push(block((0, 0, 10.0), (0, 1, 8.0)))
    (begun,) = state.push(block((1, 0, 10.5)))
    assert told([begun]) == [("current.deviation", True, 1.0, 2.5)]
    assert begun.detail == "current and speed are 2.5 A apart, more than the 2 A tolerated."
    assert not state.push(block((5.1, 0, 8.0)))  # speed is too old to say so
    assert told(state.push(block((6, 1, 9.0), (6, 0, 5.0)))) == [
        ("current.deviation", False, 6.0, -1.0),
        ("current.deviation", True, 6.0, -4.0),
    ]


def test_a_sample_from_the_future_is_not_looked_at() -> None:
    state = RuleState([Limit("current", "H", 1.0), Silence("speed", "1min")], TABLE, allowed_skew_ns=5 * S)
    assert not state.push(block((0, 1, 0.0), (3600, 0, 9.0), received=1))
    assert not state.push(block((2, 0, 0.0), (3600, 0, 9.0), (3601, 0, 9.0), received=2))
    assert len(state.push(block((6, 0, 9.0), (8, 0, 0.0), (3600, 0, 9.0), received=3))) == 2


def test_a_clock_that_is_set_back_does_not_make_limits_deaf() -> None:
    state = RuleState([Limit("current", "H", 1.0)], TABLE)
    state.push(rows(0, (7200, 0.0)))
    assert told(state.push(rows(0, (3600, 2.0)))) == [("current.H", True, 3600.0, 2.0)]


def test_hours_of_put_off_samples_take_little_room() -> None:
    state = RuleState([Stuck("current", "1d", tolerance=10.0), RateOfChange("current", rise=99.0)], TABLE)
    rng = np.random.default_rng(0)
    noise = rng.normal(0.0, 1.0, 1_000)
    first = rows(0, *((second / 100, float(value)) for second, value in enumerate(noise)))
    for number in range(100):
        moved = replace(first, source_time=first.source_time + 10 * number * S, received_time=first.received_time * 2)
        assert not state.push(moved)
        assert state._pending.size <= 5_096
    assert len(state.snapshot()) < 16_000


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Limit("a", "HI", 1.0), "kind = 'HI': must be one of HH, H, L, LL"),
        (lambda: Limit("a", "H", NAN), "limit = nan: must be a finite number"),
        (lambda: Limit("a", "H", 1.0, deadband=-1.0), "deadband = -1.0: must be a finite number, at least 0"),
        (lambda: Limit("", "H", 1.0), "tag = '': a rule watches a tag; name one"),
        (lambda: RateOfChange("a"), "rise, fall: neither is given"),
        (lambda: RateOfChange("a", rise=0.0), "rise = 0.0: must be a finite number above 0"),
        (lambda: RateOfChange("a", rise=1.0, over="0s"), "over = 0:00:00: must be longer than nothing"),
        (lambda: RateOfChange("a", rise=1.0, over="soon"), "over = 'soon': not a duration"),
        (lambda: Stuck("a", "0s"), "unchanged_for = 0:00:00: must be longer than nothing"),
        (lambda: Stuck("a", "1s", tolerance=INF), "tolerance = inf: must be a finite number, at least 0"),
        (lambda: Silence("a", "0s"), "silent_for = 0:00:00: must be longer than nothing"),
        (lambda: Deviation("a", "a", 1.0), "other = 'a': a tag cannot differ from itself"),
        (lambda: Deviation("a", "b", 0.0), "tolerance = 0.0: must be a finite number above 0"),
        (lambda: RuleState([Silence("a", "1s"), Silence("a", "2s")], TABLE), "are not: a.silence; give them a name"),
    ],
)
def test_what_cannot_be_is_named_with_rule_and_fix(make: Any, says: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is what matters
        make()
    assert says in str(caught.value)


def test_names_are_made_of_tag_and_kind_unless_given() -> None:
    made: list[Rule] = [
        Limit("a", "LL", 1.0),
        RateOfChange("a", rise=1.0),
        Stuck("a", "1s"),
        Silence("a", "1s"),
        Deviation("a", "b", 1.0),
        Silence("a", "1s", name="quiet"),
    ]
    assert [rule.name for rule in made] == ["a.LL", "a.rate", "a.stuck", "a.silence", "a.deviation", "quiet"]


def test_a_set_gives_every_rule_its_alarm() -> None:
    limit = Limit("flow", "HH", 12.0)
    RuleSet((limit,), {"flow.HH": AlarmSettings()})
    for rules, alarms in (
        ((limit,), {}),
        ((), {"flow.HH": AlarmSettings()}),
        ((limit, limit), {"flow.HH": AlarmSettings()}),
    ):
        with pytest.raises(ValueError, match=r"flow\.HH"):
            RuleSet(rules, alarms)


def test_an_alarm_shows_what_came_before_it_however_the_stream_was_cut() -> None:
    samples = [(second, float(second)) for second in range(150)]
    limit = [Limit("current", "H", 148.5)]
    shown = []
    for cut in (1, 7, 150):
        state = RuleState(limit, TABLE)
        changes: list[Change] = []
        for at in range(0, len(samples), cut):
            changes += state.push(block(*((second, 0, value) for second, value in samples[at : at + cut])))
            state = RuleState.restore(state.snapshot(), limit, TagTable(TABLE.asset, ()))  # which knows no tag yet
        (begun,) = changes
        assert begun.evidence is not None
        shown.append([value for _, value in begun.evidence.traces[0].points])
    assert shown[0] == shown[1] == [float(second) for second in range(50, 150)]
    assert (min(shown[2]), max(shown[2]), len(shown[2])) == (0.0, 149.0, 100)  # a long block is shown whole, thinned


def test_a_drift_within_the_tolerance_is_remembered_in_so_many_steps_and_no_more() -> None:
    rule = Stuck("current", unchanged_for="1s", tolerance=1.0)
    state = RuleState([rule], TABLE)
    values = np.concatenate([np.arange(30_000) / 30_000, [5.0]])  # ever higher, by less than the tolerance; then beyond
    changes: list[Change] = []
    for at in range(0, len(values), 500):
        rows_ = ((index / 1000, 0, float(values[index])) for index in range(at, min(at + 500, len(values))))
        changes += state.push(block(*rows_))
        assert len(state.snapshot()) < 100_000
    begun, ended = changes
    assert (begun.active, ended.active) == (True, False)
    assert (begun.at - T0) / S == pytest.approx(1.0, abs=0.01)
    assert (ended.at - T0) / S == 30.0
