"""A worked example: presses, judged every 2 s over the last 10 s, with a rule of our own beside the model.

The rule is made of ordinary Bytewax operators: when a press draws much more current at the end of a window than it did
on average, something is jamming, and the operator should hear of it before the model is sure.
"""

from __future__ import annotations

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow

from cloud_sink.records import Event
from flows import Gateway, ScoredBlock, WindowSettings, alarm_setup, alert, featurize, score, summarize, window

JAM_RATIO = 1.5  # last current over mean current


def build(gateway: Gateway) -> Dataflow:
    """Hopping windows, the model's alerts, summaries, and an event of our own."""
    flow = Dataflow("press_line")

    samples = op.input("samples", flow, gateway.source())
    hopping = WindowSettings(length="10s", every="2s", lateness="3s")
    windows = window("window", samples, hopping)
    scores = score("score", featurize("features", windows.closed, gateway.features), gateway.models)

    alerts = alert("alert", samples, scores.scored, alarm_setup(gateway, hopping))
    summaries = summarize("summary", scores.scored)
    jams = op.map_value("jam_event", op.filter_value("jamming", scores.scored, is_jamming), jam_event)

    records = op.merge("records", alerts, summaries, jams, windows.events, scores.events, windows.accounts)
    op.output("outbox", records, gateway.sink())
    return flow


def jam_rows(block: ScoredBlock) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Windows at whose end the current stands far above its mean."""
    current = block.values[:, block.tags.index("current")]
    mean, last = (current[:, block.features.index(name)] for name in ("mean", "last"))
    return np.flatnonzero(last > JAM_RATIO * mean)


def is_jamming(block: ScoredBlock) -> bool:
    """Whether any window of the block shows it."""
    return "current" in block.tags.names and len(jam_rows(block)) > 0


def jam_event(block: ScoredBlock) -> Event:
    """From the first to the last window that shows it."""
    rows = jam_rows(block)
    start, end = int(block.start[rows[0]]), int(block.end[rows[-1]])
    detail = f"The current ended {len(rows)} windows above {JAM_RATIO} times its mean."
    return Event(block.asset, "jam", "current_rising", start, end, len(rows), "press_line", detail)
