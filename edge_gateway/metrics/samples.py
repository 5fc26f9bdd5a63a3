"""Values of the metrics, from what the processes say of themselves. Pure.

What a process never told is left out rather than 0: a gateway that only starts has few series.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edge_gateway.drops import drops
from edge_gateway.status import PAGE, ROLES, SUPERVISOR
from edge_gateway.verdict import Now, Status, Statuses, is_alive, judge


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this gateway is."""

    site: str
    gateway: str
    version: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of a counter or gauge.

    Attributes:
        metric: Name in the table.
        value: Finite.
        labels: Values, in the order of the table.
    """

    metric: str
    value: float
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Buckets:
    """A value of a histogram.

    Attributes:
        metric: Name in the table.
        upto: Counts up to each bound, ascending, the last one up to infinity.
        sum: Of all observations.
        labels: Values, in the order of the table.
    """

    metric: str
    upto: tuple[tuple[float, int], ...]
    sum: float
    labels: tuple[str, ...] = ()

    @classmethod
    def of(cls, metric: str, facts: Mapping[str, Any], *labels: str) -> Buckets:
        """As `Histogram.facts` has them."""
        bounds = (*facts["bounds"], math.inf)
        return cls(metric, tuple(zip(bounds, facts["upto"], strict=True)), facts["sum"], labels)


def samples(statuses: Statuses, now: Now, identity: Identity) -> Iterator[Sample | Buckets]:
    """All there is to say at one moment."""
    verdict = judge(statuses, now)
    yield Sample("edge_info", 1, (identity.site, identity.gateway, identity.version))
    yield Sample("edge_healthy", verdict.healthy)
    yield Sample("edge_ready", verdict.ready)
    for role in (*ROLES, PAGE):
        yield from _process(role, statuses.get(role, {}), now)
    for name in ("restarts", "wedged"):
        key = "wedges" if name == "wedged" else name
        for role, count in statuses.get(SUPERVISOR, {}).get(key, {}).items():
            yield Sample(f"edge_process_{name}_total", count, (role,))
    acquire, flow, deliver = (statuses.get(role, {}) for role in ROLES)
    yield from _acquire(acquire, now)
    yield from _flow(flow, now)
    yield from _outbox(deliver, now)
    for name, target in deliver.get("targets", {}).items():
        yield from _target(name, target)
    for name, one in deliver.get("influx", {}).items():
        yield Sample("edge_influx_waiting_lines", one["waiting"], (name,))
        yield Sample("edge_influx_written_lines_total", one["written"], (name,))
    for (stage, reason), count in drops(acquire, flow, deliver).items():
        if acquire or stage != "intake":
            yield Sample("edge_dropped_total", count, (stage, reason))


def _process(role: str, status: Status, now: Now) -> Iterator[Sample]:
    lives = bool(status) and status.get("boot") == now.boot
    age = (now.mono - int(status["mono"])) / 1e9 if lives else 0.0
    if role != PAGE or status:
        yield Sample("edge_process_up", is_alive(status, now), (role,))
    if not lives:
        return
    yield Sample("edge_process_beat_age_seconds", max(0.0, age), (role,))
    yield Sample("edge_process_uptime_seconds", max(0.0, (now.wall - int(status["started"])) / 1e9), (role,))
    yield Sample("edge_process_cpu_seconds_total", status["cpu_s"], (role,))
    yield Sample("edge_process_resident_bytes", status["rss_bytes"], (role,))


def _acquire(status: Status, now: Now) -> Iterator[Sample]:
    if not status:
        return
    yield Sample("edge_samples_total", status.get("received", 0))
    yield from _age("edge_last_sample_age_seconds", status, "sampled_at", now)
    yield Sample("edge_intake_queued_samples", status.get("queued", 0))
    yield from _age("edge_journal_write_age_seconds", status, "stored_at", now)
    yield Sample("edge_journal_write_failures_total", status.get("write_failures", 0))
    yield Sample("edge_journal_sync_failures_total", status.get("sync_failures", 0))
    for link, trouble in status.get("links", {}).items():
        counts = status.get("drivers", {}).get(link, {})
        connects = max(0, counts.get("connects", 0) - 1)
        yield Sample("edge_link_up", not trouble, (link,))
        yield Sample("edge_link_samples_total", counts.get("samples", 0), (link,))
        yield Sample("edge_link_errors_total", counts.get("errors", 0), (link,))
        yield Sample("edge_link_reconnects_total", counts.get("reconnects", 0) + connects, (link,))
        yield Sample("edge_link_failures_total", status.get("driver_failures", {}).get(link, 0), (link,))


def _flow(status: Status, now: Now) -> Iterator[Sample | Buckets]:
    if not status:
        return
    accounts, written = status.get("accounts", {}).values(), status.get("written", {})
    yield Sample("edge_placed_samples_total", sum(int(one["placed"]) for one in accounts))
    yield Sample("edge_late_samples_total", sum(int(one["late"]) for one in accounts))
    for lane, name in (("summary", "windows"), ("alert", "alerts"), ("event", "events")):
        yield Sample(f"edge_{name}_total", written.get(lane, 0))
    if latency := status.get("alert_seconds"):
        yield Buckets.of("edge_alert_seconds", latency)
    yield from _age("edge_flow_read_age_seconds", status, "read_at", now)
    for model in status.get("models", ()):
        yield Sample("edge_model_info", 1, (model["name"], model["version"], model["role"]))
    for name, spent in status.get("inference", {}).items():
        yield Sample("edge_inference_seconds_total", spent["seconds"], (name,))
        yield Sample("edge_inference_rows_total", spent["rows"], (name,))
    drifting = [asset for assets in status.get("drift", {}).values() for asset in assets if asset["checked"]]
    yield Sample("edge_drifting_assets", sum(asset["state"] != "none" for asset in drifting))
    yield Sample("edge_outbox_full", bool(status.get("outbox_full")))


def _outbox(status: Status, now: Now) -> Iterator[Sample]:
    for lane, waiting in status.get("backlog", {}).items():
        oldest = int(waiting["oldest"])
        yield Sample("edge_outbox_records", waiting["records"], (lane,))
        yield Sample("edge_outbox_bytes", waiting["bytes"], (lane,))
        yield Sample("edge_outbox_oldest_seconds", max(0.0, (now.wall - oldest) / 1e9) if oldest else 0.0, (lane,))
    if status:
        yield Sample("edge_outbox_set_aside_records", status.get("set_aside", 0))


def _target(name: str, target: Mapping[str, Any]) -> Iterator[Sample | Buckets]:
    yield Sample("edge_uplink_up", target["uplink_up"], (name,))
    for lane, count in target["delivered"].items():
        yield Sample("edge_delivered_records_total", count, (name, lane))
    yield Sample("edge_delivered_objects_total", target["objects"], (name,))
    yield Sample("edge_egress_bytes_total", target["wire"], (name,))
    yield Buckets.of("edge_upload_seconds", target["seconds"], name)
    for reason, count in target["failures"].items():
        yield Sample("edge_upload_failures_total", count, (name, reason))
    yield Sample("edge_last_delivery_timestamp_seconds", target["last_success"] / 1e9, (name,))
    yield Sample("edge_egress_ledger_failures_total", target["ledger_failures"], (name,))


def _age(metric: str, status: Status, key: str, now: Now) -> Iterator[Sample]:
    if (at := int(status.get(key, 0))) and status.get("boot") == now.boot:
        yield Sample(metric, max(0.0, (now.mono - at) / 1e9))
