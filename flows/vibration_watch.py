"""A worked example: a watch over vibration waveforms without any model, with a feature and a limit of our own.

A bearing that begins to fail rings whenever a ball passes the damage, long before the vibration as a whole grows: its
peaks rise against its spread.
"""

from __future__ import annotations

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow

from cloud_sink.records import Event
from flows import FeatureBlock, Gateway, featurize, window
from models.features import Column, FeatureSet, Segments, feature

LIMIT = 6.0  # vibration of a healthy bearing is close to normal noise, which shows 3 to 5 in a thousand samples


@feature("impulse", unit="", formula="max(|x - mean|) / std, 0 where std = 0", source="crest factor without offset")
def impulse(s: Segments) -> Column:
    """Largest swing away from the mean, in standard deviations."""
    std = np.sqrt(s.central_moments[0])
    swing = np.maximum(s.maximum - s.mean, s.mean - s.minimum)
    return np.divide(swing, std, out=np.zeros_like(std), where=std > 0)


RINGING = FeatureSet("ringing", 1, ("std", "impulse"))


def build(gateway: Gateway) -> Dataflow:
    """Windows as configured, two features, and an event wherever a waveform passes the limit."""
    flow = Dataflow("vibration_watch")

    samples = op.input("samples", flow, gateway.source())
    windows = window("window", samples, gateway.windows)
    features = featurize("features", windows.closed, RINGING)
    ringing = op.flat_map_value("ringing", features, ringing_events)
    records = op.merge("records", ringing, windows.events, windows.accounts)
    op.output("outbox", records, gateway.sink())
    return flow


def ringing_events(block: FeatureBlock) -> list[Event]:
    """One event per window and waveform tag above the limit."""
    waveform = np.array([tag.waveform for tag in block.tags.tags], dtype=np.bool_)
    value = block.values[:, :, block.features.index("impulse")]
    return [
        Event(
            asset=block.asset,
            kind="ringing",
            reason=block.tags.names[tag],
            start=int(block.start[row]),
            end=int(block.end[row]),
            source="vibration_watch",
            detail=f"{block.tags.names[tag]} swings {value[row, tag]:.1f} standard deviations; {LIMIT} is the limit.",
        )
        for row, tag in np.argwhere((value > LIMIT) & waveform)
    ]
