from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors import recorded_notices, recording
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.recording import export_journal, read_recording, recording_tables, write_recording
from connectors.samples import Item, Notice, NoticeKind, Origin, SampleBatch
from connectors.selection import Selection
from connectors.tags import Tag, TagTable

PUMP = TagTable("pump", (Tag("flow", "m3/h", 0.1), Tag("head", "m"), Tag("vibration", "g", 0.001, waveform=True)))
FAN = TagTable("fan", (Tag("speed", "1/min"), Tag("flow", "l/s")))


def block(seed: int, table: TagTable = PUMP, origin: Origin = Origin.LIVE) -> SampleBatch:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 50))
    value = rng.normal(size=n)
    value[::7] = np.nan
    return SampleBatch(
        table,
        rng.integers(0, len(table), n).astype(np.uint16),
        np.int64(1_700_000_000_000_000_000) + np.sort(rng.integers(0, 10**12, n)),
        value,
        rng.choice(np.array([0, 0x80050000], np.uint32), n),
        1_700_000_000_000_000_000 + seed,
        origin,
    )


def assert_same(left: SampleBatch, right: SampleBatch) -> None:
    for name in ("tag", "source_time", "value", "status"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
        assert getattr(left, name).dtype == getattr(right, name).dtype
    assert (left.tags, left.received_time, left.origin) == (right.tags, right.received_time, right.origin)


def test_blocks_come_back_as_they_were(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(recording, "ROWS_PER_GROUP", 100)
    blocks = [block(seed, (PUMP, FAN)[seed % 2], (Origin.LIVE, Origin.BACKFILLED)[seed % 3 == 0]) for seed in range(40)]
    path = tmp_path / "normal.parquet"
    assert write_recording(path, iter(blocks)) == sum(map(len, blocks))
    assert pq.ParquetFile(path).num_row_groups > 3
    back = list(read_recording(path))
    assert len(back) == len(blocks)
    for left, right in zip(blocks, back, strict=True):
        assert_same(left, right)
    assert recording_tables(path) == (PUMP, FAN)
    assert list(tmp_path.iterdir()) == [path]


def test_a_table_that_changes_becomes_the_union(tmp_path: Path) -> None:
    later = TagTable("pump", (Tag("pressure", "bar"), Tag("flow", "l/s")))
    path = tmp_path / "r.parquet"
    blocks = [block(1), block(2, later)]
    write_recording(path, blocks)
    first, second = read_recording(path)
    assert second.tags.names == ("flow", "head", "vibration", "pressure")
    assert second.tags.tags[0].unit == "l/s"
    assert first.tags is second.tags
    assert [second.tags.names[tag] for tag in second.tag] == [later.names[tag] for tag in blocks[1].tag]


def test_empty_recording(tmp_path: Path) -> None:
    assert write_recording(tmp_path / "r.parquet", []) == 0
    assert list(read_recording(tmp_path / "r.parquet")) == []


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    def broken():
        yield block(1)
        raise RuntimeError("source gone")

    with pytest.raises(RuntimeError, match="source gone"):
        write_recording(tmp_path / "r.parquet", broken())
    assert list(tmp_path.iterdir()) == []


def test_other_parquet_files_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "x.parquet")
    with pytest.raises(ValueError, match="not a recording"):
        next(read_recording(tmp_path / "x.parquet"))


def test_people_find_names_and_times(tmp_path: Path) -> None:
    write_recording(tmp_path / "r.parquet", [block(1, FAN)])
    table = pq.read_table(tmp_path / "r.parquet")
    assert set(table.column("asset").to_pylist()) == {"fan"}
    assert set(table.column("tag").to_pylist()) <= {"speed", "flow"}
    assert str(table.schema.field("source_time").type) == "timestamp[ns, tz=UTC]"


def test_export_cuts_by_received_time_and_leaves_the_mark_alone(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    blocks = [block(seed) for seed in range(20)]
    with JournalWriter(folder, [PUMP], JournalSettings()) as writer:
        writer.append([*blocks, Notice(NoticeKind.IDLE, "pump", "idle", 0, 1)])
        path = tmp_path / "r.parquet"
        assert export_journal(folder, path) == sum(map(len, blocks))
        some = Selection(since=blocks[5].received_time, until=blocks[9].received_time)
        assert export_journal(folder, path, some) == sum(map(len, blocks[5:9]))
        assert not (folder / "read.mark").exists()


def test_notices_and_borders_come_back_where_they_were(tmp_path: Path, monkeypatch) -> None:
    """Three blocks of one asset and one reception stay three, also over the border of a row group."""
    monkeypatch.setattr(recording, "ROWS_PER_GROUP", 60)
    monkeypatch.setattr(recorded_notices, "_AT_ONCE", 7)
    items: list[Item] = [Notice(NoticeKind.GAP, "pump", "begin", 1, 2, 3, "plc", "a sentence")]
    for seed in range(30):
        items += [block(4), block(4)] if seed % 3 else [block(seed)]
        if seed % 4 == 0:
            items += [Notice(NoticeKind.IDLE, f"fan-{seed % 3}", "silent", seed, seed + 1)] * 2
    path = tmp_path / "r.parquet"
    write_recording(path, items)
    assert pq.ParquetFile(path).num_row_groups > 3
    back = list(read_recording(path))
    assert len(back) == len(items)
    for left, right in zip(items, back, strict=True):
        if isinstance(left, Notice):
            assert left == right
        else:
            assert_same(left, right)


def test_a_recording_of_notices_alone(tmp_path: Path) -> None:
    notice = Notice(NoticeKind.IDLE, "pump", "silent", 1, 2)
    assert write_recording(tmp_path / "r.parquet", [notice]) == 0
    assert list(read_recording(tmp_path / "r.parquet")) == [notice]
