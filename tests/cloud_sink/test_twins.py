"""Two gateways with one site and name, as from a cloned disk, deliver into one folder."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

from cloud_sink.deliver import Deliverer
from cloud_sink.egress import EgressLedger
from cloud_sink.outbox.reader import OutboxReader
from cloud_sink.outbox.stat import read_stat
from cloud_sink.outbox.writer import OutboxWriter
from cloud_sink.parquet import read_summaries
from cloud_sink.records import Lane
from cloud_sink.settings import BatchSettings, DeliverySettings, OutboxSettings
from cloud_sink.slots import InlineSlot
from cloud_sink.targets.file import FileTarget

SMALL = OutboxSettings(disk_reserve=0)


def deliver_all(folder: Path, cloud: Path, naming, records) -> None:
    """A gateway that writes records and delivers all of them."""
    folder.mkdir()
    writer = OutboxWriter(folder, SMALL)
    writer.put(records)
    writer.close()
    target = FileTarget(cloud)
    reader = OutboxReader(folder, SMALL, BatchSettings(), targets={"file": tuple(Lane)})
    deliverer = Deliverer(
        reader.queues["file"],
        "file",
        InlineSlot(target),
        InlineSlot(target),
        EgressLedger(folder),
        naming,
        DeliverySettings(),
    )
    assert deliverer.drain()
    reader.close()


def test_neither_overwrites_the_other_and_the_cloud_is_told(tmp_path: Path, make, naming) -> None:
    cloud = tmp_path / "cloud"
    cloud.mkdir()
    mine = [make.summary(minute) for minute in range(15)]
    deliver_all(tmp_path / "first", cloud, naming, [*mine, make.alert(0)])
    (kept,) = cloud.rglob("*.parquet")
    before = kept.read_bytes()

    other = [replace(one, values=one.values + 1) for one in mine]  # the same assets and windows, measured elsewhere
    deliver_all(tmp_path / "clone", cloud, naming, [*other, make.alert(7)])
    assert kept.read_bytes() == before
    assert list(cloud.rglob("*.parquet")) == [kept]
    assert len(read_summaries(kept)) == 15
    assert read_stat(tmp_path / "clone").losses == {"quarantined/summary/key_conflict": 15}
    assert read_stat(tmp_path / "clone").set_aside == 15, "they can still be exported"
    assert len(list((cloud / "alerts").rglob("*.gz"))) == 2, "what has no key in common arrives from both"
    (told,) = (
        json.loads(line)
        for path in (cloud / "events").rglob("*.gz")
        for line in gzip.decompress(path.read_bytes()).splitlines()
    )
    assert (told["kind"], told["reason"], told["count"]) == ("quarantined", "key_conflict", 15)


def test_the_same_records_again_are_a_repeat(tmp_path: Path, make, naming) -> None:
    """As from a disk that was put into a spare after it had delivered."""
    cloud = tmp_path / "cloud"
    cloud.mkdir()
    records = [make.summary(minute) for minute in range(15)]
    for name in ("first", "spare"):
        deliver_all(tmp_path / name, cloud, naming, records)
    assert read_stat(tmp_path / "spare").losses == {}
    assert len(list(cloud.rglob("*.parquet"))) == 1
