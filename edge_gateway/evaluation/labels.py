"""Which windows of a recording are anomalous: by a column of it, or by a table of events."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from connectors.samples import Item, SampleBatch
from connectors.tags import TagTable
from edge_gateway.recordings import LABELS, RecordingRefused
from models.feature_rows import FeatureRows

_NS = 10**9


def label_of(table: TagTable, asked: str | None) -> str | None:
    """The tag that holds the labels; None = none of the usual names is there.

    Raises:
        RecordingRefused: The one that was asked for is not there.
    """
    if asked is None:
        return next((name for name in table.names if name.lower() in LABELS), None)
    if asked not in table.names:
        raise RecordingRefused(f"--label {asked}: is not there; it has {', '.join(table.names)}")
    return asked


def labelled(rows: FeatureRows, items: Sequence[Item], label: str) -> NDArray[np.bool_]:
    """Windows with a sample of the label above 0, bool[n]; windows and items are of one asset."""
    parts = [_raised(item, label) for item in items if isinstance(item, SampleBatch)]
    when = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *parts]))
    truth: NDArray[np.bool_] = np.searchsorted(when, rows.starts) < np.searchsorted(
        when, rows.starts + rows.window_length_ns
    )
    return truth


def in_events(rows: FeatureRows, events: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Windows that share time with an event, bool[n]; events int64[events, 2], ns, their ends included."""
    truth = np.zeros(len(rows), dtype=np.bool_)
    for start, end in events:
        truth |= (rows.starts + rows.window_length_ns > start) & (rows.starts <= end)
    return truth


def read_events(path: Path) -> NDArray[np.int64]:
    """Start and end of each event, ns since the epoch, int64[events, 2], from a CSV with the columns start and end.

    Times are ISO 8601 (UTC where they do not say) or seconds since the epoch.

    Raises:
        RecordingRefused: It is no such table.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    events = []
    for number, line in enumerate(lines, 2):
        try:
            start, end = (_time_ns(line[key].strip()) for key in ("start", "end"))
        except (KeyError, AttributeError, ValueError) as error:
            rule = "needs the columns start and end, as ISO 8601 or seconds since the epoch"
            raise RecordingRefused(f"--events {path}, line {number}: {rule} ({error})") from error
        if end < start:
            raise RecordingRefused(f"--events {path}, line {number}: ends before it starts")
        events.append((start, end))
    return np.array(events, dtype=np.int64).reshape(-1, 2)


def _raised(batch: SampleBatch, label: str) -> NDArray[np.int64]:
    if label not in batch.tags.names:
        return np.empty(0, dtype=np.int64)
    here = (batch.tag == batch.tags.names.index(label)) & (batch.value > 0)
    when: NDArray[np.int64] = batch.source_time[here]
    return when


def _time_ns(text: str) -> int:
    try:
        return round(float(text) * _NS)
    except ValueError:
        when = datetime.fromisoformat(text)
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return round(when.timestamp() * 1e6) * 1000  # µs are all that a datetime knows
