"""The standard flow: every asset is windowed, featurized, scored and summarized; what is abnormal becomes an alert."""

from __future__ import annotations

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from flows.alert import alarm_setup, alert
from flows.drift import drift
from flows.featurize import featurize
from flows.gateway import Gateway
from flows.late import report_late
from flows.score import score
from flows.sketch import sketch
from flows.summarize import summarize
from flows.window import window


def build(gateway: Gateway) -> Dataflow:
    """Put the flow together. Its id and step ids key the recovery state: renaming one is a migration."""
    flow = Dataflow("condition_monitoring")

    samples = op.input("samples", flow, gateway.source())
    windows = window("window", samples, gateway.windows)
    features = featurize("features", windows.closed, gateway.features)
    scores = score("score", features, gateway.models)

    alerts = alert("alert", samples, scores.scored, alarm_setup(gateway, gateway.windows))
    summaries = summarize("summary", sketch("sketch", scores.scored) if gateway.sketches else scores.scored)
    drifts = drift("drift", scores.scored, gateway.drift)
    late = report_late("late", windows.late)

    records = op.merge("records", alerts, summaries, windows.events, scores.events, drifts, late, windows.accounts)
    op.output("outbox", records, gateway.sink())
    return flow
