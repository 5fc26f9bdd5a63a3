"""The state of one alarm as plain values, without its names and its behaviour: those are configured."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from flows.alarms.alarm import Alarm
from flows.alarms.behaviour import Behaviour
from flows.alarms.cause import Cause
from flows.alarms.occasion import Opening

_GIVEN = ("asset", "name", "behaviour")


def to_json(alarm: Alarm) -> dict[str, Any]:
    """What `from_json` reads."""
    state = {one.name: getattr(alarm, one.name) for one in fields(alarm) if one.name not in _GIVEN}
    return {
        **state,
        "cause": alarm.cause and alarm.cause.to_json(),
        "ending": alarm.ending and alarm.ending.to_json(),
        "opening": alarm.opening and asdict(alarm.opening),
        "opened": list(alarm.opened),
    }


def from_json(asset: str, name: str, behaviour: Behaviour, state: dict[str, Any]) -> Alarm:
    """Inverse of `to_json`; the behaviour may be another one now."""
    cause, ending, opening = state["cause"], state["ending"], state["opening"]
    built = {
        "cause": cause and Cause.from_json(cause),
        "ending": ending and Cause.from_json(ending),
        "opening": opening and Opening(**opening),
    }
    return Alarm(asset, name, behaviour, **{**state, **built})
