"""What the records write is what the contract says, field by field, and files of earlier schemas are read."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cloud_sink
from cloud_sink.alert_decoding import decode_alert
from cloud_sink.batch import Batch, Row, batch_id
from cloud_sink.evidence import Evidence, FeatureShare, Trace
from cloud_sink.field_table import with_table
from cloud_sink.objects import build_object
from cloud_sink.parquet import read_summaries, write_summaries
from cloud_sink.report import Report
from cloud_sink.schema import (
    ALERT_FIELDS,
    EVENT_FIELDS,
    FOOTERS,
    SUMMARY_FURTHER,
    SUMMARY_HEAD,
    SUMMARY_SCHEMA,
    SUMMARY_TAIL,
    Type,
)
from cloud_sink.settings import Naming

STORED = Path(__file__).parent / "stored"  # written by the software of that schema
NAMING = Naming("plant", "gw-1", "0.0.1")
JSON = {
    Type.TEXT: str,
    Type.TIME: int,
    Type.COUNT: int,
    Type.REAL: (int, float, type(None)),
    Type.FLAG: bool,
    Type.LIST: list,
}


def lines_of(*records):
    rows = tuple(Row(i, record.key, record.time, record.encode()) for i, record in enumerate(records))
    sent = build_object(Batch(batch_id(row.key for row in rows), records[0].lane, rows), NAMING)
    return [json.loads(line) for line in gzip.decompress(sent.data).splitlines()]


def leaves(value, path=""):
    """Every field of a document by its dotted name; lists of objects are one field after the other."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for inner in value:
            yield from leaves(inner, path)
    else:
        yield path, value


def agrees(document, fields):
    declared = {field.name: JSON[field.type] for field in fields}
    found = dict(leaves(document))
    assert list(dict.fromkeys(found)) == list(declared)
    assert [name for name, value in found.items() if not isinstance(value, declared[name])] == []


def test_the_readme_has_the_table_of_the_schema():
    readme = (Path(cloud_sink.__file__).parent / "README.md").read_text()
    assert with_table(readme) == readme, "run python -m cloud_sink.field_table"


def test_an_alert_has_the_fields_of_the_contract(make):
    evidence = Evidence(1, 2, (FeatureShare("t", "f", 1.0, 0.5),), ((2, 1.5),), (Trace("t", "bar", ((0.0, 1.0),)),))
    (line,) = lines_of(replace(make.alert(0), evidence=evidence))
    agrees(line, ALERT_FIELDS)


def test_an_event_has_the_fields_of_the_contract(make):
    (line,) = lines_of(replace(make.event(0), report=Report("1.0", "id", "boot", 60, 3600), total=7))
    agrees(line, EVENT_FIELDS)
    (line,) = lines_of(make.event(0))
    agrees(line, [field for field in EVENT_FIELDS if "." not in field.name and field.absent is None])


def test_a_summary_file_has_the_fields_of_the_contract(make):
    file = pq.ParquetFile(io.BytesIO(write_summaries([make.summary(0)], NAMING)))
    fields = {field.name: field for field in (*SUMMARY_HEAD, *SUMMARY_TAIL)}
    arrow = {
        Type.TEXT: pa.string(),
        Type.TIME: pa.timestamp("ns", "UTC"),
        Type.COUNT: pa.int32(),
        Type.REAL: pa.float32(),
        Type.FLAG: pa.bool_(),
    }
    found = {field.name: field.type for field in file.schema_arrow}
    assert list(found) == [*(f.name for f in SUMMARY_HEAD), "mean", "std", *(f.name for f in SUMMARY_TAIL)]
    assert {name: found[name] for name in fields} == {name: arrow[field.type] for name, field in fields.items()}
    assert {key.decode() for key in file.metadata.metadata} == {field.name for field in FOOTERS}
    columns = (file.metadata.row_group(0).column(i) for i in range(file.metadata.num_columns))
    pruned = {column.path_in_schema for column in columns if column.statistics is not None}
    assert pruned == {name for name, field in fields.items() if field.pruned}


