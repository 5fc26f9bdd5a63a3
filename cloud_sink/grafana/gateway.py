"""The gateway itself: what comes in, what is lost and why, what waits, what left, what it costs."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from cloud_sink.grafana.frame import gaps_as_annotations, new
from cloud_sink.grafana.panels import BAD, DOUBT, GOOD, curves, number, rows, state
from cloud_sink.grafana.queries import GATEWAY as ONE
from cloud_sink.grafana.queries import SITE, InfluxQl, over_time, rate, select
from cloud_sink.influx.points import DROP, EVENT, GATEWAY, LINK, PROCESS, SCORE

_ETA = (
    'SELECT "waits" / "leaves" AS "eta" FROM (SELECT last("backlog_records") AS "waits", '
    f'non_negative_derivative(last("delivered"), 1s) AS "leaves" FROM "{GATEWAY}" '
    f'WHERE {SITE} AND {ONE} AND $timeFilter GROUP BY time($__interval), "gateway" fill(null)) WHERE "leaves" > 0 '
    'GROUP BY "gateway"'
)


def gateway() -> Dashboard:
    """The dashboard."""
    board = new("sluicegate-gateway", "Gateway", "The gateway's own health", "site", "gateway")
    board = gaps_as_annotations(board, SITE)
    board = _first_row(board)
    return _cost(_delivery(_data(board)))


def _first_row(board: Dashboard) -> Dashboard:
    last = {name: InfluxQl(select(f'last("{name}")', GATEWAY, SITE, ONE)) for name in ("uplink", "oldest_s", "late")}
    alive = InfluxQl(
        f'SELECT sum("alive") FROM (SELECT last("alive") AS "alive" FROM "{PROCESS}" '
        f'WHERE {SITE} AND {ONE} AND $timeFilter GROUP BY "gateway", "role")'
    )
    up = {"true": ("up", GOOD), "false": ("down, holding", DOUBT), "1": ("up", GOOD), "0": ("down, holding", DOUBT)}
    return (
        board.with_panel(
            number(
                "Processes",
                alive,
                "Of three a gateway: acquire, flow, deliver; as last told in this time",
                steps=[(0, BAD), (3, GOOD)],
            )
        )
        .with_panel(state("Uplink", last["uplink"], "Whether the last delivery reached the cloud", up))
        .with_panel(
            number(
                "Oldest that waits",
                last["oldest_s"],
                "Age of the oldest record in the outbox",
                unit="s",
                steps=[(3600, DOUBT), (86_400, BAD)],
            )
        )
        .with_panel(number("Late samples", last["late"], "Came after their window had closed", steps=[(1, DOUBT)]))
    )


def _data(board: Dashboard) -> Dashboard:
    return (
        board.with_panel(
            curves(
                "Samples",
                [
                    InfluxQl(rate("received", GATEWAY, SITE, ONE, by='"gateway"'), alias="$tag_gateway received"),
                    InfluxQl(rate("placed", GATEWAY, SITE, ONE, by='"gateway"'), alias="$tag_gateway placed"),
                ],
                "A second: acquired, and placed in a window",
                unit="cps",
            )
        )
        .with_panel(
            curves(
                "Dropped",
                [InfluxQl(rate("count", DROP, SITE, ONE, by='"stage", "reason"'), alias="$tag_stage: $tag_reason")],
                "A second, by stage and reason; nothing is lost without being counted",
                unit="cps",
            )
        )
        .with_panel(
            curves(
                "Connections to the plant",
                [InfluxQl(rate("samples", LINK, SITE, ONE, by='"link"'), alias="$tag_link")],
                "Samples a second of each",
                unit="cps",
            )
        )
        .with_panel(
            curves(
                "Reconnects and errors",
                [
                    InfluxQl(
                        over_time('last("reconnects")', LINK, SITE, ONE, by='"link"'), alias="$tag_link reconnects"
                    ),
                    InfluxQl(over_time('last("errors")', LINK, SITE, ONE, by='"link"'), alias="$tag_link errors"),
                ],
                "Since the start",
            )
        )
    )


def _delivery(board: Dashboard) -> Dashboard:
    waiting = ("alert", "event", "summary")
    return (
        board.with_panel(
            curves(
                "Waiting",
                [InfluxQl(over_time(f'last("backlog_{lane}")', GATEWAY, SITE, ONE), alias=lane) for lane in waiting],
                "Records in the outbox, by lane: alerts go first",
                stacked=True,
            )
        )
        .with_panel(
            curves(
                "Outbox",
                [
                    InfluxQl(
                        over_time('last("backlog_bytes")', GATEWAY, SITE, ONE, by='"gateway"'), alias="$tag_gateway"
                    )
                ],
                "Size of what waits",
                unit="bytes",
            )
        )
        .with_panel(
            curves(
                "Empty in", [InfluxQl(_ETA, alias="$tag_gateway")], "At the rate of now; only while it drains", unit="s"
            )
        )
        .with_panel(
            curves(
                "Sent",
                [InfluxQl(rate("wire_bytes", GATEWAY, SITE, ONE, by='"gateway"'), alias="$tag_gateway")],
                "Bytes a second to the cloud, headers and failed attempts included; each is in the egress ledger",
                unit="Bps",
            )
        )
    )


def _cost(board: Dashboard) -> Dashboard:
    return (
        board.with_panel(
            curves(
                "Alert latency",
                [
                    InfluxQl(over_time('last("alert_p50_ms")', GATEWAY, SITE, ONE), alias="p50"),
                    InfluxQl(over_time('last("alert_p99_ms")', GATEWAY, SITE, ONE), alias="p99"),
                ],
                "From the deciding sample to the alert on disk, of the last 1,000 alerts",
                unit="ms",
            )
        )
        .with_panel(
            curves(
                "CPU",
                [InfluxQl(rate("cpu_s", PROCESS, SITE, ONE, by='"role"'), alias="$tag_role")],
                "Cores in use, by process",
                unit="percentunit",
                stacked=True,
            )
        )
        .with_panel(
            curves(
                "Memory",
                [InfluxQl(over_time('last("rss_bytes")', PROCESS, SITE, ONE, by='"role"'), alias="$tag_role")],
                "Resident, by process",
                unit="bytes",
                stacked=True,
            )
        )
        .with_panel(
            rows(
                "Model versions",
                InfluxQl(
                    select('last("model_version") AS "version"', SCORE, SITE, by='"asset", "model", "role"'), table=True
                ),
                "That scored last, by machine",
                width=12,
                height=8,
            )
        )
        .with_panel(
            rows(
                "Events",
                InfluxQl(
                    select('"kind", "reason", "asset", "source", "count", "detail"', EVENT, SITE)
                    + " ORDER BY time DESC LIMIT 100",
                    table=True,
                ),
                "What happened to the data and the gateway",
                width=12,
                height=8,
            )
        )
    )
