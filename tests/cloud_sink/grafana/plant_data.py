"""A known run of a plant, as the sink writes it: what every query of every dashboard is asked about."""

from __future__ import annotations

import time

import numpy as np

from cloud_sink.influx.points import lines_of
from cloud_sink.records import Alert, Event, OtherScore, Record, WindowSummary
from edge_gateway.health import health

SECOND = 10**9
NOW = time.time_ns() // SECOND * SECOND
BEGAN = NOW - 30 * 60 * SECOND
ASSETS = ("pump-1", "pump 2")
FEATURES = ("mean", "std", "min", "max", "rms", "slope")
MINUTES = 30


def lines() -> list[str]:
    """Half an hour of two pumps: the second one's score rises above 1 at the end, and its alarm is acknowledged."""
    out = [line for record in _records() for line in lines_of(record, "works")]
    for minute in range(MINUTES + 1):
        now = BEGAN + minute * 60 * SECOND if minute < MINUTES else NOW
        out += [one.line("works", "gw-1", now) for one in health(*_statuses(minute, now), now)]
    return out


def _records() -> list[Record]:
    records: list[Record] = []
    for minute in range(MINUTES):
        start = BEGAN + minute * 60 * SECOND
        for place, asset in enumerate(ASSETS):
            score = 0.2 + (place * minute / 20) ** 2
            records.append(
                WindowSummary(
                    asset,
                    start,
                    start + 60 * SECOND,
                    ("flow", "head"),
                    FEATURES,
                    np.array([590, 600], np.int32),
                    np.array([10, 0], np.int32),
                    np.ones(2, np.float32),
                    np.full((2, len(FEATURES)), minute + place, np.float32),
                    float("nan") if minute == 3 else score,
                    1.0,
                    "suite@2",
                    others=(OtherScore("suite@3", 0.9 * score, shadow=True),),
                )
            )
    opened = BEGAN + 20 * 60 * SECOND
    for state, alarm_state, at in (
        ("opened", "UNACK", opened),
        ("acknowledged", "ACKED", opened + 90 * SECOND),
    ):
        records.append(_alert("pump 2", "anomaly", state, alarm_state, opened, at))
    records.append(_alert("pump-1", "high_flow", "opened", "UNACK", opened, opened))
    records.append(_alert("pump-1", "high_flow", "cleared", "NORM", opened, opened + 30 * SECOND))
    records.append(_alert("pump-1", "noise", "shelved", "SHLVD", 0, opened))
    records.append(Event("pump-1", "gap", "link_down", opened, opened + 5 * SECOND, 50, "plc", "the line was cut"))
    records.append(Event("pump 2", "drift", "feature", opened, opened + 9 * SECOND, 0, "suite@2", "flow moved"))
    return records


def _alert(asset: str, rule: str, state: str, alarm_state: str, opened: int, at: int) -> Alert:
    blame = (("flow", 0.9), ("head", 0.1))
    return Alert(
        asset, rule, state, "alarm", 1.5, 1.0, "suite@2", opened, at, at, blame, "said so", alarm_state=alarm_state
    )


def _statuses(minute: int, now: int) -> tuple[dict[str, object], dict[str, object], dict[str, object]]:
    base = {"pid": 1, "started": BEGAN - SECOND, "time": now, "cpu_s": 6.0 * minute, "rss_bytes": 100_000_000}
    received = 60_000 * minute
    acquire = {
        "received": received,
        "dropped": minute,
        "queued": 0,
        "write_failures": 0,
        "driver_failures": {"plc": 0},
        "drivers": {"plc": {"samples": received, "reconnects": minute // 10, "errors": 0}},
    }
    flow = {
        "accounts": {"pump-1": {"placed": received - 2 * minute, "late": minute, "dropped": {"clock": minute}}},
        "written": {"summary": 2 * minute, "alert": minute // 20},
        "alerts": [{"latency_ms": 2.5}, {"latency_ms": 4.0}],
    }
    deliver = {
        "backlog": {
            "alert": {"records": 0, "bytes": 0, "oldest": 0},
            "event": {"records": 1, "bytes": 100, "oldest": now - 10 * SECOND},
            "summary": {"records": 119, "bytes": 20_000, "oldest": now - 600 * SECOND},
        },
        "delivered": {"summary": 60 * minute},
        "wire": 6000 * minute,
        "failures": {},
        "losses": {},
        "uplink_up": True,
        "trouble": "",
    }
    return {**base, **acquire}, {**base, **flow}, {**base, **deliver}
