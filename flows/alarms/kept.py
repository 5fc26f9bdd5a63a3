"""The recovery state of an asset's alarms: JSON with a version of ours. Nothing to unpickle.

Version 1 knew two alerts that were open or not, and neither people nor evidence: what was open then is open, and nobody
has acknowledged it. Version 2 knew one model of an asset.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from flows.alarms.alarm import Alarm
from flows.alarms.alarm_json import from_json, to_json
from flows.alarms.behaviour import Behaviour
from flows.alarms.judge import ANOMALY, DATA_QUALITY, Judge, Streak
from flows.alarms.judges import Judges
from flows.alarms.occasion import Opening
from flows.alarms.settings import AlertSettings
from flows.clock_guard import ClockGuard
from flows.errors import StateError
from flows.window_settings import WindowSettings

_VERSION = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is restored from; see `AssetAlarms` for what it means.

    Attributes:
        now: Event time.
        behind: ns.
        clock: `ClockGuard.to_json`; None = nothing is known of it.
        in_maintenance: Yes or no.
        alarms: `alarm_json.to_json` by name.
        judges: `Judges.to_json`.
        watch: State of the rules, b"" = none.
    """

    now: int
    behind: int
    in_maintenance: bool
    alarms: dict[str, Any]
    judges: dict[str, Any]
    watch: bytes
    clock: dict[str, Any] | None = None


def dump(
    *,
    now: int,
    behind: int,
    clock: dict[str, Any],
    in_maintenance: bool,
    alarms: dict[str, Any],
    judges: dict[str, Any],
    watch: bytes,
) -> bytes:
    """As bytes; the fields are those of `Kept`."""
    state = {
        "v": _VERSION,
        "now": now,
        "behind": behind,
        "clock": clock,
        "in_maintenance": in_maintenance,
        "alarms": alarms,
        "judges": judges,
        "watch": base64.b64encode(watch).decode(),
    }
    return json.dumps(state, separators=(",", ":")).encode()


def load(data: bytes) -> Kept:
    """Inverse of `dump`, also of what earlier versions wrote.

    Raises:
        StateError: Another format, or damaged.
    """
    try:
        state = json.loads(data)
        version = state.pop("v")
        if version == 1:
            return _from_version_1(state)
        if version == 2:
            state["judges"] = {"": state.pop("judge")}
        elif version != _VERSION:
            raise StateError("alert", f"version {version} where {_VERSION} is read")
        kept = Kept(**{**state, "watch": base64.b64decode(state["watch"])})
        Judges.from_json(AlertSettings(), kept.judges)
        if kept.clock is not None:
            ClockGuard.from_json(WindowSettings("10s"), kept.clock)
        for name, alarm in kept.alarms.items():
            from_json("", name, Behaviour(), alarm)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StateError("alert", f"damaged ({error})") from error
    return kept


def _from_version_1(state: dict[str, Any]) -> Kept:
    rules = {ANOMALY: state["anomaly"], DATA_QUALITY: state["quality"]}
    alarms: dict[str, Any] = {}
    streaks: dict[str, Streak] = {}
    for name, rule in rules.items():
        opened_at, severity = rule["opened_at"], rule["severity"]
        streaks[name] = Streak(rule["streak"], active=opened_at is not None)
        alarm = Alarm("", name, Behaviour())
        if opened_at is not None:
            alarm.condition = alarm.active = True
            alarm.moved_at = alarm.told_at = opened_at
            alarm.opening = Opening(opened_at, severity, "")
        alarms[name] = to_json(alarm)
    judge = Judge(AlertSettings(), "", streaks[ANOMALY], streaks[DATA_QUALITY]).to_json()
    return Kept(now=0, behind=0, in_maintenance=False, alarms=alarms, judges={"": judge}, watch=b"")
