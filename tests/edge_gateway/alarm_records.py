"""Alarms as a flow writes them, made by hand: one raised by a score, one by a limit, one by hostile names."""

from __future__ import annotations

import math
from dataclasses import replace

from cloud_sink.evidence import Evidence, FeatureShare, Trace
from cloud_sink.records import Alert

SECOND = 10**9
RAISED = 1_763_742_600 * SECOND  # 2025-11-21 16:30:00 UTC

EVIDENCE = Evidence(
    RAISED - 10 * SECOND,
    RAISED,
    (FeatureShare("vibration", "kurtosis", 9.73, 0.75), FeatureShare("flow", "std", math.nan, math.nan)),
    (
        (RAISED - 20 * SECOND, 0.5),
        (RAISED - 10 * SECOND, 1.25),
        (RAISED, 3.0),
    ),
    (
        Trace("vibration", "mm/s", ((-10_000.0, 1.0), (-5000.0, 1.5), (0.0, math.nan), (5000.0, 6.0), (10_000.0, 2.0))),
        Trace("flow", "", ()),
    ),
)
ANOMALY = Alert(
    asset="pump-1",
    rule="anomaly",
    state="opened",
    severity="alarm",
    score=3.0,
    threshold=1.0,
    model="pump@3",
    opened_at=RAISED,
    at=RAISED,
    received_time=RAISED + 5,
    contributions=(("vibration", 0.75), ("flow", 0.25)),
    detail="The score is 3.00 times its threshold.",
    alarm_state="UNACK",
    evidence=EVIDENCE,
)
LIMIT = replace(
    ANOMALY,
    rule="temperature_high",
    score=90.5,
    threshold=90.0,
    model="",
    tag="temperature",
    contributions=(),
    detail="Above 90 for 10 s.",
    evidence=Evidence(
        RAISED - 60 * SECOND,
        RAISED + 1,
        traces=(Trace("temperature", "°C", ((0.0, 80.0), (60_000.0, 90.5))),),
    ),
)
HOSTILE = '</p><script>alert("1")</script>&\x1b[2J\u202e'


def then(alert: Alert, change: str, state: str, after_s: float, by: str = "", comment: str = "") -> Alert:
    """A later transition of the same opening."""
    at = alert.opened_at + round(after_s * SECOND)
    return replace(
        alert, state=change, alarm_state=state, at=at, by=by, comment=comment, detail="", evidence=None, score=math.nan
    )
