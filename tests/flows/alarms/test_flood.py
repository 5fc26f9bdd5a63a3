from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sink.records import Alert, Event, Lane
from flows.alarms import AlertSettings, FloodState, Tick
from flows.errors import StateError

S = 1_000_000_000
SETTINGS = AlertSettings(flood_limit=3, flood_period=timedelta(seconds=60))


def opening(second: int, rule: str = "hot", severity: str = "warning") -> Alert:
    at = second * S
    return Alert("press", rule, "opened", severity, 1.0, 1.0, "", at - 5, at - 5, at, alarm_state="UNACK")


def later(alert: Alert, second: int, state: str, alarm_state: str) -> Alert:
    return replace(alert, state=state, at=second * S, received_time=second * S, alarm_state=alarm_state)


def push(*records: Alert | Event | Tick, settings: AlertSettings = SETTINGS) -> list[Alert | Event]:
    return FloodState(settings).push(records)


def lanes(records: list[Alert | Event]) -> list[tuple[int, str]]:
    return [(record.time // S, record.lane.name) for record in records]


def test_what_comes_on_top_is_held_back_and_told_in_one_report() -> None:
    openings = [opening(second, rule) for second, rule in enumerate(["a", "b", "c", "d", "e", "e"], start=10)]
    state = FloodState(SETTINGS)
    out = state.push(openings)
    assert [(one.rule, one.lane) for one in out if isinstance(one, Alert)] == [
        ("a", Lane.ALERT),
        ("b", Lane.ALERT),
        ("c", Lane.ALERT),
        ("alarm_flood", Lane.ALERT),
        ("d", Lane.EVENT),
        ("e", Lane.EVENT),
        ("e", Lane.EVENT),
    ]
    begun = out[3]
    assert isinstance(begun, Alert)
    assert (begun.asset, begun.state, begun.alarm_state, begun.score, begun.threshold) == ("", "opened", "UNACK", 4, 3)
    assert state.push([Tick(71 * S)]) == [], "5 of them opened within the last minute"
    (report,) = state.push([Tick(73 * S)])
    assert isinstance(report, Alert)
    assert (report.rule, report.state, report.alarm_state) == ("alarm_flood", "cleared", "NORM")
    assert report.alert_id == begun.alert_id
    assert report.detail == "3 openings were held back: press e (2 times), press d."
    assert state.push([Tick(500 * S)]) == []


def test_what_was_held_back_stays_so_until_it_is_over() -> None:
    state = FloodState(replace(SETTINGS, flood_limit=1))
    state.push([opening(1, "a")])
    held = opening(2, "b")
    state.push([held])
    steps = [("acknowledged", "ACKED"), ("cleared", "NORM"), ("shelved", "SHLVD")]
    out = state.push([later(held, 100 + i, *step) for i, step in enumerate(steps)])
    assert [(one.rule, one.lane) for one in out if isinstance(one, Alert)] == [
        ("alarm_flood", Lane.ALERT),
        ("b", Lane.EVENT),
        ("b", Lane.EVENT),
        ("b", Lane.ALERT),
    ]


def test_a_clock_of_ours_that_is_set_back_makes_no_flood_of_a_year() -> None:
    year = 365 * 86_400
    state = FloodState(SETTINGS)
    state.push([opening(year + second) for second in range(4)])
    late = state.push([opening(20), Tick(90 * S), opening(95)])
    assert lanes(late) == [(19, "EVENT"), (year + 3, "ALERT"), (94, "ALERT")]
    report = late[1]
    assert isinstance(report, Alert)
    assert (report.rule, report.state) == ("alarm_flood", "cleared")
    assert report.at > report.opened_at, "the last of its transitions is the last in time"


def test_what_a_person_asked_long_ago_moves_no_time() -> None:
    state = FloodState(SETTINGS)
    state.push([opening(1000 + second) for second in range(3)])
    asked = replace(later(opening(1000), 5, "shelved", "SHLVD"), by="anna")
    assert lanes(state.push([asked, opening(1055)]))[-1] == (1054, "EVENT")


def test_alarms_pass_unless_told_otherwise() -> None:
    many = [opening(second, severity="alarm") for second in range(10)]
    assert {record.lane for record in push(*many)} == {Lane.ALERT}
    spared_not = push(*many, settings=replace(SETTINGS, flood_spares_alarms=False))
    assert [lane for _, lane in lanes(spared_not)].count("EVENT") == 7
    warnings_after = push(*many, opening(11))
    assert warnings_after[-1].lane is Lane.EVENT, "they count all the same"


def test_without_a_limit_and_for_what_is_no_opening_nothing_is_held() -> None:
    many = [opening(second) for second in range(50)]
    assert push(*many, settings=replace(SETTINGS, flood_limit=0)) == many
    cleared = [later(one, 60, "cleared", "RTNUN") for one in many]
    event = Event("press", "gap", "link_down", 1, 2)
    assert push(*cleared, event) == [*cleared, event]


@settings(max_examples=200)
@given(
    steps=st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc"), st.booleans()), max_size=40),
    limit=st.integers(1, 4),
)
def test_no_more_than_the_limit_passes_in_any_period_and_nothing_is_lost(
    steps: list[tuple[int, str, bool]], limit: int
) -> None:
    wanted = replace(SETTINGS, flood_limit=limit)
    now, records = 0, []
    for step, rule, opens in steps:
        now += step
        records.append(opening(now, rule) if opens else Tick(now * S))
    state = restarted = FloodState(wanted)
    out: list[Alert | Event] = []
    again: list[Alert | Event] = []
    restarted = FloodState(wanted)
    for record in [*records, Tick((now + 61) * S)]:
        out += state.push([record])
        restarted = FloodState.restore(restarted.snapshot(), wanted)
        again += restarted.push([record])
    assert [one.encode() for one in out] == [one.encode() for one in again]
    alerts = [one for one in out if isinstance(one, Alert) and one.rule != "alarm_flood"]
    assert [replace(one, held_back=False) for one in alerts] == [one for one in records if isinstance(one, Alert)]
    passed = [one.received_time for one in alerts if not one.held_back]
    assert all(later - earlier >= 60 * S for earlier, later in zip(passed, passed[limit:], strict=False))
    floods = [one.state for one in out if isinstance(one, Alert) and one.rule == "alarm_flood"]
    assert floods == ["opened", "cleared"] * (len(floods) // 2)
    held = sum(one.held_back for one in alerts)
    told = sum(
        int(one.detail.split()[0])
        for one in out
        if isinstance(one, Alert) and "held back:" in one.detail and one.state == "cleared"
    )
    assert told == held


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"v": 9}', b"[]", b'{"v": 1}'])
def test_foreign_state_is_refused(damage: bytes) -> None:
    with pytest.raises(StateError, match="flood"):
        FloodState.restore(damage, SETTINGS)
