from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cloud_sink.evidence import Evidence
from cloud_sink.records import Alert
from flows.alarms.alarm import Alarm
from flows.alarms.alarm_json import from_json, to_json
from flows.alarms.behaviour import Behaviour
from flows.alarms.cause import NAN, Cause
from flows.alarms.occasion import Occasion
from flows.conditions import Change

S = 1_000_000_000
BASE, SILENT = {"NORM", "UNACK", "ACKED", "RTNUN"}, {"SHLVD", "DSUPR", "OOSRV"}
STAYS = {(state, state) for state in SILENT}

# Every way from one state to another that ANSI/ISA-18.2 knows, by the transition that goes it.
EDGES: dict[str, set[tuple[str, str]]] = {
    "opened": {("NORM", "UNACK"), ("RTNUN", "UNACK")},
    "acknowledged": {("UNACK", "ACKED"), ("RTNUN", "NORM")} | STAYS,
    "cleared": {("UNACK", "RTNUN"), ("ACKED", "NORM")} | STAYS,
    "reset": {("UNACK", "NORM"), ("ACKED", "NORM")} | STAYS,
    "shelved": {(state, "SHLVD") for state in BASE} | STAYS,
    "suppressed": {(state, "DSUPR") for state in BASE | {"SHLVD"}} | {("DSUPR", "DSUPR"), ("OOSRV", "OOSRV")},
    "out_of_service": {(state, "OOSRV") for state in BASE | SILENT - {"OOSRV"}},
    "unshelved": {("SHLVD", state) for state in BASE} | {("DSUPR", "DSUPR"), ("OOSRV", "OOSRV")},
    "unsuppressed": {("DSUPR", state) for state in BASE | {"SHLVD", "DSUPR"}} | {("OOSRV", "OOSRV")},
    "in_service": {("OOSRV", state) for state in BASE | {"SHLVD", "DSUPR"}},
}


def cause(at: int, *, active: bool = True, severity: str = "warning") -> Cause:
    evidence = Evidence(at - S, at) if active else None
    return Cause(Change("hot", active, at, at + 5, 7.0, 6.0, "It is hot.", evidence), severity)


def asked(at: int) -> Occasion:
    return Occasion(at, at + 5, "anna", "seen")


