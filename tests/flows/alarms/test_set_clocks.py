"""A clock was set for good, the device's or the gateway's: alarms and rules follow it, as windows do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from alarm_streams import command
from flows_streams import T0, S, block, idle

from cloud_sink.records import Alert, Event
from connectors.samples import Item
from flows.alarm_settings import AlarmSettings
from flows.alarms import AlarmSetup, AlertSettings, AssetAlarms, Maintenance, Once
from flows.alarms.rules import watched
from flows.rules import RuleSet
from flows.rules.rule import Deviation, Limit, RateOfChange, Rule, Silence, Stuck
from flows.window_settings import WindowSettings

HOUR = 3600
WINDOWS = WindowSettings("10s", lateness="2s", follow_after="30s")


class Line:
    """An asset whose alarms are restored from their snapshot after every item."""

    def __init__(self, *rules: Rule, maintenance: Maintenance | None = None, on_delay: float = 0) -> None:
        behaviour = AlarmSettings(on_delay=timedelta(seconds=on_delay))
        found = RuleSet(rules, {rule.name: behaviour for rule in rules})
        self.setup = AlarmSetup(
            alerts=AlertSettings(),
            windows=WINDOWS,
            rules=lambda asset: watched(asset, found, WINDOWS.allowed_skew_ns),
            maintenance=lambda _: maintenance or Maintenance(),
        )
        self.alarms = AssetAlarms(self.setup)
        self.told: list[Alert | Event] = []

    def push(self, *items: Item) -> list[str]:
        """What changed."""
        before = len(self.told)
        for item in items:
            self.told += self.alarms.push([item])
            self.alarms = AssetAlarms.restore(self.alarms.snapshot(), self.setup)
        return [one.state for one in self.told[before:] if isinstance(one, Alert)]

    def go(self, start: float, seconds: int, ahead: float, value: float = 1.0) -> list[str]:
        """A sample a second, stamped so much ahead of its reception; the speed changes with each."""
        return self.push(
            *(
                block((at + ahead, 0, value), (at + ahead, 1, float(at)), received=at)
                for at in range(int(start), int(start) + seconds)
            )
        )


@pytest.mark.parametrize("ahead", [-HOUR, HOUR])
def test_a_delay_and_a_shelving_last_as_long_as_they_say(ahead: int) -> None:
    line = Line(Limit("current", "H", 5.0), on_delay=10)
    line.go(0, 20, 0)
    line.go(20, 60, ahead)
    assert line.go(80, 9, ahead, value=9.0) == []
    assert line.go(89, 5, ahead, value=9.0) == ["opened"]
    assert line.push(command("shelve", 95, "current.H", until=155)) == ["shelved"]
    assert line.go(96, 58, ahead, value=9.0) == []
    assert line.go(154, 4, ahead, value=9.0) == ["unshelved"]


def test_what_waits_when_a_clock_is_set_goes_on_waiting() -> None:
    line = Line(Limit("current", "H", 5.0))
    line.go(0, 20, 0)
    line.push(command("shelve", 20, "current.H", until=20 + 300))
    assert line.go(20, 290, -HOUR) == []
    assert line.go(310, 60, -HOUR) == ["unshelved"], "longer by no more than the clock was waited for"


def test_limits_hear_a_device_whose_clock_is_ahead_for_good() -> None:
    line = Line(Limit("current", "H", 5.0))
    assert line.go(0, 29, HOUR, value=9.0) == []
    assert line.go(29, 5, HOUR, value=9.0) == ["opened"]


@pytest.mark.parametrize(
    "rule", [Silence("current", "5s"), Stuck("current", "5s"), RateOfChange("current", rise=1.0, over="2s")]
)
def test_rules_that_count_time_go_on_after_a_clock_was_set_back(rule: Rule) -> None:
    line = Line(rule)
    for at in range(80):
        ahead = 0 if at < 20 else -HOUR
        line.push(block((at + ahead, 0, float(at % 2)), (at + ahead, 1, 1.0), received=at))
    assert line.told == []
    if isinstance(rule, Silence):
        assert line.push(*(block((at - HOUR, 1, 1.0), received=at) for at in range(80, 90))) == ["opened"]
    else:
        assert "opened" in line.go(80, 10, -HOUR, value=20.0)


def test_a_condition_that_holds_when_a_clock_is_set_still_holds_and_can_end() -> None:
    line = Line(Limit("current", "H", 5.0), Silence("current", "5s"))
    assert line.go(0, 5, 0, value=9.0) == ["opened"]
    line.push(*(block((at, 1, 1.0), received=at) for at in range(5, 15)))
    line.push(*(block((at - HOUR, 1, 1.0), received=at) for at in range(15, 60)))
    assert [one.state for one in line.told if isinstance(one, Alert)] == ["opened", "opened"]
    assert line.go(60, 3, -HOUR) == ["cleared", "cleared"]


@pytest.mark.parametrize(
    "rule", [Stuck("current", "5s"), RateOfChange("current", rise=1.0, over="2s"), Deviation("current", "door", 1.0)]
)
def test_whatever_holds_when_a_clock_is_set_ends_at_the_new_time(rule: Rule) -> None:
    def value(at: int) -> float:
        return 7.0 if isinstance(rule, Stuck) else 3.0 * at

    line = Line(rule)
    for at in range(80):
        ahead = 0 if at < 20 else -HOUR
        line.push(block((at + ahead, 0, value(at)), (at + ahead, 2, 0.0), received=at))
    assert [one.state for one in line.told if isinstance(one, Alert)] == ["opened"]
    other = 8.0 if isinstance(rule, Stuck) else 0.0
    for at in range(80, 90):
        line.push(block((at - HOUR, 0, other), (at - HOUR, 2, 0.0), received=at))
    ended = [one.state for one in line.told if isinstance(one, Alert)]
    assert ended[:2] == ["opened", "cleared"]


def test_a_straggler_sets_no_clock() -> None:
    line = Line(Limit("current", "H", 5.0), on_delay=10)
    for at in range(0, 100, 2):
        line.push(block((at, 1, 1.0), received=at), block((at - 30, 1, 1.0), received=at + 1))
    line.push(block((100, 0, 9.0), received=100), block((109, 1, 0.0), received=109))
    assert line.told == []
    assert line.push(block((110, 1, 0.0), received=110)) == ["opened"]


def test_the_calendar_is_asked_again_at_the_new_time() -> None:
    calendar = Maintenance((Once(T0 - HOUR * S, T0 - (HOUR - 300) * S),))
    line = Line(Limit("current", "H", 5.0), maintenance=calendar)
    assert line.go(0, 20, 0) == []
    assert line.go(20, 60, -HOUR) == ["out_of_service"]
    assert line.go(290, 20, -HOUR) == ["in_service"]


def test_an_idle_notice_in_the_old_time_lets_only_so_much_pass() -> None:
    line = Line(Limit("current", "H", 5.0), on_delay=100)
    line.go(0, 20, 0)
    line.go(20, 60, -HOUR)
    assert line.go(80, 1, -HOUR, value=9.0) == []
    assert line.push(idle(150, start=80)) == [], "70 s from the newest sample on, not more than an hour"
    assert line.go(175, 4, -HOUR, value=9.0) == []
    assert line.go(179, 4, -HOUR, value=9.0) == ["opened"]
