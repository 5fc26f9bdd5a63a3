"""The page about dashboards tells every tag and field that an InfluxDB is sent of a record."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

import cloud_sink
from cloud_sink.influx.points import lines_of, live_line
from cloud_sink.records import OtherScore

PAGE = (Path(cloud_sink.__file__).parent / "grafana" / "README.md").read_text(encoding="utf-8")


def told(measurement):
    """Names in its row: tags, and fields in backticks."""
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{measurement}` |")]
    _, _, tags, fields, *_ = row.split("|")
    return {tag.strip() for tag in tags.split(",")}, set(re.findall(r"`(\w+)`", fields))


def sent(line):
    head, fields, _ = re.fullmatch(r"(\S+) (.*) (\d+)", re.sub(r'"[^"]*"', "text", line).replace("\\ ", "_")).groups()
    measurement, *tags = head.split(",")
    return measurement, {tag.split("=")[0] for tag in tags}, {field.split("=")[0] for field in fields.split(",")}


def test_every_name_is_told(make):
    summary = replace(make.summary(0), others=(OtherScore("other@2", 0.5, shadow=True),))
    assert np.isfinite(summary.values).all()
    records = [summary, make.alert(0), make.event(0)]
    lines = [line for record in records for line in lines_of(record, "plant")]
    lines.append(live_line("plant", "pump", "flow", 1.5, "good", make.start))
    seen = set()
    for measurement, tags, fields in map(sent, lines):
        seen.add(measurement)
        told_tags, told_fields = told(measurement)
        assert tags == told_tags
        assert fields - set(summary.features) == told_fields
    assert seen == {"edge_feature", "edge_score", "edge_alert", "edge_event", "edge_live"}
