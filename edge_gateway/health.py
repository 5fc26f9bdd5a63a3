"""How the gateway is, as points for dashboards: made from what its three processes say of themselves. Pure.

Counts are cumulative since a process began; a dashboard takes their derivative and leaves out the steps back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloud_sink.influx.lines import Field
from cloud_sink.influx.points import DROP, GATEWAY, LINK, PROCESS, Health
from edge_gateway.drops import drops

Status = Mapping[str, Any]

_STALE_NS = 5 * 10**9
"""A process writes its status twice a second; one that has not for ten times as long has ended or hangs."""


def health(acquire: Status, flow: Status, deliver: Status, now: int) -> list[Health]:
    """Points of one look.

    Args:
        acquire: Status of the process; {} = there is none.
        flow: The same.
        deliver: The same.
        now: Wall clock, ns.
    """
    roles = {"acquire": acquire, "flow": flow, "deliver": deliver}
    return [
        Health(GATEWAY, (), {**_data(acquire, flow), **_delivery(deliver, now)}),
        *(Health(PROCESS, (("role", role),), _process(status, now)) for role, status in roles.items()),
        *_links(acquire),
        *(_drop(stage, reason, count) for (stage, reason), count in drops(acquire, flow, deliver).items()),
    ]


def _data(acquire: Status, flow: Status) -> dict[str, Field]:
    accounts = flow.get("accounts", {}).values()
    latency = sorted(one["latency_ms"] for one in flow.get("alerts", []))
    return {
        "received": _int(acquire, "received"),
        "queued": _int(acquire, "queued"),
        "write_failures": _int(acquire, "write_failures"),
        "placed": sum(int(one["placed"]) for one in accounts),
        "late": sum(int(one["late"]) for one in accounts),
        "windows": _int(flow.get("written", {}), "summary"),
        "alerts": _int(flow.get("written", {}), "alert"),
        **({"alert_p50_ms": _quantile(latency, 0.5), "alert_p99_ms": _quantile(latency, 0.99)} if latency else {}),
        **_drift(flow.get("drift", {})),
    }


def _drift(models: Mapping[str, Any]) -> dict[str, Field]:
    """Of the assets whose last period was judged; nothing before the first one."""
    checked = [asset for assets in models.values() for asset in assets if asset["checked"]]
    if not checked:
        return {}
    largest = [float(psi) for asset in checked for _, psi in asset["worst"][:1]]
    return {"drifting": sum(asset["state"] != "none" for asset in checked), "largest_psi": max(largest, default=0.0)}


def _delivery(deliver: Status, now: int) -> dict[str, Field]:
    lanes = deliver.get("backlog", {})
    oldest = [int(lane["oldest"]) for lane in lanes.values() if lane["oldest"]]
    return {
        "backlog_records": sum(int(lane["records"]) for lane in lanes.values()),
        "backlog_bytes": sum(int(lane["bytes"]) for lane in lanes.values()),
        **{f"backlog_{name}": int(lane["records"]) for name, lane in lanes.items()},
        "oldest_s": max(0.0, (now - min(oldest)) / 1e9) if oldest else 0.0,
        "delivered": sum(map(int, deliver.get("delivered", {}).values())),
        "wire_bytes": _int(deliver, "wire"),
        "upload_failures": sum(map(int, deliver.get("failures", {}).values())),
        "uplink": bool(deliver.get("uplink_up", False)),
        "trouble": str(deliver.get("trouble", "")),
    }


def _process(status: Status, now: int) -> dict[str, Field]:
    written = int(status.get("time", 0))
    fields: dict[str, Field] = {"alive": int(bool(written) and now - written < _STALE_NS)}  # so that they can be added
    for name in ("cpu_s", "rss_bytes"):
        if name in status:
            fields[name] = status[name]
    if status:
        fields["up_s"] = max(0.0, (written - int(status["started"])) / 1e9)
    return fields


def _links(acquire: Status) -> Iterable[Health]:
    for name, counts in acquire.get("drivers", {}).items():
        if name.startswith("("):  # the inbox of commands is a driver, but no link
            continue
        yield Health(
            LINK,
            (("link", name),),
            {
                "samples": _int(counts, "samples"),
                "reconnects": max(0, _int(counts, "reconnects") + _int(counts, "connects") - ("connects" in counts)),
                "errors": _int(counts, "errors"),
                "failures": _int(acquire.get("driver_failures", {}), name),
            },
        )


def _drop(stage: str, reason: str, count: int) -> Health:
    return Health(DROP, (("reason", reason), ("stage", stage)), {"count": count})


def _int(status: Mapping[str, Any], key: str) -> int:
    return int(status.get(key, 0))


def _quantile(values: list[float], share: float) -> float:
    """The nearest rank from above, so that a p99 of few is their largest."""
    return float(values[min(len(values) - 1, int(share * len(values)))])