def test_a_field_that_came_later_says_what_it_is_where_it_is_absent():
    later = [field for field in (*SUMMARY_HEAD, *SUMMARY_TAIL) if field.since > 1]
    assert later
    assert all(field.absent is not None for field in later)
    assert max(field.since for field in (*later, *SUMMARY_FURTHER)) == SUMMARY_SCHEMA


def test_summaries_of_schema_1_are_read():
    (path,) = STORED.glob("schema-1/summaries/**/*.parquet")
    found = read_summaries(path)
    assert [(s.asset, s.start // 60_000_000_000 % 60, s.tags) for s in found] == [
        (asset, minute, ("tag00", "tag01")) for asset in ("fan", "pump") for minute in (15, 16, 17)
    ]
    assert {s.backfilled for s in found} == {False}
    assert found[0].features == ("mean", "std")
    assert found[0].n.tolist() == [600, 600]
    assert np.isfinite(found[0].values).all()
    assert {(s.score, s.threshold, s.model, s.partial) for s in found} == {(0.25, 1.0, "m@1", False)}


def test_alerts_of_before_their_states_are_read():
    (path,) = STORED.glob("schema-1/alerts/**/*.gz")
    found = [decode_alert(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert [(alert.asset, alert.alarm_state, alert.evidence, alert.held_back) for alert in found] == [
        ("pump", "", None, False)
    ] * 2


@pytest.mark.parametrize("folder", sorted(STORED.iterdir()), ids=lambda folder: folder.name)
def test_what_was_ever_written_is_read(folder):
    (path,) = folder.glob("summaries/**/*.parquet")
    assert pq.read_metadata(path).metadata[b"sluicegate.schema"].decode() == folder.name.removeprefix("schema-")
    assert [len(summary.tags) for summary in read_summaries(path)] == [2] * 6
    (path,) = folder.glob("alerts/**/*.gz")
    alerts = [decode_alert(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert [alert.asset for alert in alerts] == ["pump", "pump"]
    (path,) = folder.glob("events/**/*.gz")
    assert json.loads(gzip.decompress(path.read_bytes()))["kind"] == "gap"


def test_the_present_schema_is_among_what_is_stored():
    assert (STORED / f"schema-{SUMMARY_SCHEMA}").is_dir(), "before it is given out, store what it writes"


def test_summaries_of_schema_3_hold_all_they_can():
    (path,) = STORED.glob("schema-3/summaries/**/*.parquet")
    pump = [summary for summary in read_summaries(path) if summary.asset == "pump"]
    assert [summary.backfilled for summary in pump] == [True, False, False]
    assert [[(one.model, one.score, one.shadow) for one in summary.others] for summary in pump] == [
        [],
        [("other@2", 0.5, False), ("next@3", 0.75, True)],
        [],
    ]
    assert pump[0].sketches is None
    assert (pump[2].sketches.since, pump[2].sketches.sizes.tolist()) == (pump[0].start, [2, 1])


def test_an_old_and_a_new_file_are_one_table(make):
    """As any reader does it that fills missing columns by name."""
    (old,) = STORED.glob("schema-1/summaries/**/*.parquet")
    new = pq.read_table(io.BytesIO(write_summaries([make.summary(9)], NAMING)))
    both = pa.concat_tables([pq.read_table(old, partitioning=None), new], promote_options="default")
    assert len(both) == 14
    assert both["backfilled"].to_pylist() == [None] * 12 + [False] * 2


def test_a_newer_file_is_refused(make):
    table = pq.read_table(io.BytesIO(write_summaries([make.summary(0)], NAMING)))
    newer = {**table.schema.metadata, b"sluicegate.schema": str(SUMMARY_SCHEMA + 1).encode()}
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(newer), sink)
    with pytest.raises(ValueError, match="upgrade it"):
        read_summaries(sink.getvalue())