def story(alerts: list[Alert]) -> list[tuple[str, str, int]]:
    return [(alert.state, alert.alarm_state, alert.at // S) for alert in alerts]


def new(**behaviour: object) -> Alarm:
    return Alarm("press", "hot", Behaviour(**behaviour))  # type: ignore[arg-type]


class AlarmMachine(RuleBasedStateMachine):
    """An alarm and its twin, which is taken down and put up again before each step."""

    @initialize(
        on=st.sampled_from([0, 0, 3]),
        off=st.sampled_from([0, 0, 4]),
        latch=st.booleans(),
        limit=st.sampled_from([0, 1, 3]),
    )
    def begin(self, on: int, off: int, latch: bool, limit: int) -> None:
        behaviour = Behaviour(
            on_delay_ns=on * S, off_delay_ns=off * S, latch=latch, flapping_limit=limit, flapping_ns=20 * S
        )
        self.alarm, self.twin = (Alarm("press", "hot", behaviour) for _ in range(2))
        self.now = 1000 * S
        self.told: list[Alert] = []

    def do(self, step: Callable[[Alarm], list[Alert]]) -> None:
        state = json.loads(json.dumps(to_json(self.twin)))
        self.twin = from_json("press", "hot", self.alarm.behaviour, state)
        before = self.alarm.state
        out, again = step(self.alarm), step(self.twin)
        assert [alert.encode() for alert in out] == [alert.encode() for alert in again]
        for alert in out:
            assert (before, alert.alarm_state) in EDGES[alert.state], (before, alert.state, alert.alarm_state)
            before = alert.alarm_state
        self.told += out

    @rule(active=st.booleans(), ago=st.sampled_from([0, 0, 1, 5]))
    def change(self, active: bool, ago: int) -> None:
        """Windows speak of a past that samples have left behind."""
        self.do(lambda alarm: alarm.change(cause(self.now - ago * S, active=active)))

    @rule(step=st.sampled_from([0, 1, 1, 2, 5, 30]))
    def pass_time(self, step: int) -> None:
        self.now += step * S
        self.do(lambda alarm: alarm.pass_time(self.now, self.now))
        assert self.alarm.due is None or self.alarm.due > self.now

    @rule(ahead=st.sampled_from([0, 0, 2]))
    def acknowledge(self, ahead: int) -> None:
        self.do(lambda alarm: alarm.acknowledge(asked(self.now + ahead * S)))

    @rule()
    def reset(self) -> None:
        self.do(lambda alarm: alarm.reset(asked(self.now)))

    @rule(lasts=st.sampled_from([1, 4, 50]))
    def shelve(self, lasts: int) -> None:
        self.do(lambda alarm: alarm.shelve(asked(self.now), self.now + lasts * S))

    @rule()
    def unshelve(self) -> None:
        self.do(lambda alarm: alarm.unshelve(asked(self.now)))

    @rule(on=st.booleans())
    def suppress(self, on: bool) -> None:
        self.do(lambda alarm: alarm.suppress(asked(self.now), on=on))

    @rule(on=st.booleans())
    def serve(self, on: bool) -> None:
        self.do(lambda alarm: alarm.serve(asked(self.now), on=on))

    @invariant()
    def keys_differ_and_times_rise(self) -> None:
        assert len({alert.key for alert in self.told}) == len(self.told)
        times = [alert.at for alert in self.told]
        assert times == sorted(set(times))

    @invariant()
    def every_opening_ends_before_the_next_and_all_that_happens_to_it_carries_its_id(self) -> None:
        opening, ended = 0, True
        for alert in self.told:
            if alert.state == "opened":
                assert ended
                assert alert.opened_at == alert.at
                opening, ended = alert.at, False
            assert alert.opened_at in {0, opening}
            assert ended or alert.opened_at == opening
            ended = ended or alert.state in {"cleared", "reset"}

    @invariant()
    def what_is_true_is_told_and_what_is_not_is_not(self) -> None:
        alarm = self.alarm
        opened = alarm.opening is not None and not alarm.opening.cleared
        if alarm.state not in SILENT:
            assert opened == alarm.active or (opened and alarm.behaviour.latch)
        if opened and not alarm.behaviour.latch:
            assert alarm.active

    @invariant()
    def the_last_record_says_how_it_stands(self) -> None:
        assert (self.told[-1].alarm_state if self.told else "NORM") == self.alarm.state


AlarmMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestAlarmMachine = AlarmMachine.TestCase


def slowly(changes: list[tuple[int, bool]], on: int, off: int, end: int) -> list[tuple[str, int]]:
    """Delays the obvious way: each second, for how many has the condition been what it is?"""
    told: list[tuple[str, int]] = []
    condition, since, active = False, -1000, False
    for second in range(end + 1):
        # What was due at the beginning of this second comes before what begins with it
        if condition != active and second - since >= (on if condition else off):
            active = condition
            told.append(("opened" if active else "cleared", second))
        for at, wanted in changes:
            if at == second and wanted != condition:
                condition, since = wanted, second
                if condition != active and not (on if condition else off):
                    active = condition
                    told.append(("opened" if active else "cleared", second))
    return told


@settings(max_examples=300)
@given(
    steps=st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=20),
    on=st.integers(0, 5),
    off=st.integers(0, 5),
    looks=st.lists(st.integers(0, 80), max_size=6),
)
def test_delays_are_those_of_a_look_each_second(
    steps: list[tuple[int, bool]], on: int, off: int, looks: list[int]
) -> None:
    now, changes = 0, []
    for step, active in steps:
        now += step
        changes.append((now, active))
    alarm = new(on_delay_ns=on * S, off_delay_ns=off * S)
    out: list[Alert] = []
    for at, active in changes:
        out += [alert for look in sorted(looks) if look <= at for alert in alarm.pass_time(look * S, look * S)]
        out += alarm.change(cause(at * S, active=active))
    out += alarm.pass_time(200 * S, 200 * S)
    assert [(alert.state, alert.at // S) for alert in out] == slowly(changes, on, off, 200)


def test_the_way_of_most_alarms() -> None:
    alarm = new()
    out = alarm.change(cause(10 * S)) + alarm.acknowledge(asked(12 * S)) + alarm.change(cause(20 * S, active=False))
    assert story(out) == [("opened", "UNACK", 10), ("acknowledged", "ACKED", 12), ("cleared", "NORM", 20)]
    assert (out[0].score, out[0].threshold, out[0].detail) == (7.0, 6.0, "It is hot.")
    assert out[0].evidence == Evidence(9 * S, 10 * S)
    assert out[1].evidence is None
    assert (out[1].by, out[1].comment, out[1].received_time) == ("anna", "seen", 12 * S + 5)
    assert len({alert.alert_id for alert in out}) == 1
    assert not alarm.acknowledge(asked(30 * S))


def test_cleared_before_anybody_saw_it_waits_for_somebody_to_see_it() -> None:
    alarm = new()
    out = alarm.change(cause(10 * S)) + alarm.change(cause(20 * S, active=False)) + alarm.acknowledge(asked(30 * S))
    assert story(out) == [("opened", "UNACK", 10), ("cleared", "RTNUN", 20), ("acknowledged", "NORM", 30)]
    assert out[2].alert_id == out[0].alert_id


def test_a_latched_alarm_stays_until_it_is_reset() -> None:
    alarm = new(latch=True)
    out = alarm.change(cause(10 * S))
    assert not alarm.reset(asked(11 * S)), "the condition holds"
    assert not alarm.change(cause(20 * S, active=False))
    assert not alarm.change(cause(21 * S))
    assert not alarm.change(cause(22 * S, active=False))
    out += alarm.acknowledge(asked(25 * S)) + alarm.reset(asked(30 * S))
    assert story(out) == [("opened", "UNACK", 10), ("acknowledged", "ACKED", 25), ("reset", "NORM", 30)]
    assert story(alarm.change(cause(40 * S))) == [("opened", "UNACK", 40)]


def test_shelved_it_is_silent_and_then_tells_what_is_still_true() -> None:
    alarm = new()
    out = alarm.shelve(asked(5 * S), 60 * S) + alarm.change(cause(10 * S)) + alarm.pass_time(59 * S, 59 * S)
    assert story(out) == [("shelved", "SHLVD", 5)]
    out = alarm.pass_time(70 * S, 71 * S)
    assert story(out) == [("unshelved", "NORM", 60), ("opened", "UNACK", 60)]
    assert out[1].evidence == Evidence(9 * S, 10 * S), "that of the time at which it began"
    assert out[1].received_time == 71 * S


def test_what_ends_soon_opens_for_the_reason_it_began_for() -> None:
    alarm = new(off_delay_ns=30 * S)
    alarm.shelve(asked(5 * S), 60 * S)
    alarm.change(cause(10 * S))
    alarm.change(cause(50 * S, active=False))
    out = alarm.pass_time(70 * S, 70 * S)
    assert story(out) == [("unshelved", "NORM", 60), ("opened", "UNACK", 60)]
    assert (out[1].detail, out[1].evidence) == ("It is hot.", Evidence(9 * S, 10 * S))


def test_what_was_acknowledged_is_told_again_after_the_shelf() -> None:
    alarm = new()
    out = alarm.change(cause(1 * S)) + alarm.acknowledge(asked(2 * S)) + alarm.shelve(asked(3 * S), 9 * S)
    out += alarm.pass_time(10 * S, 10 * S) + alarm.change(cause(12 * S, active=False))
    assert story(out)[2:] == [("shelved", "SHLVD", 3), ("unshelved", "UNACK", 9), ("cleared", "RTNUN", 12)]
    assert len({alert.alert_id for alert in out}) == 1


def test_flapping_is_told_once_and_over_when_it_is_calm() -> None:
    alarm = new(flapping_limit=3, flapping_ns=60 * S)
    out: list[Alert] = []
    for second in range(0, 40, 2):
        out += alarm.change(cause(second * S)) + alarm.change(cause((second + 1) * S, active=False))
    assert [state for state, _, _ in story(out)] == ["opened", "cleared"] * 3 + ["suppressed"]
    assert "Flapping: it opened 3 times within 1 minutes" in out[-1].detail
    assert alarm.state == "DSUPR"
    assert story(alarm.pass_time(200 * S, 200 * S)) == [("unsuppressed", "RTNUN", 99)]
    assert story(alarm.change(cause(300 * S))) == [("opened", "UNACK", 300)]


def test_an_alarm_that_is_told_ahead_of_its_windows_is_not_held_for_ever() -> None:
    """A command stands at 100 s, the windows that follow at 90: the opening is stamped after the command."""
    alarm = new(flapping_limit=1, flapping_ns=20 * S)
    alarm.shelve(asked(100 * S), 150 * S)
    alarm.unshelve(asked(101 * S))
    out = [alert for at in (90, 92) for active in (True, False) for alert in alarm.change(cause(at * S, active=active))]
    assert story(out) == [("opened", "UNACK", 101), ("cleared", "RTNUN", 101), ("suppressed", "DSUPR", 101)]
    assert story(alarm.change(cause(93 * S))) == []
    out = alarm.pass_time(300 * S, 300 * S)
    assert story(out) == [("unsuppressed", "RTNUN", 113), ("opened", "UNACK", 113)]


def test_two_transitions_never_stand_at_one_time() -> None:
    alarm = new()
    out = alarm.change(cause(10 * S)) + alarm.acknowledge(asked(12 * S)) + alarm.change(cause(11 * S, active=False))
    assert [alert.at for alert in out] == [10 * S, 12 * S, 12 * S + 1]


def test_without_its_rule_an_alarm_is_over() -> None:
    alarm = new(latch=True)
    out = alarm.change(cause(10 * S)) + alarm.shelve(asked(11 * S), 99 * S) + alarm.retire(asked(20 * S))
    assert story(out)[-1] == ("cleared", "NORM", 20)
    assert not new().retire(asked(20 * S))


@pytest.mark.parametrize("value", [1.5, NAN, float("inf"), float("-inf")])
def test_a_cause_survives_a_restart(value: float) -> None:
    change = Change("hot", True, 5, 6, value, NAN, "It is hot.", Evidence(1, 2))
    kept = json.loads(json.dumps(Cause(change, "alarm", "m@1", (("a", 0.5),)).to_json()))
    assert repr(Cause.from_json(kept)) == repr(Cause(change, "alarm", "m@1", (("a", 0.5),)))
