"""The text that Prometheus scrapes, read back by its own parser."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from edge_gateway.health import health
from edge_gateway.metrics.exposition import expose
from edge_gateway.metrics.samples import Identity, samples
from edge_gateway.metrics.table import METRICS
from tests.edge_gateway.health.looks import NOW, SECOND, acquire, deliver, flow, gateway, mono, status, target

ME = Identity("works", "gw-1", "0.1.0")
INFLUX = {
    "influx:a/x": {
        "waiting": 4,
        "written": 90,
        "dropped": {"quota": 5},
        "refused": {"retention": 2},
        "missed": {},
        "wire": 1,
        "trouble": "",
    }
}
FULL = {
    **gateway(
        flow=flow(
            inference={"pump": {"seconds": 1.5, "rows": 20}},
            drift={"pump@3": [{"checked": 1, "state": "x", "worst": []}]},
        ),
        deliver=deliver(influx=INFLUX, targets={"cloud": target(), "file": target(uplink_up=False)}),
    ),
    "page": status(),
    "supervisor": status(restarts={"flow": 2}, wedges={"flow": 1}),
}

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scraped(statuses: Mapping[str, Any]) -> Series:
    text, content_type = expose(lambda: samples(statuses, NOW, ME), "")
    assert content_type.startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(text.decode()))
    found = [(one.name, tuple(sorted(one.labels.items())), one.value) for family in families for one in family.samples]
    assert len({one[:2] for one in found}) == len(found), "no series twice"
    return {(name, labels): value for name, labels, value in found}


def test_every_metric_of_the_table_is_there_with_its_kind_and_labels() -> None:
    text, _ = expose(lambda: samples(FULL, NOW, ME), "")
    families = {family.name: family for family in text_string_to_metric_families(text.decode())}
    for metric in METRICS:
        family = families.pop(metric.name.removesuffix("_total"))
        assert family.type == metric.kind, metric.name
        assert family.documentation == metric.meaning
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels), metric.name
    assert not families


def test_counters_are_named_as_counters() -> None:
    assert all(metric.name.endswith("_total") == (metric.kind == "counter") for metric in METRICS)
    assert all(metric.name.startswith("edge_") for metric in METRICS)


def test_what_is_told_is_what_is_served() -> None:
    found = scraped(FULL)
    for name, labels, value in [
        ("edge_info", {"site": "works", "gateway": "gw-1", "version": "0.1.0"}, 1),
        ("edge_healthy", {}, 1),
        ("edge_ready", {}, 1),
        ("edge_process_up", {"role": "flow"}, 1),
        ("edge_process_beat_age_seconds", {"role": "flow"}, 0.4),
        ("edge_process_uptime_seconds", {"role": "flow"}, 600),
        ("edge_process_restarts_total", {"role": "flow"}, 2),
        ("edge_process_wedged_total", {"role": "flow"}, 1),
        ("edge_samples_total", {}, 1000),
        ("edge_link_up", {"link": "plc"}, 1),
        ("edge_link_reconnects_total", {"link": "plc"}, 2),
        ("edge_link_reconnects_total", {"link": "io"}, 2),
        ("edge_link_failures_total", {"link": "plc"}, 1),
        ("edge_placed_samples_total", {}, 988),
        ("edge_late_samples_total", {}, 4),
        ("edge_dropped_total", {"stage": "flow", "reason": "clock"}, 7),
        ("edge_dropped_total", {"stage": "outbox", "reason": "dropped/summary/outbox_quota"}, 8),
        ("edge_dropped_total", {"stage": "influx", "reason": "refused/retention"}, 2),
        ("edge_windows_total", {}, 20),
        ("edge_alert_seconds_bucket", {"le": "0.001"}, 1),
        ("edge_alert_seconds_bucket", {"le": "+Inf"}, 2),
        ("edge_alert_seconds_count", {}, 2),
        ("edge_alert_seconds_sum", {}, 0.006),
        ("edge_model_info", {"name": "pump", "version": "3", "role": "active"}, 1),
        ("edge_inference_rows_total", {"name": "pump"}, 20),
        ("edge_drifting_assets", {}, 1),
        ("edge_outbox_records", {"lane": "summary"}, 5),
        ("edge_outbox_oldest_seconds", {"lane": "summary"}, 90),
        ("edge_outbox_oldest_seconds", {"lane": "event"}, 0),
        ("edge_uplink_up", {"target": "file"}, 0),
        ("edge_delivered_records_total", {"target": "cloud", "lane": "summary"}, 9),
        ("edge_upload_failures_total", {"target": "cloud", "reason": "timeout"}, 2),
        ("edge_upload_seconds_bucket", {"target": "cloud", "le": "1.0"}, 3),
        ("edge_upload_seconds_count", {"target": "cloud"}, 4),
        ("edge_last_delivery_timestamp_seconds", {"target": "cloud"}, NOW.wall / SECOND - 10),
        ("edge_influx_waiting_lines", {"target": "influx:a/x"}, 4),
    ]:
        assert found[name, tuple(sorted(labels.items()))] == pytest.approx(value), (name, labels)


def test_the_drops_are_those_of_the_dashboards() -> None:
    dashboards = {
        (dict(one.tags)["stage"], dict(one.tags)["reason"]): one.fields["count"]
        for one in health(FULL["acquire"], FULL["flow"], FULL["deliver"], NOW.wall)
        if one.measurement == "edge_drop"
    }
    found = {
        (dict(labels)["stage"], dict(labels)["reason"]): value
        for (name, labels), value in scraped(FULL).items()
        if name == "edge_dropped_total"
    }
    assert found == dashboards


def test_a_link_and_a_process_that_are_down() -> None:
    found = scraped(gateway(acquire=acquire(links={"plc": "refused", "io": ""}), flow=flow(31)))
    assert found["edge_link_up", (("link", "plc"),)] == 0
    assert found["edge_process_up", (("role", "flow"),)] == 0
    assert found["edge_healthy", ()] == 0


def test_a_process_is_up_though_the_disk_is_too_full_for_its_status() -> None:
    mute = {**flow(400), "touched": NOW.wall - SECOND}
    found = scraped(gateway(flow=mute))
    assert (found["edge_process_up", (("role", "flow"),)], found["edge_healthy", ()], found["edge_ready", ()]) == (
        1,
        1,
        0,
    )


def test_a_gateway_that_only_starts_says_so_and_invents_no_zeros() -> None:
    found = scraped({})
    assert found.pop(("edge_healthy", ())) == 0
    assert {name for name, _ in found} == {"edge_info", "edge_ready", "edge_process_up"}


def test_openmetrics_for_those_who_ask_for_it() -> None:
    accept = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    text, content_type = expose(lambda: samples(FULL, NOW, ME), accept)
    assert content_type.startswith("application/openmetrics-text")
    assert {family.name for family in openmetrics(text.decode())} >= {"edge_samples", "edge_alert_seconds"}


def test_ten_thousand_tags_of_a_thousand_assets_add_no_series() -> None:
    few, many = (scraped(of_assets(count)) for count in (1, 1000))
    assert set(few) == set(many), Counter(name for name, _ in set(many) ^ set(few))
    assert many["edge_placed_samples_total", ()] == 1000 * few["edge_placed_samples_total", ()]
    assert len(many) < 120


def of_assets(count: int) -> dict[str, dict[str, Any]]:
    """Ten tags each: what a tag adds to a status is in the counts of its link and in the books of its asset."""
    accounts = {
        f"asset-{number}": {"received": 10, "placed": 9, "late": 0, "dropped": {"clock": 1}} for number in range(count)
    }
    alerts = [{"asset": name, "rule": f"{name}/tag-{tag}.limit"} for name in accounts for tag in range(10)]
    drift = {"pump@3": [{"asset": name, "checked": 1, "state": "none", "worst": []} for name in accounts]}
    return gateway(
        flow=flow(accounts=accounts, alerts=alerts[:1000], drift=drift),
        acquire=acquire(received=10 * count, sampled_at=mono(1)),
        deliver=deliver(),
    )
