"""Statuses as the processes of a gateway write them, some time ago."""

from __future__ import annotations

from typing import Any

from edge_gateway.verdict import Now

SECOND = 10**9
NOW = Now(1_700_000_000 * SECOND, 5_000 * SECOND, "this boot")


def mono(ago: float) -> int:
    return NOW.mono - round(ago * SECOND)


def status(ago: float = 0.4, **facts: Any) -> dict[str, Any]:
    wall = NOW.wall - round(ago * SECOND)
    return {
        "pid": 7,
        "started": NOW.wall - 600 * SECOND,
        "time": wall,
        "touched": wall,
        "mono": mono(ago),
        "boot": NOW.boot,
        "cpu_s": 1.5,
        "rss_bytes": 80_000_000,
        **facts,
    }


def acquire(ago: float = 0.4, **facts: Any) -> dict[str, Any]:
    given = {
        "received": 1000,
        "dropped": 7,
        "refused": 0,
        "queued": 0,
        "write_failures": 0,
        "sync_failures": 0,
        "driver_failures": {"plc": 1, "io": 0, "(commands)": 0},
        "drivers": {
            "plc": {"samples": 900, "reconnects": 2, "errors": 4},
            "io": {"samples": 100, "connects": 3},
            "(commands)": {"commands": 1},
        },
        "links": {"plc": "", "io": ""},
        "sampled_at": mono(0.5),
        "stored_at": mono(0.5),
        "journal_end": 9_000,
        "journal_past": 6_000,
        "disk_refuses": False,
        "polled": 1.0,
    }
    return status(ago, **{**given, **facts})


def flow(ago: float = 0.4, **facts: Any) -> dict[str, Any]:
    given = {
        "accounts": {
            "a": {"received": 600, "placed": 590, "late": 4, "dropped": {"clock": 6}},
            "b": {"received": 400, "placed": 398, "late": 0, "dropped": {"clock": 1, "unknown_tag": 1}},
        },
        "written": {"summary": 20, "alert": 2, "event": 3},
        "repeats": 0,
        "alerts": [],
        "events": [],
        "drift": {},
        "read": 9_000,
        "read_at": mono(0.5),
        "written_at": mono(5),
        "outbox_full": False,
        "passing": True,
        "lost_after_s": 0,
        "alert_seconds": {"bounds": [0.001, 0.01], "upto": [1, 2, 2], "sum": 0.006},
        "models": [{"name": "pump", "version": "3", "role": "active"}],
    }
    return status(ago, **{**given, **facts})


def deliver(ago: float = 0.4, **facts: Any) -> dict[str, Any]:
    given = {
        "backlog": {
            "alert": {"records": 1, "bytes": 100, "oldest": NOW.wall - 30 * SECOND},
            "summary": {"records": 5, "bytes": 900, "oldest": NOW.wall - 90 * SECOND},
            "event": {"records": 0, "bytes": 0, "oldest": 0},
        },
        "delivered": {"alert": 1, "event": 0, "summary": 9},
        "objects": 2,
        "bytes": 3000,
        "wire": 4096,
        "failures": {"timeout": 2},
        "trouble": "timeout",
        "losses": {"dropped/summary/outbox_quota": 8},
        "set_aside": 1,
        "uplink_up": True,
        "last_success": NOW.wall - 10 * SECOND,
        "targets": {"cloud": target()},
        "influx": {},
    }
    return status(ago, **{**given, **facts})


def target(**facts: Any) -> dict[str, Any]:
    return {
        "delivered": {"alert": 1, "event": 0, "summary": 9},
        "wire": 4096,
        "objects": 2,
        "failures": {"timeout": 2},
        "ledger_failures": 0,
        "seconds": {"bounds": [0.1, 1.0], "upto": [1, 3, 4], "sum": 9.5},
        "trouble": "",
        "uplink_up": True,
        "last_success": NOW.wall - 10 * SECOND,
        "overdue_s": 0.0,
        **facts,
    }


def gateway(**changed: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {"acquire": acquire(), "flow": flow(), "deliver": deliver(), **changed}
