"""Alerts: when, which, how long until somebody said that they had seen them."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from cloud_sink.grafana.frame import new
from cloud_sink.grafana.panels import bars, curves, number, rows
from cloud_sink.grafana.plant import OPEN
from cloud_sink.grafana.queries import ASSET, SITE, InfluxQl, over_time, select
from cloud_sink.influx.points import ALERT

_OPENED = "\"state\" = 'opened'"


def alerts() -> Dashboard:
    """The dashboard."""
    board = new("sluicegate-alerts", "Alerts", "Alarms by time, machine and rule", "site", "asset")
    seen = "\"state\" = 'acknowledged'"
    return (
        board.with_panel(number("Opened", InfluxQl(select('count("id")', ALERT, SITE, ASSET, _OPENED)), "In this time"))
        .with_panel(
            number(
                "Acknowledged after",
                InfluxQl(select('mean("open_s")', ALERT, SITE, ASSET, seen)),
                "Mean time from the opening to the acknowledgement, of those acknowledged in this time",
                unit="s",
            )
        )
        .with_panel(
            number(
                "Cleared after",
                InfluxQl(select('mean("open_s")', ALERT, SITE, ASSET, "\"state\" = 'cleared'")),
                "Mean time from the opening to the return to normal",
                unit="s",
            )
        )
        .with_panel(
            number(
                "Shelved",
                InfluxQl(select('count("id")', ALERT, SITE, ASSET, "\"state\" = 'shelved'")),
                "Times somebody put an alarm aside for a while",
            )
        )
        .with_panel(
            curves(
                "Openings",
                [
                    InfluxQl(
                        over_time('count("id")', ALERT, SITE, ASSET, _OPENED, by='"severity"', fill="0"),
                        alias="$tag_severity",
                    )
                ],
                "By severity",
                stacked=True,
            )
        )
        .with_panel(
            bars(
                "By machine",
                InfluxQl(select('count("id")', ALERT, SITE, ASSET, _OPENED, by='"asset"'), table=True),
                "Openings in this time",
            )
        )
        .with_panel(rows("Open now", InfluxQl(OPEN, table=True), "Their last word in this time is that they are open"))
        .with_panel(
            rows(
                "All changes",
                InfluxQl(
                    select(
                        '"asset", "rule", "severity", "state", "alarm_state", "score", "by", "detail", "id"',
                        ALERT,
                        SITE,
                        ASSET,
                    )
                    + " ORDER BY time DESC LIMIT 500",
                    table=True,
                ),
                "Every change of state, the latest first",
                height=12,
            )
        )
    )
