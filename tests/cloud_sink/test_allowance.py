from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from cloud_sink.allowance import Allowance, Hours, parse_hours
from cloud_sink.records import Lane

HOUR = 3600 * 10**9


class Wall:
    """A wall clock that only the test moves, one hour east of UTC."""

    def __init__(self):
        self.at = datetime(2023, 11, 14, 12, 0, tzinfo=timezone(timedelta(hours=1)))

    def __call__(self):
        return round(self.at.timestamp()) * 10**9

    def local(self, ns):
        return datetime.fromtimestamp(ns / 1e9, UTC).astimezone(self.at.tzinfo)


@pytest.fixture
def wall():
    return Wall()


def make(wall, **options):
    return Allowance(clock=wall, local=wall.local, **options)


def allowed(allowance):
    return [lane.name for lane in Lane if allowance.allows(lane)]


def test_without_limits_all_may_leave(wall):
    allowance = make(wall)
    allowance.spend(10**12)
    assert allowed(allowance) == ["ALERT", "EVENT", "SUMMARY"]


def test_a_budget_holds_bulk_until_the_next_day_and_alerts_never(wall):
    allowance = make(wall, budget=1000)
    allowance.spend(999)
    assert allowed(allowance) == ["ALERT", "EVENT", "SUMMARY"]
    allowance.spend(1)
    assert allowed(allowance) == ["ALERT"]
    wall.at += timedelta(hours=11, minutes=59)
    assert allowed(allowance) == ["ALERT"]
    wall.at += timedelta(minutes=1)
    assert allowed(allowance) == ["ALERT", "EVENT", "SUMMARY"]


def test_a_restart_does_not_give_the_budget_again(wall):
    assert allowed(make(wall, budget=1000, spent=1000)) == ["ALERT"]


def test_a_clock_that_jumps_back_frees_rather_than_blocks(wall):
    allowance = make(wall, budget=1000, spent=1000)
    wall.at -= timedelta(days=3)
    assert allowed(allowance) == ["ALERT", "EVENT", "SUMMARY"]


def test_hours_hold_summaries_only(wall):
    allowance = make(wall, hours=[parse_hours("22:00-06:00"), parse_hours("13:00-13:30")])
    assert allowed(allowance) == ["ALERT", "EVENT"]
    wall.at += timedelta(hours=1)
    assert allowed(allowance) == ["ALERT", "EVENT", "SUMMARY"]
    wall.at += timedelta(hours=1)
    assert allowed(allowance) == ["ALERT", "EVENT"]
    wall.at += timedelta(hours=8)
    assert allowed(allowance) == ["ALERT", "EVENT", "SUMMARY"], "22:00"


@pytest.mark.parametrize(
    ("text", "within", "without"),
    [
        ("08:00-17:30", [480, 1049], [479, 1050, 0]),
        ("22:00-06:00", [1320, 1439, 0, 359], [360, 1319]),
        ("00:00-24:00", [0, 1439], []),
        ("05:00-05:00", [0, 300, 1439], []),
    ],
)
def test_spans(text, within, without):
    hours = parse_hours(text)
    assert all(hours.hold(minute) for minute in within)
    assert not any(hours.hold(minute) for minute in without)


@pytest.mark.parametrize("text", ["", "22-06", "22:00", "24:00-01:00", "22:60-23:00", "22:00-24:01", "22:00-06:00 "])
def test_no_span(text):
    with pytest.raises(ValueError, match="HH:MM-HH:MM"):
        parse_hours(text)


def test_hours_are_plain_facts():
    assert parse_hours("22:00-06:00") == Hours(1320, 360)
