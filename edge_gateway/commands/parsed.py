"""Texts of options as values; typer tells which option it was that cannot be read."""

from __future__ import annotations

import datetime as dt
import math
import time

import typer


def span(text: str) -> dt.timedelta:
    """A duration such as 10m, 24h."""
    from flows.durations import duration  # noqa: PLC0415 - numpy and more, which `--help` does without

    try:
        return duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def moment(text: str) -> int:
    """Ns since the epoch, of an ISO 8601 time (UTC where it does not say) or of how long ago."""
    try:
        when = dt.datetime.fromisoformat(text)
    except ValueError:
        try:
            ago = span(text)
        except typer.BadParameter as error:
            msg = f"{text!r}: must be a time such as 2026-01-31T08:15:00Z, or how long ago, such as 15min or 2h"
            raise typer.BadParameter(msg) from error
        return time.time_ns() - round(ago.total_seconds() * 1e9)
    since = (when if when.tzinfo else when.replace(tzinfo=dt.UTC)) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    return since // dt.timedelta(microseconds=1) * 1000


def speed(text: str) -> float:
    """Recorded seconds in a second: 60x, 0.5x; inf for max."""
    if text == "max":
        return math.inf
    try:
        value = float(text.removesuffix("x"))
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        msg = f"{text!r}: must be max, or how many times faster than recorded, such as 60x or 0.5x"
        raise typer.BadParameter(msg)
    return value
