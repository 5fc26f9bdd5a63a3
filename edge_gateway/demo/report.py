"""What the demo proved, counted from what lies on the disk rather than from what a process said of itself."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cloud_sink.outbox.stat import read_stat
from cloud_sink.parquet import read_summaries
from connectors.journal.reader import JournalReader
from connectors.samples import SampleBatch
from edge_gateway.demo.files import DemoFiles
from edge_gateway.demo.wire_cost import mqtt_json_bytes
from edge_gateway.layout import Layout


@dataclass(slots=True)
class Told:
    """What the story knows and the disk does not.

    Attributes:
        faults: name, asset, at (seconds since the demo began), detected_after_s (None = not detected).
        outage: seconds, backlog_records, drained_in_s, alerts_first.
        written: Keys the flow wrote into the outbox, by lane.
        false_alarms: Alerts nobody injected a fault for.
    """

    faults: list[dict[str, Any]] = field(default_factory=list)
    outage: dict[str, Any] = field(default_factory=dict)
    written: Mapping[str, int] = field(default_factory=dict)
    false_alarms: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Delivered:
    """What lies in the target.

    Attributes:
        keys: How often each record is there.
        size: Bytes of all objects.
        objects: How many.
    """

    keys: Counter[str]
    size: int
    objects: int

    @property
    def duplicates(self) -> int:
        """Copies beyond the first."""
        return self.keys.total() - len(self.keys)


def delivered(cloud: Path) -> Delivered:
    """Read every object of a `file` target back."""
    keys: Counter[str] = Counter()
    size = objects = 0
    for path in sorted(cloud.rglob("*")):
        if path.is_dir():
            continue
        size, objects = size + path.stat().st_size, objects + 1
        if path.suffix == ".parquet":
            keys.update(summary.key for summary in read_summaries(path))
        else:
            lines = gzip.decompress(path.read_bytes()).splitlines()
            keys.update(json.loads(line)["key"] for line in lines)
    return Delivered(keys, size, objects)


def journalled(folder: Path, prefix: str) -> tuple[int, int]:
    """Samples in a journal, and the bytes they would be as JSON over MQTT. Counted block by block, from the frames."""
    reader = JournalReader(folder, 0)
    samples = size = 0
    try:
        while items := reader.read():
            batches = [item for item in items if isinstance(item, SampleBatch)]
            samples += sum(map(len, batches))
            size += mqtt_json_bytes(batches, prefix)
    finally:
        reader.close()
    return samples, size


def make_report(files: DemoFiles, told: Told, alerts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The whole report, as it is written to report.json.

    Args:
        files: Of a demo whose gateway has stopped and whose outbox was drained.
        told: By the story.
        alerts: As the flow process listed them.
    """
    layout = Layout(files.data)
    accounts = read_stat(layout.outbox).accounts
    samples, mqtt = journalled(layout.journal, "demo/gateway-1")
    received = sum(account.received for account in accounts)
    cloud = delivered(files.cloud)
    written = sum(told.written.values())
    latencies = [float(alert["latency_ms"]) for alert in alerts]
    return {
        "samples_received": received,
        "samples_placed": sum(account.placed for account in accounts),
        "samples_late": sum(account.late for account in accounts),
        "samples_dropped": sum(count for account in accounts for _, count in account.dropped),
        "samples_in_journal": samples,
        "windows": told.written.get("summary", 0),
        "alerts": [
            {
                "asset": alert["asset"],
                "rule": alert["rule"],
                "state": alert["state"],
                "score": alert["score"],
                "opened_at": alert["opened_at"],
                "latency_ms": round(float(alert["latency_ms"]), 3),
                "contributions": alert["contributions"],
            }
            for alert in alerts
        ],
        "false_alarms": told.false_alarms,
        "faults_injected": told.faults,
        "alert_latency_ms": {
            "p50": round(float(np.percentile(latencies, 50)), 3) if latencies else None,
            "p99": round(float(np.percentile(latencies, 99)), 3) if latencies else None,
        },
        "bytes_mqtt_json": mqtt,
        "bytes_sent": cloud.size,
        "reduction": round(mqtt / cloud.size, 1) if cloud.size else None,
        "objects_sent": cloud.objects,
        "outage": {**told.outage, "records_lost": max(0, written - len(cloud.keys))},
        "duplicates": cloud.duplicates,
    }


def failures(report: Mapping[str, Any]) -> list[str]:
    """Why the demo did not prove what it is meant to; [] = it did."""
    found = [
        f"fault {fault['name']} was not detected"
        for fault in report["faults_injected"]
        if fault["detected_after_s"] is None
    ]
    found += [f"false alarm: {alarm}" for alarm in report["false_alarms"]]
    if not report["faults_injected"]:
        found.append("no fault was injected")
    if not report["samples_received"]:
        found.append("not one sample was received")
    if report["samples_received"] != report["samples_placed"] + report["samples_late"] + report["samples_dropped"]:
        found.append("received is not placed + late + dropped")
    # What was dropped before the journal is received, too; everything else must be in it.
    if not 0 <= report["samples_received"] - report["samples_in_journal"] <= report["samples_dropped"]:
        found.append("the journal does not hold what was received")
    if report["outage"]["records_lost"]:
        found.append(f"{report['outage']['records_lost']} records were lost")
    if report["outage"].get("drained_in_s") is None:
        found.append("the backlog of the outage was not drained")
    if report["outage"].get("alerts_first") is False:
        found.append("a summary left before an alert after the outage")
    if report["duplicates"]:
        found.append(f"{report['duplicates']} records were delivered twice")
    return found
