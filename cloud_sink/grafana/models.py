"""Models: what they say, whether they still fit, and what a shadow would have said."""

from __future__ import annotations

from grafana_foundation_sdk.builders.dashboard import Dashboard

from cloud_sink.grafana.frame import new
from cloud_sink.grafana.panels import curves, distribution, rows
from cloud_sink.grafana.queries import ASSET, MODEL, SITE, InfluxQl, over_time, select
from cloud_sink.influx.points import EVENT, SCORE

_ROLE = '"role"'


def models() -> Dashboard:
    """The dashboard."""
    board = new("sluicegate-models", "Models", "Scores, drift, shadow against active", "site", "asset", "model")
    return (
        board.with_panel(
            rows(
                "In use",
                InfluxQl(
                    select(
                        'last("model_version") AS "version", "score", "threshold"',
                        SCORE,
                        SITE,
                        ASSET,
                        MODEL,
                        by='"asset", "model", "role"',
                    ),
                    table=True,
                ),
                "Version that scored last, by machine; a shadow scores without alarming",
            )
        )
        .with_panel(
            distribution(
                "Scores of active models",
                InfluxQl(select('"score"', SCORE, SITE, ASSET, MODEL, "\"role\" = 'active'")),
                "1 is the threshold; a heap close below it is a machine that has changed, or a limit too tight",
            )
        )
        .with_panel(
            distribution(
                "Scores of shadows",
                InfluxQl(select('"score"', SCORE, SITE, ASSET, MODEL, "\"role\" = 'shadow'")),
                "The same windows, as the model to come would have scored them",
            )
        )
        .with_panel(
            curves(
                "Shadow against active",
                [
                    InfluxQl(
                        over_time('mean("score")', SCORE, SITE, ASSET, MODEL, by=f'"asset", "model", {_ROLE}'),
                        alias="$tag_asset $tag_model $tag_role",
                    )
                ],
                "Mean score of each interval",
                limit=1.0,
            )
        )
        .with_panel(
            curves(
                "Windows without a score",
                [
                    InfluxQl(
                        over_time(
                            'count("threshold")',
                            SCORE,
                            SITE,
                            ASSET,
                            MODEL,
                            '"abstained" = true',
                            by='"asset", "model"',
                            fill="0",
                        ),
                        alias="$tag_asset $tag_model",
                    )
                ],
                "The model abstained: too little or too poor data, or it is warming up",
                stacked=True,
            )
        )
        .with_panel(
            rows(
                "Drift and changes",
                InfluxQl(
                    select(
                        '"kind", "reason", "asset", "source", "detail"', EVENT, SITE, ASSET, '"kind" =~ /drift|model/'
                    )
                    + " ORDER BY time DESC LIMIT 100",
                    table=True,
                ),
                "Data that moved away from what a model was trained on; models that were changed, and why",
            )
        )
    )
