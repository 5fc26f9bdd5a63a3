"""Expected alarms against those that came."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from cloud_sink.records import Alert
from edge_gateway.cases.expected import Expected, ExpectedAlert
from edge_gateway.cases.judge import Verdict, judge

SECOND = 10**9
NAN = float("nan")
OPENED = Alert("pump", "flow.L", "opened", "alarm", NAN, 45.0, "", 100 * SECOND, 100 * SECOND, 0, tag="flow")
CLEARED = replace(OPENED, state="cleared", at=160 * SECOND)


def wanted(**changed: Any) -> ExpectedAlert:
    facts = {"asset": "pump", "rule": "flow.L", "opened_at": "1970-01-01T00:01:40Z"}
    return ExpectedAlert.model_validate({**facts, **changed})


def verdicts(expected: Expected, *alerts: Alert) -> list[tuple[str, int, int]]:
    return [(line.verdict.name, line.expected // SECOND, line.got // SECOND) for line in judge(expected, alerts)]


def test_as_expected_within_the_tolerance() -> None:
    near = replace(OPENED, opened_at=101 * SECOND, at=101 * SECOND)
    assert verdicts(Expected(alerts=(wanted(),)), near) == [("AS_EXPECTED", 100, 101)]
    far = replace(near, at=near.at + 1, opened_at=near.opened_at + 1)
    assert verdicts(Expected(alerts=(wanted(),)), far) == [("MISSING", 100, 0), ("UNEXPECTED", 0, 101)]
    assert verdicts(Expected(alerts=(wanted(),), tolerance=timedelta(seconds=2)), far) == [("AS_EXPECTED", 100, 101)]


def test_only_the_states_that_are_looked_at() -> None:
    assert verdicts(Expected(alerts=(wanted(),)), OPENED, CLEARED) == [("AS_EXPECTED", 100, 100)]
    both = Expected(alerts=(wanted(),), states=("opened", "cleared"))
    assert verdicts(both, OPENED, CLEARED) == [("AS_EXPECTED", 100, 100), ("UNEXPECTED", 0, 160)]
    clears = wanted(state="cleared", at="1970-01-01T00:02:40Z")
    told = Expected(alerts=(wanted(), clears), states=("opened", "cleared"))
    assert verdicts(told, OPENED, CLEARED) == [("AS_EXPECTED", 100, 100), ("AS_EXPECTED", 160, 160)]
    late = replace(CLEARED, at=190 * SECOND)
    assert ("MISSING", 160, 0) in verdicts(told, OPENED, late), "it opened when it should, and cleared when not"


def test_others_are_refused_unless_allowed() -> None:
    other = replace(OPENED, rule="anomaly")
    assert verdicts(Expected(alerts=(wanted(),)), OPENED, other) == [("UNEXPECTED", 0, 100), ("AS_EXPECTED", 100, 100)]
    lines = judge(Expected(alerts=(wanted(),), allow_others=True), (OPENED, other))
    assert {line.verdict for line in lines} == {Verdict.AS_EXPECTED, Verdict.ALLOWED}
    assert not any(line.is_wrong for line in lines)


def test_each_is_matched_once_the_nearest_first() -> None:
    two = (wanted(), wanted(opened_at="1970-01-01T00:01:41Z"))
    came = [replace(OPENED, opened_at=at * SECOND, at=at * SECOND) for at in (101, 102)]
    assert verdicts(Expected(alerts=two), *came) == [
        ("MISSING", 100, 0),
        ("AS_EXPECTED", 101, 101),
        ("UNEXPECTED", 0, 102),
    ]
    assert verdicts(Expected(alerts=two), came[0]) == [("MISSING", 100, 0), ("AS_EXPECTED", 101, 101)]


def test_tag_and_severity_count_where_they_are_told() -> None:
    assert judge(Expected(alerts=(wanted(tag="flow", severity="alarm"),)), (OPENED,))[0].verdict is Verdict.AS_EXPECTED
    for changed in ({"tag": "head"}, {"severity": "warning"}):
        lines = judge(Expected(alerts=(wanted(**changed),)), (OPENED,))
        assert [line.verdict for line in lines] == [Verdict.MISSING, Verdict.UNEXPECTED]
        assert "severity alarm, tag flow" in lines[0].note


def test_what_is_missing_tells_what_is_near() -> None:
    late = replace(OPENED, opened_at=112 * SECOND, at=112 * SECOND)
    assert judge(Expected(alerts=(wanted(),)), (late,))[0].note.startswith("opened 12 s later")
    assert judge(Expected(alerts=(wanted(),)), ())[0].note == "this alarm did not come at all"
