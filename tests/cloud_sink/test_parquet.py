from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_sink.decoding import decode_summary
from cloud_sink.parquet import read_summaries, write_summaries
from cloud_sink.records import OtherScore, WindowSummary
from cloud_sink.schema import SUMMARY_SKETCH
from cloud_sink.settings import Naming
from cloud_sink.sketch import sketch

NAMING = Naming("plant", "gw-1", "0.0.1")


def same(a: WindowSummary, b: WindowSummary) -> bool:
    return all(
        np.array_equal(x, y, equal_nan=True) if isinstance(x, np.ndarray) else x == y or (np.isnan(x) and np.isnan(y))
        for x, y in ((getattr(a, name), getattr(b, name)) for name in WindowSummary.__slots__)
    )


float32 = st.floats(width=32, allow_nan=True, allow_infinity=False)


@st.composite
def summaries(draw):
    by_key = {}
    for _ in range(draw(st.integers(1, 6))):
        tags = sorted(draw(st.sets(st.text(max_size=5), min_size=1, max_size=3)))
        features = draw(st.sampled_from([("mean",), ("mean", "std"), ("std", "rms"), ()]))
        start = draw(st.integers(-(2**62), 2**62))
        n = len(tags)
        summary = WindowSummary(
            draw(st.sampled_from("abc")),
            start,
            start + draw(st.integers(1, 10**12)),
            tuple(tags),
            features,
            np.array(draw(st.lists(st.integers(0, 2**31 - 1), min_size=n, max_size=n)), np.int32),
            np.array(draw(st.lists(st.integers(0, 9), min_size=n, max_size=n)), np.int32),
            np.array(draw(st.lists(float32, min_size=n, max_size=n)), np.float32),
            np.array(
                draw(st.lists(float32, min_size=n * len(features), max_size=n * len(features))), np.float32
            ).reshape(n, len(features)),
            draw(float32),
            draw(float32),
            draw(st.sampled_from(["", "m@1"])),
            draw(st.booleans()),
        )
        by_key[summary.key] = summary
    return sorted(by_key.values(), key=lambda s: (s.asset, s.start, s.end, s.partial))


@given(summaries(), st.randoms())
@settings(max_examples=60, deadline=None)
def test_reading_is_the_inverse_of_writing_in_any_order(written, chance):
    shuffled = chance.sample(written, len(written))
    data = write_summaries(written, NAMING)
    found = read_summaries(data)
    assert len(found) == len(written)
    for a, b in zip(written, found, strict=True):
        order = [b.features.index(feature) for feature in a.features]
        assert len(order) == len(b.features)
        assert same(a, replace(b, features=a.features, values=b.values[:, order]))
    assert write_summaries(shuffled, NAMING) == data


def test_layout(make):
    data = write_summaries([make.summary(m, tags=4) for m in range(15)], NAMING)
    file = pq.ParquetFile(io.BytesIO(data))
    assert file.num_row_groups == 1
    columns = {file.schema.column(i).name: file.metadata.row_group(0).column(i) for i in range(len(file.schema))}
    names = ["asset", "tag", "start", "end", "n", "n_bad", "coverage", "mean", "std", "score", "threshold", "model"]
    assert list(columns) == [*names, "partial", "backfilled"]
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    for name in ("coverage", "mean", "std", "score", "threshold"):
        assert columns[name].physical_type == "FLOAT"
        assert "BYTE_STREAM_SPLIT" in columns[name].encodings
    for name in ("start", "end", "n", "n_bad"):
        assert "DELTA_BINARY_PACKED" in columns[name].encodings
    dictionaries = {name for name, column in columns.items() if column.has_dictionary_page}
    assert dictionaries == {"asset", "tag", "model"}
    assert str(file.schema_arrow.field("start").type) == "timestamp[ns, tz=UTC]"
    footer = {key.decode(): value.decode() for key, value in file.metadata.metadata.items()}
    assert footer == {
        "sluicegate.schema": "3",
        "sluicegate.site": "plant",
        "sluicegate.gateway": "gw-1",
        "sluicegate.software": "0.0.1",
    }


