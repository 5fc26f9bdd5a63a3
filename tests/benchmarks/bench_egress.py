"""What leaves the site in a day of 64 signals at 10 Hz with windows of 60 s, beside what the raw samples would be.

The day runs through the standard flow with a trained model; its records become the objects that a target gets. The raw
forms are encoded for real: Parquet over four whole hours, texts over a stretch of them, both scaled to the day. Sizes
are of contents; HTTP headers, TLS and TCP come on top of all forms alike.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from egress import day
from egress.gateway import objects_of, records_of_the_day
from egress.raw import parquet_sizes, text_sizes

from cloud_sink.lake.compact import merge_summaries
from cloud_sink.records import Lane, WindowSummary
from cloud_sink.settings import BatchSettings

SAMPLES = day.HOURS * 3600 * day.HERTZ * sum(map(len, day.TABLES))
HOURS = (0, 7, 13, 20)  # that the raw forms are measured on
PART = 60  # of an hour as texts
MOST_BYTES = 5_000_000
GOALS = {"JSON over MQTT QoS 1, a message a sample": 1500.0}
BEST_PARQUET = 30.0


def run() -> list[dict[str, Any]]:
    sketched = records_of_the_day()
    records = [replace(one, sketches=None) if isinstance(one, WindowSummary) else one for one in sketched]
    objects = objects_of(records, BatchSettings(), together=1)  # each alert by itself: it never waits for another
    total = sum(len(sent.data) for sent in objects)
    return [
        _sent(objects, total),
        _sketches(sketched, total),
        _compacted([sent.data for sent in objects if sent.lane is Lane.SUMMARY]),
        *(_alerts(records, together) for together in (1, 200)),
        *_raw(total),
    ]


def _sent(objects: list[Any], total: int) -> dict[str, Any]:
    size = {lane: sum(len(sent.data) for sent in objects if sent.lane is lane) for lane in Lane}
    return {
        "name": "egress: all that is delivered of 64 signals x 10 Hz, windows of 60 s",
        "figure": total / 1e6,
        "unit": "MB a day",
        "against": f"{SAMPLES:,} samples",
        "ratio": None,
        "goal": f"<= {MOST_BYTES / 1e6:g} MB",
        "met": total <= MOST_BYTES,
        **{f"{lane.name.lower()} lane, MB": size[lane] / 1e6 for lane in Lane},
        "objects": len(objects),
        "windows": sum(sent.records for sent in objects if sent.lane is Lane.SUMMARY),
    }


def _sketches(records: list[Any], total: int) -> dict[str, Any]:
    size = sum(len(sent.data) for sent in objects_of(records, BatchSettings(), together=1))
    found = [record.sketches for record in records if isinstance(record, WindowSummary) and record.sketches is not None]
    count = sum(len(one.sizes) for one in found)
    return {
        "name": "egress: the same with a quantile sketch of each tag and hour",
        "figure": size / 1e6,
        "unit": "MB a day",
        "against": f"without: {total / 1e6:.2f} MB",
        "ratio": size / total,
        "goal": f"<= {MOST_BYTES / 1e6:g} MB",
        "met": size <= MOST_BYTES,
        "B a sketch": (size - total) / count,
        "buckets a sketch": sum(len(one.counts) for one in found) / count,
    }


def _compacted(files: list[bytes]) -> dict[str, Any]:
    """At the other end, never on a gateway."""
    data, rows, _ = merge_summaries(files, "riverside", "1", "the day")
    size = sum(map(len, files))
    return {
        "name": "egress: the summaries of the day merged into one file by `sluicegate compact`",
        "figure": len(data) / 1e6,
        "unit": "MB",
        "against": f"{len(files)} files as delivered: {size / 1e6:.2f} MB",
        "ratio": len(data) / size,
        "goal": "",
        "met": None,
        "rows": rows,
    }


def _alerts(records: list[Any], together: int) -> dict[str, Any]:
    alerts = [record for record in records if record.lane is Lane.ALERT]
    sent = objects_of(alerts, BatchSettings(), together)
    plain = sum(len(alert.encode()) for alert in alerts)
    size = sum(len(each.data) for each in sent)
    return {
        "name": f"egress: an alert with its evidence, {together} an object",
        "figure": size / max(1, len(alerts)),
        "unit": "B",
        "against": f"its JSON: {plain / max(1, len(alerts)):,.0f} B",
        "ratio": plain / max(1, size),
        "goal": "",
        "met": None,
        "alerts": len(alerts),
    }


def _raw(total: int) -> list[dict[str, Any]]:
    measured = [{**text_sizes(hour, PART), **parquet_sizes(hour)} for hour in HOURS]
    day_of = {name: float(np.mean([one[name] for one in measured])) * SAMPLES for name in measured[0]}
    best = min((name for name in day_of if "Parquet" in name), key=day_of.__getitem__)
    return [
        _form(name, size, total, BEST_PARQUET if name == best else GOALS.get(name)) for name, size in day_of.items()
    ]


def _form(name: str, size: float, total: int, goal: float | None) -> dict[str, Any]:
    return {
        "name": f"egress: {name}",
        "figure": size / 1e6,
        "unit": "MB a day",
        "against": f"{size / SAMPLES:.2f} B a sample; delivered is 1/ratio of it",
        "ratio": size / total,
        "goal": "" if goal is None else f">= {goal:,.0f} x",
        "met": None if goal is None else size / total >= goal,
    }


if __name__ == "__main__":
    for result in run():
        print(result)
