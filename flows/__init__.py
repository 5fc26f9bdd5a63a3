"""What happens to data between a driver and the cloud, written as Bytewax dataflows.

A dataflow is put together from ordinary Bytewax operators (`bytewax.operators`) and these:

    window(step_id, up, WindowSettings(length="10s", every="2s", lateness="3s"))   blocks -> closed windows
        or SessionSettings(gap="30s"), or CountSettings(count=1000)
    featurize(step_id, up, STANDARD)                                              windows -> features
    score(step_id, up, gateway.models)                                            features -> scores
    alert(step_id, samples, scores, alarm_setup(gateway, windows))      samples and scores -> transitions of alarms
    drift(step_id, up, gateway.drift)                                             scores -> events of drift
    sketch(step_id, up)                                                           scores -> with quantile sketches
    summarize(step_id, up)                                                        scores -> summaries

`flows.condition_monitoring` is the standard flow, `flows.press_line` and `flows.vibration_watch` are worked examples.
Every operator is a thin shell over pure functions; `flows.recorded` runs those over a recording, for training.

Words owned here: window, watermark, late, coverage, step.
"""

from __future__ import annotations

from flows.alert import AlarmSetup, AlertSettings, alarm_setup, alert
from flows.blocks import FeatureBlock, LateBlock, ScoredBlock
from flows.data_settings import CountSettings, SessionSettings
from flows.drift import drift
from flows.featurize import featurize
from flows.gateway import Gateway
from flows.score import ScoreStreams, score
from flows.sketch import sketch
from flows.summarize import summarize
from flows.window import WindowStreams, window
from flows.window_block import WindowBlock
from flows.window_settings import WindowSettings

__all__ = [
    "AlarmSetup",
    "AlertSettings",
    "CountSettings",
    "FeatureBlock",
    "Gateway",
    "LateBlock",
    "ScoreStreams",
    "ScoredBlock",
    "SessionSettings",
    "WindowBlock",
    "WindowSettings",
    "WindowStreams",
    "alarm_setup",
    "alert",
    "drift",
    "featurize",
    "score",
    "sketch",
    "summarize",
    "window",
]
