"""Plant overview: which machines are well, what is open, how good the data is."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from cloud_sink.grafana.frame import alerts_as_annotations, new
from cloud_sink.grafana.panels import BAD, DOUBT, GOOD, curves, number, rows, state, stripes
from cloud_sink.grafana.queries import ASSET, SITE, InfluxQl, over_time, select
from cloud_sink.influx.points import ALERT, EVENT, FEATURE, GATEWAY, SCORE

OPEN = (
    'SELECT "now", "detail", "score", "tags" FROM (SELECT last("alarm_state") AS "now", "detail", "score", "tags" '
    f'FROM "{ALERT}" WHERE {SITE} AND {ASSET} AND $timeFilter GROUP BY "asset", "rule", "severity") '
    'WHERE "now" =~ /UNACK|ACKED|RTNUN/ GROUP BY "asset", "rule", "severity"'
)
"""Alarms whose last word within the time range is that they are open (ANSI/ISA-18.2: UNACK, ACKED, RTNUN)."""


def plant() -> Dashboard:
    """The dashboard."""
    board = new("sluicegate-plant", "Plant overview", "Machines, open alerts, quality of the data", "site", "asset")
    board = alerts_as_annotations(board, SITE, ASSET)
    active = "\"role\" = 'active'"
    return (
        board.with_panel(
            number(
                "Assets",
                InfluxQl(
                    f'SELECT count("n") FROM (SELECT last("n") AS "n" FROM "{FEATURE}" '
                    f'WHERE {SITE} AND {ASSET} AND $timeFilter GROUP BY "asset")'
                ),
                "Machines that sent a window in this time",
            )
        )
        .with_panel(
            number(
                "Worst score",
                InfluxQl(
                    f'SELECT max("score") FROM (SELECT last("score") AS "score" FROM "{SCORE}" '
                    f'WHERE {SITE} AND {ASSET} AND {active} AND $timeFilter GROUP BY "asset", "model")'
                ),
                "Largest of the last scores; 1 is the threshold",
                steps=[(0.8, DOUBT), (1.0, BAD)],
            )
        )
        .with_panel(
            number(
                "Alerts opened",
                InfluxQl(select('count("id")', ALERT, SITE, ASSET, "\"state\" = 'opened'")),
                "In this time",
            )
        )
        .with_panel(
            state(
                "Uplink",
                InfluxQl(select('last("uplink")', GATEWAY, SITE)),
                "Whether the last delivery reached the cloud; work goes on without it",
                {
                    "true": ("up", GOOD),
                    "false": ("down, holding", DOUBT),
                    "1": ("up", GOOD),
                    "0": ("down, holding", DOUBT),
                },
            )
        )
        .with_panel(
            rows("Open alerts", InfluxQl(OPEN, table=True), "Their last word in this time is that they are open")
        )
        .with_panel(
            stripes(
                "State of each machine",
                InfluxQl(over_time('max("score")', SCORE, SITE, ASSET, active, by='"asset"'), alias="$tag_asset"),
                "Largest score of its models; 1 is the threshold. No stripe = no data, or the model abstained",
                [(0.8, DOUBT), (1.0, BAD)],
            )
        )
        .with_panel(
            curves(
                "Good samples",
                [
                    InfluxQl(
                        over_time('sum("n") / (sum("n") + sum("n_bad"))', FEATURE, SITE, ASSET, by='"asset"'),
                        alias="$tag_asset",
                    )
                ],
                "Share of samples with good status",
                unit="percentunit",
            )
        )
        .with_panel(
            rows(
                "Events",
                InfluxQl(
                    select('"kind", "reason", "asset", "count", "detail"', EVENT, SITE)
                    + " ORDER BY time DESC LIMIT 50",
                    table=True,
                ),
                "Gaps, drops, changes of models: what happened to the data",
                width=12,
            )
        )
    )
