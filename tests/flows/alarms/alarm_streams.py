"""What the alarms of an asset are fed with in tests: commands, simple rules, scores as the flow makes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from flows_gateway import MeanScorer, scores_of
from flows_streams import T0, S

from cloud_sink.records import Alert, Event
from connectors.samples import Item, Notice, NoticeKind, SampleBatch
from flows.alarm_settings import AlarmSettings
from flows.alarms import AlarmSetup, AlertSettings, AssetAlarms, Watched
from flows.blocks import ScoredBlock
from flows.conditions import Change
from flows.featurize import features_of
from flows.window_block import WindowBlock
from flows.window_settings import WindowSettings
from flows.window_state import WindowState
from models.features import STANDARD


def command(
    what: str, at: float, alarm: str = "*", until: float = 0, by: str = "anna", asset: str = "press", alert: str = ""
) -> Notice:
    detail = json.dumps({"alarm": alarm, "comment": "because", "alert": alert})
    start, end = T0 + round(at * S), T0 + round(until * S)
    return Notice(NoticeKind.COMMAND, asset, what, start, end, source=by, detail=detail)


@dataclass
class High:
    """Conditions "<tag>" begin when the last value of a tag in a block is above its limit."""

    limits: dict[str, float]
    active: set[str]

    def push(self, block: SampleBatch, latest_ns: int) -> list[Change]:
        out = []
        for name, limit in self.limits.items():
            believed = np.isfinite(block.value) & (block.source_time <= latest_ns)
            rows = np.flatnonzero((block.tag == block.tags.index(name)) & believed)
            if len(rows) and bool(block.value[rows[-1]] > limit) != (name in self.active):
                self.active ^= {name}
                at, value = int(block.source_time[rows[-1]]), float(block.value[rows[-1]])
                out.append(Change(name, name in self.active, at, block.received_time, value, limit, f"{name} is high."))
        return out

    def pass_time(self, now_ns: int, received_ns: int) -> list[Change]:
        """Silence ends what holds."""
        gone, self.active = sorted(self.active), set()
        return [Change(name, False, now_ns, received_ns, 0.0, 0.0) for name in gone]

    def restart_time(self) -> None:
        pass

    def snapshot(self) -> bytes:
        return json.dumps(sorted(self.active)).encode()


def watched(limits: dict[str, float], **alarms: AlarmSettings) -> Watched:
    settings = {name: alarms.get(name, AlarmSettings()) for name in limits}
    return Watched(
        settings, {name: name for name in limits}, lambda kept: High(limits, set(json.loads(kept)) if kept else set())
    )


WINDOWS = WindowSettings("10s", lateness="2s")
ALERTS = AlertSettings(open_after=1, clear_after=1, quality_after=2)
SETUP = AlarmSetup(alerts=ALERTS, windows=WINDOWS)


def with_rules(**alarms: AlarmSettings) -> AlarmSetup:
    return AlarmSetup(alerts=ALERTS, windows=WINDOWS, rules=lambda _: watched({"speed": 5.0, "current": 5.0}, **alarms))


def run(setup: AlarmSetup, *items: Item) -> list[Alert | Event]:
    alarms = AssetAlarms(setup)
    return [record for item in items for record in alarms.push([item])]


def told(records: list[Any]) -> list[tuple[str, str, str, float]]:
    return [(one.rule, one.state, one.alarm_state, (one.at - T0) / S) for one in records if isinstance(one, Alert)]


class Scored:
    """The way from blocks to scores, as the flow goes it for one asset."""

    def __init__(self, windows: WindowSettings, scorer: MeanScorer) -> None:
        self.state, self.scorer = WindowState(windows), scorer

    def push(self, items: list[Item]) -> list[Any]:
        """A pass: all items, then all scored windows that they closed."""
        closed = [out for item in items for out in self.state.push(item) if isinstance(out, WindowBlock)]
        scores: list[ScoredBlock] = scores_of(features_of(closed, STANDARD), lambda asset: self.scorer)
        return [*items, *scores]
