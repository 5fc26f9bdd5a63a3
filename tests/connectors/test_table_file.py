from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from connectors.samples import SampleBatch, concat
from connectors.table_file import read_table

EPOCH = np.datetime64("2026-01-01T00:00:00", "ns").astype(np.int64)


def read(path: Path, text: str, **columns: str) -> tuple[tuple[str, ...], SampleBatch]:
    path.write_text(text)
    table, blocks = read_table(path, "press", columns)
    return table.names, concat(list(blocks))


HEAD = "time,flow,pressure\n"
ROWS = ["2026-01-01T00:00:00,1.5,10", "2026-01-01T00:00:01,2.5,11", "2026-01-01T00:00:02,3.5,12"]


def test_each_column_of_numbers_is_a_tag(tmp_path: Path) -> None:
    names, batch = read(tmp_path / "t.csv", HEAD + "\n".join(ROWS))
    assert names == ("flow", "pressure")
    assert batch.asset == "press"
    assert [tag.interval_s for tag in batch.tags.tags] == [1.0, 1.0]
    assert batch.tag.tolist() == [0, 1, 0, 1, 0, 1]
    assert batch.value.tolist() == [1.5, 10, 2.5, 11, 3.5, 12]
    assert (batch.source_time - EPOCH).tolist() == [0, 0, 10**9, 10**9, 2 * 10**9, 2 * 10**9]
    assert batch.received_time == EPOCH + 2 * 10**9


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_delimiter_and_decimal_comma_are_found_out(tmp_path: Path, delimiter: str) -> None:
    text = (HEAD + "\n".join(ROWS)).replace(",", delimiter)
    want = read(tmp_path / "a.csv", HEAD + "\n".join(ROWS))[1]
    for written in (text, text.replace(".", ",")):
        got = read(tmp_path / "b.csv", written)[1]
        np.testing.assert_array_equal(got.value, want.value)
        np.testing.assert_array_equal(got.source_time, want.source_time)


@pytest.mark.parametrize(
    ("times", "ns"),
    [
        (("1767225600", "1767225601"), 10**9),
        (("1767225600.25", "1767225601.25"), 10**9),
        (("1767225600000", "1767225600500"), 10**9 // 2),
        (("1767225600000000", "1767225600000250"), 250_000),
        (("1767225600000000000", "1767225600000000007"), 7),
        (("2026-01-01 01:00:00+01:00", "2026-01-01 01:00:00.125+01:00"), 125_000_000),
        (("2026-01-01", "2026-01-02"), 86_400 * 10**9),
    ],
)
def test_times_are_iso_8601_or_numbers_since_the_epoch(tmp_path: Path, times: tuple[str, str], ns: int) -> None:
    _, batch = read(tmp_path / "t.csv", "Timestamp,flow\n" + "".join(f"{time},{at}\n" for at, time in enumerate(times)))
    assert np.diff(batch.source_time).tolist() == [ns]
    assert abs(batch.source_time[0] - EPOCH) < 10**9


def test_a_mapping_names_time_and_tags(tmp_path: Path) -> None:
    text = "when,Volume Flow,label\n2026-01-01T00:00:00,1.5,0\n2026-01-01T00:00:01,2.5,1\n"
    names, batch = read(tmp_path / "t.csv", text, time="when", flow="Volume Flow")
    assert names == ("flow",)
    assert batch.value.tolist() == [1.5, 2.5]


def test_rows_in_any_order_come_in_order_of_time_and_an_empty_cell_is_no_sample(tmp_path: Path) -> None:
    text = "ts,flow,pressure,note\n3000,3,,x\n1000,1,10,\n2000,,20,y\n"
    names, batch = read(tmp_path / "t.csv", text, time="ts")
    assert names == ("flow", "pressure")
    assert batch.value.tolist() == [1, 10, 20, 3]
    assert [tag.interval_s for tag in batch.tags.tags] == [2000.0, 1000.0]


@pytest.mark.parametrize(
    ("text", "columns", "told"),
    [
        ("a,b\n1,2\n", {}, "none of its columns is called time, timestamp"),
        ("time,b\n1,2\n", {"flow": "c"}, "has no column 'c'; it has time, b"),
        ("time,b\n1,x\n", {}, "no column but 'time' holds numbers"),
        ("time,b\n1,x\n", {"flow": "b"}, "column 'b' holds string, a tag is a number"),
        ("time,b\n31.01.2026,2\n", {}, "holds '31.01.2026': times are written as in ISO 8601"),
        ("time,b\n1,2\n,3\n", {}, "is empty in 1 rows"),
        ("time,b\n1,2\n1,2,3\n", {}, "is no table"),
        ("", {}, "is no table"),
    ],
)
def test_what_is_no_such_table_is_told(tmp_path: Path, text: str, columns: dict[str, str], told: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ValueError, match=told):
        read_table(tmp_path / "t.csv", "press", columns)


def test_long_tables_come_in_blocks(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("time,a\n" + "".join(f"{1_767_225_600 + at},{at}\n" for at in range(45_000)))
    blocks = list(read_table(path, "press", {})[1])
    assert [len(block) for block in blocks] == [20_000, 20_000, 5_000]
    assert concat(blocks).value.tolist() == list(range(45_000))