def test_rows_are_sorted_by_asset_tag_and_time(make):
    written = [make.summary(m, asset=asset) for m in (2, 0, 1) for asset in ("b", "a")]
    table = pq.read_table(io.BytesIO(write_summaries(written, NAMING)))
    rows = list(zip(*(table[name].to_pylist() for name in ("asset", "tag", "start")), strict=True))
    assert rows == sorted(rows)
    assert len(rows) == 12


def test_a_rotten_page_is_noticed(make):
    data = bytearray(write_summaries([make.summary(m, tags=50) for m in range(15)], NAMING))
    at = data.index(b"\x28\xb5\x2f\xfd", len(data) // 2) + 20  # inside a zstd frame
    data[at] ^= 0xFF
    with pytest.raises(OSError, match=r"CRC|checksum|ZSTD"):
        pq.read_table(io.BytesIO(bytes(data)), page_checksum_verification=True)


def test_assets_with_different_features_share_a_file(make):
    a = make.summary(0, asset="a", features=("mean", "std"))
    b = make.summary(0, asset="b", features=("rms",))
    found = read_summaries(write_summaries([a, b], NAMING))
    assert [s.features for s in found] == [("mean", "std"), ("rms",)]
    assert same(a, found[0])
    assert same(b, found[1])


@pytest.mark.parametrize("name", ["score", "score:m@1", "shadow:"])
def test_a_feature_named_like_our_columns(make, name):
    (found,) = read_summaries(write_summaries([make.summary(0, features=(name,))], NAMING))
    assert found.features == (f"feature_{name}",)
    assert found.score == 0.25


def test_scores_of_further_models_have_columns_of_their_own(make):
    others = (OtherScore("forest@3", 1.5, shadow=False), OtherScore("m@2", float("nan"), shadow=True))
    a = replace(make.summary(0, asset="a"), others=others)
    data = write_summaries([a, make.summary(0, asset="b")], NAMING)
    table = pq.read_table(io.BytesIO(data))
    assert table.column_names[-2:] == ["score:forest@3", "shadow:m@2"]
    assert table["score:forest@3"].to_pylist() == [1.5, 1.5, None, None]
    assert table["shadow:m@2"].null_count == 2
    for found in (read_summaries(data)[0], decode_summary(a.encode())):
        assert [(one.model, one.shadow) for one in found.others] == [("forest@3", False), ("m@2", True)]
        assert found.others[0].score == 1.5
        assert np.isnan(found.others[1].score)
    assert read_summaries(data)[1].others == ()
    assert b"others" not in make.summary(0).encode()


def test_bytes_per_row_of_a_quarter_of_an_hour(make):
    """64 signals, 12 features, 60 s windows. Pure noise is the worst case: its 48 bytes cannot shrink."""
    features = tuple(f"f{i}" for i in range(12))
    data = write_summaries([make.summary(m, tags=64, features=features) for m in range(15)], NAMING)
    assert len(data) / (15 * 64) < 60


def test_sketches_ride_in_the_rows_of_their_window(make):
    chance = np.random.default_rng(1)
    tag = np.repeat(np.arange(3), 500)
    sketches = sketch(make.start, 4, tag, chance.normal(size=len(tag)))  # the last tag had no good sample
    carrier = replace(make.summary(1, tags=4), sketches=sketches)
    data = write_summaries([make.summary(0, tags=4), carrier, make.summary(1, asset="fan")], NAMING)
    schema = pq.read_schema(io.BytesIO(data))
    assert schema.names[-3:] == [field.name for field in SUMMARY_SKETCH]
    found = {(s.asset, s.start): s.sketches for s in read_summaries(data)}
    assert [key for key, one in found.items() if one is not None] == [("pump", carrier.start)]
    again = found["pump", carrier.start]
    assert again.since == make.start
    for name in ("sizes", "buckets", "counts"):
        assert np.array_equal(getattr(again, name), getattr(sketches, name))
    column = pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0).column(len(schema.names) - 1)
    assert "DELTA_BINARY_PACKED" in column.encodings
