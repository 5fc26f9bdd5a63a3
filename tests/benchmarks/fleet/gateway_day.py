"""A day of one gateway as the objects that it delivers: the real records, encoders and keys on a made-up clock.

Features are noise around a level, which is about the worst there is to compress. What happens in the day: reports once
an hour, some alarms that open and clear, a late event; one gateway in twenty is offline for three hours and sends what
it kept afterwards, in larger objects; one in fifty falls silent at noon.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from cloud_sink.batch import Batch, Row, batch_id
from cloud_sink.objects import CloudObject, build_object
from cloud_sink.records import Alert, Event, Lane, Record, WindowSummary
from cloud_sink.report import KIND, Report
from cloud_sink.settings import BatchSettings, Naming
from models.features import STANDARD

NS = 10**9
MINUTE = 60 * NS
HOUR = 60 * MINUTE
DAY = datetime(2026, 1, 31, tzinfo=UTC)
START = int(DAY.timestamp()) * NS
SOFTWARE = "0.1.0"
BUCKET_MINUTES = 15  # [outbox] summary_file
ALARMS = 2  # a day and gateway


@dataclass(frozen=True)
class Size:
    """Of each gateway."""

    assets: int = 1
    tags: int = 8


@dataclass(frozen=True)
class Sent:
    """An object, and when it arrives."""

    sent: CloudObject
    arrived: int


def site_of(number: int, sites: int) -> str:
    return f"site-{number % sites:03}"


def goes_silent(number: int) -> bool:
    return number % 50 == 7


def is_offline(number: int) -> bool:
    return number % 20 == 3


def last_moment(number: int) -> int:
    return START + (12 if goes_silent(number) else 24) * HOUR


def gateway_day(number: int, naming: Naming, size: Size) -> Iterator[Sent]:
    """All objects of the day, in no order."""
    chance = np.random.default_rng(number)
    until = last_moment(number)
    offline = (START + 14 * HOUR, START + 17 * HOUR) if is_offline(number) else (0, 0)

    def arrival(ready: int) -> int:
        return offline[1] + 5 * NS if offline[0] <= ready < offline[1] else ready + NS

    for bucket in range(24 * 60 // BUCKET_MINUTES):
        first = START + bucket * BUCKET_MINUTES * MINUTE
        ready = first + (BUCKET_MINUTES + 2) * MINUTE
        if ready < until:
            yield Sent(_object(_windows(chance, first, size, number), naming), arrival(ready))
    together: dict[Lane, list[Record]] = {Lane.ALERT: [], Lane.EVENT: []}
    for record in (*_alerts(chance, number), *_events(number)):
        if record.time >= until:
            continue
        if offline[0] <= record.time < offline[1]:
            together[record.lane].append(record)
        else:
            yield Sent(_object([record], naming), arrival(record.time))
    for records in together.values():
        most = BatchSettings().rows
        for begin in range(0, len(records), most):
            yield Sent(_object(records[begin : begin + most], naming), offline[1] + NS)


def write(folder: Path, found: Sent) -> None:
    """As the `file` target names it, without its fsyncs: thousands of disks do not fsync one after the other."""
    path = folder / found.sent.key
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:  # a key that is there already would be a collision
        file.write(found.sent.data)
    os.utime(path, ns=(found.arrived, found.arrived))


def _object(records: list[Record], naming: Naming) -> CloudObject:
    rows = tuple(Row(seq, one.key, one.time, one.encode()) for seq, one in enumerate(records))
    return build_object(Batch(batch_id(row.key for row in rows), records[0].lane, rows), naming)


def _windows(chance: np.random.Generator, first: int, size: Size, number: int) -> list[Record]:
    shape = (size.assets, BUCKET_MINUTES, size.tags, len(STANDARD.features))
    values = (100 + chance.normal(0, 1, shape)).astype(np.float32)
    scores = chance.uniform(0, 1, shape[:2])
    counts = np.full(size.tags, 600, np.int32)
    return [
        WindowSummary(
            f"machine-{number}-{asset}",
            first + minute * MINUTE,
            first + (minute + 1) * MINUTE,
            tuple(f"tag-{tag}" for tag in range(size.tags)),
            STANDARD.features,
            counts,
            np.zeros(size.tags, np.int32),
            np.ones(size.tags, np.float32),
            values[asset, minute],
            float(scores[asset, minute]),
            1.0,
            "machine@3",
        )
        for asset in range(size.assets)
        for minute in range(BUCKET_MINUTES)
    ]


def _alerts(chance: np.random.Generator, number: int) -> Iterator[Record]:
    for minute in sorted(chance.choice(23 * 60, ALARMS, replace=False)):
        opened = START + int(minute) * MINUTE
        told = {"contributions": (("tag-1", 0.7), ("tag-2", 0.3)), "detail": "Unlike anything in the training."}
        base = (f"machine-{number}-0", "anomaly")
        yield Alert(
            *base, "opened", "alarm", 1.7, 1.0, "machine@3", opened, opened, opened, alarm_state="UNACK", **told
        )
        at = opened + 20 * MINUTE
        yield Alert(*base, "cleared", "alarm", 0.4, 1.0, "machine@3", opened, at, at, alarm_state="NORM", **told)


def _events(number: int) -> Iterator[Record]:
    yield Event(f"machine-{number}-0", "late", "late", START + 5 * HOUR, START + 5 * HOUR + MINUTE, 12, "window")
    offset = number * 7919 % 3600 * NS  # they do not all report at the same moment
    for hour in range(24):
        end = START + hour * HOUR + offset
        report = Report(
            SOFTWARE,
            f"{number:016x}",
            f"{number:08x}",
            hour * 3600,
            3600,
            received=hour * 3600 * 80,
            late=12,
            models=(("machine@3", "active", 1),),
            backlog=(("summary", 15, 600),),
        )
        told = "0 alarms, 15 records waiting, 12 late samples; version 0.1.0."
        yield Event("", KIND, "regular", end - HOUR, end, 0, f"{number:016x}", told, report)
