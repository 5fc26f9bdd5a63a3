"""What dashboards are told of the gateway, from what its processes say of themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cloud_sink.influx.points import DROP, GATEWAY, LINK, PROCESS, Health
from edge_gateway.drift_facts import DriftFacts
from edge_gateway.health import health
from flows.drift_state import Standing

SECOND = 10**9
NOW = 1_700_000_100 * SECOND


def status(age: float = 0.4, **facts: Any) -> dict[str, Any]:
    time = NOW - int(age * SECOND)
    return {"pid": 1, "started": NOW - 60 * SECOND, "time": time, "cpu_s": 1.5, "rss_bytes": 80_000_000, **facts}


ACQUIRE = status(
    received=1000,
    dropped=7,
    queued=3,
    write_failures=0,
    driver_failures={"plc": 1, "io": 0, "(commands)": 0},
    drivers={
        "plc": {"samples": 900, "reconnects": 2, "errors": 4},
        "io": {"samples": 100, "connects": 3},
        "(commands)": {"commands": 1},
    },
)
FLOW = status(
    accounts={
        "a": {"received": 600, "placed": 590, "late": 4, "dropped": {"clock": 6}},
        "b": {"received": 400, "placed": 398, "late": 0, "dropped": {"clock": 1, "unknown_tag": 1}},
    },
    written={"summary": 20, "alert": 2},
    alerts=[{"latency_ms": value} for value in (3.0, 9.0, 5.0)],
)
DELIVER = status(
    backlog={
        "alert": {"records": 1, "bytes": 100, "oldest": NOW - 30 * SECOND},
        "summary": {"records": 5, "bytes": 900, "oldest": NOW - 90 * SECOND},
        "event": {"records": 0, "bytes": 0, "oldest": 0},
    },
    delivered={"alert": 1, "event": 0, "summary": 9},
    wire=4096,
    failures={"timeout": 2},
    losses={"dropped/summary/outbox_quota": 8},
    influx={
        "influx:a/x": {"dropped": {"quota": 5}, "refused": {"retention": 2}, "missed": {}},
        "influx:b/x": {"dropped": {"quota": 1}, "refused": {}, "missed": {"ring": 3}},
    },
    uplink_up=False,
    trouble="timeout",
)


def told(points: list[Health], measurement: str, **tags: str) -> dict[str, Any]:
    (found,) = [one for one in points if one.measurement == measurement and dict(one.tags) == tags]
    return dict(found.fields)


def test_the_gateway_as_a_whole() -> None:
    assert told(health(ACQUIRE, FLOW, DELIVER, NOW), GATEWAY) == {
        "received": 1000,
        "queued": 3,
        "write_failures": 0,
        "placed": 988,
        "late": 4,
        "windows": 20,
        "alerts": 2,
        "alert_p50_ms": 5.0,
        "alert_p99_ms": 9.0,
        "backlog_records": 6,
        "backlog_bytes": 1000,
        "backlog_alert": 1,
        "backlog_summary": 5,
        "backlog_event": 0,
        "oldest_s": 90.0,
        "delivered": 10,
        "wire_bytes": 4096,
        "upload_failures": 2,
        "uplink": False,
        "trouble": "timeout",
    }


def test_every_drop_has_its_stage_and_reason() -> None:
    points = health(ACQUIRE, FLOW, DELIVER, NOW)
    drops = {
        (dict(one.tags)["stage"], dict(one.tags)["reason"]): one.fields["count"]
        for one in points
        if one.measurement == DROP
    }
    assert drops == {
        ("intake", "full"): 7,
        ("intake", "refused"): 0,
        ("flow", "clock"): 7,
        ("flow", "unknown_tag"): 1,
        ("outbox", "dropped/summary/outbox_quota"): 8,
        ("influx", "dropped/quota"): 6,
        ("influx", "refused/retention"): 2,
        ("influx", "missed/ring"): 3,
    }


def test_links_are_connections_to_the_plant() -> None:
    points = health(ACQUIRE, FLOW, DELIVER, NOW)
    assert told(points, LINK, link="plc") == {"samples": 900, "reconnects": 2, "errors": 4, "failures": 1}
    assert told(points, LINK, link="io")["reconnects"] == 2, "the first of three connections was none"
    assert len([one for one in points if one.measurement == LINK]) == 2


@pytest.mark.parametrize(("age", "alive"), [(0.4, 1), (6.0, 0)])
def test_a_process_that_says_nothing_is_not_alive(age: float, alive: int) -> None:
    points = health(status(age), {}, DELIVER, NOW)
    fields = told(points, PROCESS, role="acquire")
    assert (fields["alive"], fields["cpu_s"], fields["rss_bytes"]) == (alive, 1.5, 80_000_000)
    assert told(points, PROCESS, role="flow") == {"alive": 0}


def test_a_gateway_that_only_starts_has_points_too() -> None:
    points = health({}, {}, {}, NOW)
    assert all(one.line("site", "gw", NOW) for one in points)
    assert told(points, GATEWAY)["uplink"] is False


def test_lines_have_their_tags_in_order() -> None:
    line = health(ACQUIRE, FLOW, DELIVER, NOW)[1].line("works", "gw-1", NOW + 999)
    assert line.startswith("edge_process,gateway=gw-1,role=acquire,site=works alive=1i,")
    assert line.endswith(f" {NOW}")


def test_drift_is_told_once_a_period_was_judged() -> None:
    new = Standing("c")
    calm = Standing("a", checked=NOW, worst=(("flow.mean", 0.04), ("flow.std", 0.01)))
    stale = Standing("b", "stale", checked=NOW, worst=(("flow.mean", 2.5),))
    facts = DriftFacts()
    for model, standings, want in (
        ("", [], None),
        ("pump@1", [new], None),
        ("pump@1", [new, calm], (0, 0.04)),
        ("pump@2", [stale], (1, 2.5)),
    ):
        facts.tell(model, standings)
        written = json.loads(json.dumps({**FLOW, "drift": facts.facts()}))
        fields = told(health(ACQUIRE, written, DELIVER, NOW), GATEWAY)
        assert ((fields["drifting"], fields["largest_psi"]) if "drifting" in fields else None) == want
