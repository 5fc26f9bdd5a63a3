from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from connectors.foreign_recording import read_foreign
from connectors.recording import has_tables, read_recording, write_recording
from connectors.samples import SampleBatch, concat
from connectors.tags import Tag, TagTable

PUMP = TagTable("pump", (Tag("flow", "m3/h", 1.0), Tag("level", "m", 2.0)))
SECOND = 10**9


def samples() -> SampleBatch:
    time = np.array([0, 0, 1, 2, 2, 3, 4, 4]) * SECOND
    tag = np.array([0, 1, 0, 0, 1, 0, 0, 1], dtype=np.uint16)
    return SampleBatch(PUMP, tag, time, np.arange(8.0), np.zeros(8, dtype=np.uint32), 4 * SECOND)


def stripped(path: Path, keep: list[str]) -> Path:
    """A recording as a query engine would write it again: no metadata, other order, plain strings."""
    write_recording(path / "ours.parquet", [samples()])
    table = pq.read_table(path / "ours.parquet").select(keep).replace_schema_metadata(None)
    plain = table.set_column(0, "asset", table.column("asset").cast(pa.string()))
    pq.write_table(plain.take([7, 3, 1, 0, 2, 5, 4, 6]), path / "theirs.parquet")
    return path / "theirs.parquet"


ALL = ["asset", "tag", "source_time", "value", "status", "received_time", "origin"]


@pytest.mark.parametrize("keep", [ALL, ALL[:4]])
def test_what_a_query_engine_wrote_is_read_in_order_of_time(tmp_path: Path, keep: list[str]) -> None:
    path = stripped(tmp_path, keep)
    assert has_tables(tmp_path / "ours.parquet")
    assert not has_tables(path)
    (table,), blocks = read_foreign(path)
    got = concat(list(blocks))
    (want,) = read_recording(tmp_path / "ours.parquet")
    assert table.asset == "pump"
    assert [(tag.name, tag.interval_s) for tag in table.tags] == [("flow", 1.0), ("level", 2.0)]
    for column in ("source_time", "value", "status", "tag"):
        order = np.lexsort((got.tag, got.source_time))
        np.testing.assert_array_equal(getattr(got, column)[order], getattr(want, column))


def test_assets_come_one_after_the_other(tmp_path: Path) -> None:
    table = pa.table(
        {
            "asset": ["b", "a", "b"],
            "tag": ["x", "x", "y"],
            "source_time": np.array([5, 3, 4]),
            "value": [1.0, 2.0, 3.0],
            "status": np.array([0, 0x80000000, 0], dtype=np.uint32),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    tables, blocks = read_foreign(tmp_path / "t.parquet")
    assert sorted(table.asset for table in tables) == ["a", "b"]
    found = {block.asset: (block.source_time.tolist(), block.status.tolist()) for block in blocks}
    assert found == {"a": ([3], [0x80000000]), "b": ([4, 5], [0, 0])}


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"asset": ["a"], "tag": ["x"]}, "it lacks source_time, value and has asset, tag"),
        ({"asset": ["a"], "tag": ["x"], "source_time": ["soon"], "value": [1.0]}, "is no recording"),
        ({"asset": ["a"], "tag": ["x"], "source_time": [1], "value": ["much"]}, "is no recording"),
    ],
)
def test_what_is_no_recording_is_told(tmp_path: Path, columns: dict[str, Any], told: str) -> None:
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=told):
        read_foreign(tmp_path / "t.parquet")
