"""From a real outbox to a ring: everything once, whatever the kind, and the outbox never waits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_sink.errors import OutboxFull
from cloud_sink.influx.feeder import InfluxFeeder
from cloud_sink.influx.ring import Ring
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.records import Lane
from cloud_sink.settings import BatchSettings, OutboxSettings

TARGETS = {"cloud": tuple(Lane), "influx:x/y": tuple(Lane)}


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    one = Ring(tmp_path / "ring.db", monotonic=lambda: 0.0)
    yield one
    one.close()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[OutboxWriter]:
    one = OutboxWriter(tmp_path, OutboxSettings())
    yield one
    one.close()


@pytest.fixture
def reader(tmp_path: Path, writer: OutboxWriter) -> Iterator[OutboxReader]:
    one = OutboxReader(tmp_path, OutboxSettings(), BatchSettings(), targets=TARGETS)
    yield one
    one.close()


def feeder(reader: OutboxReader, ring: Ring) -> InfluxFeeder:
    return InfluxFeeder(reader.queues["influx:x/y"], ring, "works", 1.0)


def lines(ring: Ring) -> list[str]:
    out: list[str] = []
    while chunk := ring.take():
        out += chunk.text()
        ring.done(chunk)
    return out


def measurements(told: list[str]) -> list[str]:
    return sorted(line.split(",")[0] for line in told)


def test_every_record_is_told_once_and_at_once(make: Any, writer: Any, reader: Any, ring: Ring) -> None:
    writer.put([make.alert(0), make.event(1), make.summary(0), make.summary(1)])
    one = feeder(reader, ring)
    assert one.drain()
    assert measurements(lines(ring)) == ["edge_alert", "edge_event", *["edge_feature"] * 4, *["edge_score"] * 2]
    assert one.step() == 1.0
    assert lines(ring) == []


def test_the_cloud_still_gets_what_the_wall_has(make: Any, writer: Any, reader: Any, ring: Ring) -> None:
    writer.put([make.alert(0), make.event(1)])
    feeder(reader, ring).drain()
    cloud = reader.queues["cloud"]
    assert cloud.freeze(Lane.ALERT) is not None
    assert cloud.freeze(Lane.EVENT) is not None


def test_a_ring_that_takes_nothing_costs_the_cloud_nothing(
    make: Any, writer: Any, reader: Any, ring: Ring, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(_: object) -> None:
        raise OutboxFull(tmp_path, "disk full")

    monkeypatch.setattr(ring, "put", full)
    writer.put([make.event(0)])
    one = feeder(reader, ring)
    one.drain()
    assert one.missed == {"ring": 1}
    assert reader.queues["cloud"].freeze(Lane.EVENT) is not None


def test_an_alert_that_a_flood_held_back_is_an_alert(make: Any, writer: Any, reader: Any, ring: Ring) -> None:
    from dataclasses import replace

    writer.put([replace(make.alert(0), held_back=True)])
    feeder(reader, ring).drain()
    assert measurements(lines(ring)) == ["edge_alert"]
