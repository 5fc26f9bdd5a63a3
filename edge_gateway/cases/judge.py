"""Expected alarms beside those that came. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cloud_sink.records import Alert
from edge_gateway.cases.expected import Expected, ExpectedAlert
from edge_gateway.times import span_text


class Verdict(StrEnum):
    """Of one alarm."""

    AS_EXPECTED = "as expected"
    MISSING = "missing"
    UNEXPECTED = "unexpected"
    ALLOWED = "allowed"


@dataclass(frozen=True, slots=True)
class Line:
    """One alarm, expected or not.

    Attributes:
        verdict: On it.
        asset: Of the alarm.
        rule: Of the alarm.
        state: What should have happened, or happened.
        expected: Event time, ns; 0 = nothing was expected.
        got: Event time, ns; 0 = nothing came.
        note: What is near, or what the alarm says of itself.
    """

    verdict: Verdict
    asset: str
    rule: str
    state: str
    expected: int
    got: int
    note: str = ""

    @property
    def is_wrong(self) -> bool:
        """Whether the case fails by it."""
        return self.verdict in {Verdict.MISSING, Verdict.UNEXPECTED}


def judge(expected: Expected, alerts: Sequence[Alert]) -> tuple[Line, ...]:
    """Match them, each once, the nearest in time first; in order of time.

    Args:
        expected: Of the case.
        alerts: All transitions that came.
    """
    came = [alert for alert in alerts if alert.state in expected.states]
    near = sorted(
        (
            (distance, n, m)
            for n, wanted in enumerate(expected.alerts)
            for m, alert in enumerate(came)
            if _alike(wanted, alert) and (distance := _distance(wanted, alert)) <= expected.tolerance_ns
        ),
    )
    matched: dict[int, int] = {}
    for _, n, m in near:
        if n not in matched and m not in matched.values():
            matched[n] = m
    left = [alert for m, alert in enumerate(came) if m not in matched.values()]
    lines = [
        _as_expected(wanted, came[matched[n]]) if n in matched else _missing(wanted, left)
        for n, wanted in enumerate(expected.alerts)
    ]
    other = Verdict.ALLOWED if expected.allow_others else Verdict.UNEXPECTED
    lines += [Line(other, one.asset, one.rule, one.state, 0, one.at, one.detail) for one in left]
    return tuple(sorted(lines, key=lambda line: (line.expected or line.got, line.asset, line.rule)))


def _alike(wanted: ExpectedAlert, alert: Alert) -> bool:
    return (
        (wanted.asset, wanted.rule, wanted.state) == (alert.asset, alert.rule, alert.state)
        and wanted.tag in (None, alert.tag)
        and wanted.severity in (None, alert.severity)
    )


def _distance(wanted: ExpectedAlert, alert: Alert) -> int:
    """Of whichever time is further off, ns."""
    return max(abs(wanted.opened_at - alert.opened_at), abs((wanted.at or alert.at) - alert.at))


def _time(wanted: ExpectedAlert) -> int:
    return wanted.at or wanted.opened_at


def _as_expected(wanted: ExpectedAlert, alert: Alert) -> Line:
    return Line(Verdict.AS_EXPECTED, wanted.asset, wanted.rule, wanted.state, _time(wanted), alert.at)


def _missing(wanted: ExpectedAlert, left: Sequence[Alert]) -> Line:
    """With the nearest one of the same alarm, which is often the same thing a little earlier or later."""
    same = [alert for alert in left if (alert.asset, alert.rule) == (wanted.asset, wanted.rule)]
    note = "this alarm did not come at all"
    if same:
        nearest = min(same, key=lambda alert: _distance(wanted, alert))
        off = nearest.at - _time(wanted)
        when = f"{span_text(abs(off))} {'later' if off > 0 else 'earlier'}" if off else "at that time"
        note = f"{nearest.state} {when}, severity {nearest.severity}" + (f", tag {nearest.tag}" if nearest.tag else "")
    return Line(Verdict.MISSING, wanted.asset, wanted.rule, wanted.state, _time(wanted), 0, note)
