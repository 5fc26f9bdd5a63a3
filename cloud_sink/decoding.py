"""Summaries and events read back from what was kept. Pure. Alerts: `alert_decoding`."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud_sink.records import SCHEMA_VERSION, Event, OtherScore, WindowSummary
from cloud_sink.report import Report
from cloud_sink.sketch import Sketches

_DAMAGE = (LookupError, TypeError, AttributeError, OverflowError, RecursionError)
"""What taking apart a body can raise that is sound JSON, and no record."""


def decode_summary(body: bytes) -> WindowSummary:
    """Inverse of `WindowSummary.encode`.

    Raises:
        ValueError: The body was written by a newer schema, is cut short, or is no summary.
    """
    try:
        return _summary(body)
    except _DAMAGE as error:
        msg = f"no summary: {error!r}"
        raise ValueError(msg) from error


def decode_event(body: bytes) -> Event:
    """Inverse of `Event.encode`.

    Raises:
        ValueError: It is no event of this software.
    """
    try:
        found = json.loads(body)
        report = found.get("report")
        return Event(**{**found, "report": None if report is None else Report.from_json(report)})
    except _DAMAGE as error:
        msg = f"no event: {error!r}"
        raise ValueError(msg) from error


def _summary(body: bytes) -> WindowSummary:
    size = int.from_bytes(body[:4], "little")
    head = json.loads(body[4 : 4 + size])
    if head["v"] > SCHEMA_VERSION:
        msg = f"summary of schema {head['v']}, this software reads up to {SCHEMA_VERSION}; upgrade it"
        raise ValueError(msg)
    tags, features = tuple(head["tags"]), tuple(head["features"])
    rows, at = len(tags), 4 + size

    def column(dtype: str, count: int) -> NDArray[Any]:
        nonlocal at
        array = np.frombuffer(body, dtype, count, at)
        at += array.nbytes
        return array

    return WindowSummary(
        head["asset"],
        head["start"],
        head["end"],
        tags,
        features,
        column("<i4", rows),
        column("<i4", rows),
        column("<f4", rows),
        column("<f4", rows * len(features)).reshape(rows, len(features)),
        _number(head["score"]),
        _number(head["threshold"]),
        head["model"],
        head["partial"],
        head.get("backfilled", False),
        tuple(OtherScore(model, _number(score), shadow) for model, score, shadow in head.get("others", ())),
        _sketches(head.get("sketches")),
    )


def _sketches(plain: list[Any] | None) -> Sketches | None:
    if plain is None:
        return None
    since, sizes, buckets, counts = plain
    return Sketches(since, np.array(sizes, np.int64), np.array(buckets, np.int32), np.array(counts, np.int64))


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
