"""The kinds of windows: their settings, and what makes open windows of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flows.data_settings import CountSettings, SessionSettings
from flows.data_windows import CountWindows, SessionWindows
from flows.grid_windows import GridWindows
from flows.open_windows import OpenWindows
from flows.timing import Timing
from flows.window_settings import WindowSettings

AnyWindowSettings = WindowSettings | SessionSettings | CountSettings


def open_windows(settings: AnyWindowSettings) -> OpenWindows:
    """Windows of a kind, none of them open yet."""
    if isinstance(settings, SessionSettings):
        return SessionWindows(settings)
    if isinstance(settings, CountSettings):
        return CountWindows(settings)
    return GridWindows(settings)


def settings_of(shape: Mapping[str, Any], timing: Timing) -> AnyWindowSettings:
    """Settings of a shape, inverse of their `shape()`, with lateness and the like of others.

    Raises:
        KeyError: The shape lacks something.
        ValueError: It is not one.
    """
    rest = {name: getattr(timing, name) for name in ("lateness", "allowed_skew", "follow_after")}
    match shape.get("kind", "window"):  # the first version of the state knew only this kind
        case "window":
            align = _duration(shape.get("align_us", 0))
            return WindowSettings(_duration(shape["length_us"]), _duration(shape["every_us"]), align=align, **rest)
        case "session":
            return SessionSettings(_duration(shape["gap_us"]), _duration(shape["max_length_us"]), **rest)
        case "count":
            return CountSettings(shape["count"], shape["tag"], _duration(shape["max_length_us"]), **rest)
        case kind:
            msg = f"windows of kind {kind!r} are not known"
            raise ValueError(msg)


def _duration(microseconds: int) -> timedelta:
    return timedelta(microseconds=microseconds)
