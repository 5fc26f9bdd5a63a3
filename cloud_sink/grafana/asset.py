"""One machine: its tags, its features, its score against the threshold, its alerts."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders.dashboard import Dashboard

from cloud_sink.grafana.frame import alerts_as_annotations, gaps_as_annotations, new
from cloud_sink.grafana.panels import curves, rows
from cloud_sink.grafana.queries import ASSET, SIGNAL, SITE, InfluxQl, over_time, select
from cloud_sink.influx.points import ALERT, FEATURE, SCORE

_ACTIVE = "\"role\" = 'active'"


def asset() -> Dashboard:
    """The dashboard."""
    board = new(
        "sluicegate-asset",
        "Asset",
        "One machine: tags, features, score, alerts",
        "site",
        "asset",
        "signal",
        several=False,
    )
    board = gaps_as_annotations(alerts_as_annotations(board, SITE, ASSET), SITE, ASSET)
    return (
        board.with_panel(
            curves(
                "Score",
                [
                    InfluxQl(over_time('max("score")', SCORE, SITE, ASSET, _ACTIVE, by='"model"'), alias="$tag_model"),
                    InfluxQl(
                        over_time('last("threshold")', SCORE, SITE, ASSET, _ACTIVE, by='"model"'), alias="threshold"
                    ),
                ],
                "Higher is more anomalous; 1 is the threshold. A hole = the model abstained",
                limit=1.0,
                width=24,
            )
        )
        .with_panel(_feature("Mean", "mean", "Mean of each window, of the tags chosen above"))
        .with_panel(_feature("Standard deviation", "std", "Of each window"))
        .with_panel(_feature("Largest", "max", "Of each window"))
        .with_panel(_feature("Smallest", "min", "Of each window"))
        .with_panel(_feature("Root mean square", "rms", "Of each window"))
        .with_panel(_feature("Slope", "slope", "Per second, of each window"))
        .with_panel(
            curves(
                "Samples without a good value",
                [InfluxQl(over_time('sum("n_bad")', FEATURE, SITE, ASSET, SIGNAL, by='"signal"'), alias="$tag_signal")],
                "Uncertain or bad status: counted, not featurized",
                stacked=True,
            )
        )
        .with_panel(
            rows(
                "Alerts and the tags that contributed",
                InfluxQl(
                    select('"rule", "severity", "state", "score", "tags", "detail"', ALERT, SITE, ASSET)
                    + " ORDER BY time DESC LIMIT 100",
                    table=True,
                ),
                "Every change of state; tags that contributed most come first",
                width=12,
                height=8,
            )
        )
    )


def _feature(title: str, name: str, told: str) -> Any:
    query = over_time(f'mean("{name}")', FEATURE, SITE, ASSET, SIGNAL, by='"signal"')
    return curves(title, [InfluxQl(query, alias="$tag_signal")], told)
