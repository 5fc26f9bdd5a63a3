"""What was delivered, read from the other end: each record once, whatever was sent twice or by which version."""

from __future__ import annotations

import gzip
import io
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

pytest.importorskip("duckdb", reason="the extra `query` is not installed")

from cloud_sink.batch import Batch, Row, batch_id
from cloud_sink.errors import PlaceError, QueryError
from cloud_sink.lake.compact import compact
from cloud_sink.lake.places import Days, open_place
from cloud_sink.lake.sql import Lake
from cloud_sink.objects import build_object
from cloud_sink.parquet import read_summaries
from cloud_sink.records import Event, OtherScore
from cloud_sink.report import Report
from cloud_sink.settings import Naming
from cloud_sink.sketch import merge, quantile, sketch
from cloud_sink.targets.file import FileTarget

STORED = Path(__file__).parents[1] / "stored" / "schema-1"
DAY = date(2023, 11, 14)
ALWAYS = Days()
NAMING = Naming("plant", "gw-1", "0.0.1")
MINUTE = 60 * 10**9
START_NS = 1_700_000_100 * 10**9


def deliver(folder, *records, naming=NAMING):
    rows = tuple(Row(i, record.key, record.time, record.encode()) for i, record in enumerate(records))
    sent = build_object(Batch(batch_id(row.key for row in rows), records[0].lane, rows), naming)
    FileTarget(folder).put(sent.key, sent.data)
    return folder / sent.key


@pytest.fixture
def ask(tmp_path):
    """Rows of an answer as tuples."""

    def ask(sql, *places, days=ALWAYS):
        lake = Lake([open_place(str(place)) for place in places or (tmp_path,)], days)
        try:
            return [tuple(row.values()) for row in lake.query(sql).to_pylist()]
        finally:
            lake.close()

    return ask


def test_an_alert_is_a_row_from_its_opening_to_its_end(tmp_path, make, ask):
    opened = make.alert(0)
    acknowledged = replace(opened, state="acknowledged", at=opened.at + MINUTE, alarm_state="ACKED", by="operator-1")
    cleared = replace(opened, state="cleared", at=opened.at + 2 * MINUTE, alarm_state="NORM", score=0.5)
    deliver(tmp_path, opened)
    deliver(tmp_path, acknowledged, cleared)
    deliver(tmp_path, make.alert(90))
    columns = "asset, score, alarm_state, acknowledged_by, epoch(cleared_at - opened_at), transitions"
    assert ask(f"SELECT {columns} FROM alerts ORDER BY opened_at") == [
        ("pump", 1.5, "NORM", "operator-1", 120.0, 3),
        ("pump", 1.5, "UNACK", None, None, 1),
    ]
    assert ask("SELECT contributions->0->>0, (contributions->0->1)::DOUBLE FROM alerts LIMIT 1") == [("flow", 1.0)]


def test_reports_are_events_that_can_be_asked(tmp_path, make, ask):
    report = Report("1.2", "id", "b", 60, 3600, models=(("pump@1", "active", 2),))
    deliver(tmp_path, make.event(0), Event("", "report", "regular", 0, START_NS, 0, "id", "", report))
    sql = "SELECT report->>'software', report->'models'->0->>0, (report->'up_s')::INT FROM events WHERE kind = 'report'"
    assert ask(sql) == [("1.2", "pump@1", 60)]
    assert ask("SELECT count(*) FROM events WHERE report IS NULL") == [(1,)]


def test_what_was_sent_twice_is_there_once(tmp_path, make, ask):
    """As after a crash between upload and ticking off, with other rows in the batch."""
    deliver(tmp_path, make.alert(0), make.alert(1))
    deliver(tmp_path, make.alert(1), make.alert(2))
    deliver(tmp_path, make.event(0))
    deliver(tmp_path, make.event(0), make.event(1))
    deliver(tmp_path, make.summary(0), make.summary(1))
    deliver(tmp_path, make.summary(1), make.summary(2))
    assert ask("SELECT count(*), count(DISTINCT key) FROM transitions") == [(3, 3)]
    assert ask("SELECT count(*) FROM alerts") == [(3,)]
    assert ask("SELECT count(*) FROM events") == [(2,)]
    assert ask("SELECT count(*), sum(n) FROM summaries") == [(3 * 2, 3 * 2 * 600)]


def test_quantiles_of_a_day_from_sketches_of_hours(tmp_path, make, ask):
    chance = np.random.default_rng(2)
    values = chance.lognormal(3, 2, (4, 2000)) * chance.choice([-1, 1], (4, 2000))
    hours = [
        replace(
            make.summary(60 * hour, tags=1), sketches=sketch(make.start + hour * MINUTE, 1, np.zeros(2000, int), column)
        )
        for hour, column in enumerate(values)
    ]
    for first in range(3):
        deliver(tmp_path, *hours[first : first + 2])  # those in the middle come twice
    assert ask("SELECT sum(count), count(DISTINCT since) FROM sketches") == [(8000, 4)]
    for q in (0.0, 0.05, 0.5, 0.99, 1.0):
        ((found,),) = ask(
            "SELECT min(value) FROM (SELECT value, sum(sum(count)) OVER (ORDER BY value) AS below FROM sketches "
            f"GROUP BY value) WHERE below > floor({q} * 7999)"
        )
        whole = merge([one.sketches for one in hours])
        assert found == pytest.approx(quantile(*whole.of_tag(0), q))
        assert found == pytest.approx(np.quantile(values, q, method="lower"), rel=0.0101)


def test_gaps_are_what_is_missing_and_what_was_dropped(tmp_path, make, ask):
    start = make.start
    dropped = Event("", "dropped", "quota", start, start + 5 * MINUTE, 70, "outbox/summary")
    late = Event("pump", "late", "late", start, start + MINUTE, 3)
    deliver(tmp_path, make.event(0), dropped, late, replace(dropped, start=0, reason="disk"))
    assert ask("SELECT kind, reason, seconds, count FROM gaps ORDER BY kind DESC, reason") == [
        ("gap", "link_down", 1.0, 3),
        ("dropped", "disk", None, 70),
        ("dropped", "quota", 300.0, 70),
    ]
    assert ask("SELECT count(*) FROM events") == [(4,)]


def test_an_alert_that_was_held_back_stands_among_the_alerts(tmp_path, make, ask):
    path = deliver(tmp_path, replace(make.alert(0), held_back=True), make.event(0))
    assert "/events/" in str(path)
    assert ask("SELECT held_back FROM transitions") == [(True,)]
    assert ask("SELECT count(*) FROM events") == [(1,)]


def test_files_of_all_schemas_side_by_side(tmp_path, make, ask):
    shutil.copytree(STORED, tmp_path, dirs_exist_ok=True)
    deliver(tmp_path, replace(make.summary(30, features=("mean", "rms")), backfilled=True))
    deliver(tmp_path, replace(make.alert(40), alarm_state="UNACK", comment="new"))
    rows = "SELECT backfilled, count(mean), count(std), count(rms) FROM summaries GROUP BY ALL ORDER BY 1"
    assert ask(rows) == [(False, 12, 12, 0), (True, 2, 0, 2)]
    assert ask("SELECT alarm_state, comment FROM transitions ORDER BY comment") == [("UNACK", "")] * 2 + [
        ("UNACK", "new")
    ]


def test_only_the_days_that_are_asked_for_are_opened(tmp_path, make, ask):
    deliver(tmp_path, make.summary(0))
    broken = deliver(tmp_path, make.summary(24 * 60))
    broken.write_bytes(b"not Parquet")
    assert ask("SELECT count(*) FROM summaries", days=Days(until=DAY)) == [(2,)]
    assert ask("SELECT count(*) FROM summaries", days=Days(date(2024, 1, 1))) == [(0,)]


@pytest.mark.parametrize("damage", [b"not what it was", b"", None])
@pytest.mark.parametrize("kind", ["summary", "alert"])
def test_a_damaged_object_is_told_by_its_place(tmp_path, make, ask, kind, damage):
    path = deliver(tmp_path, getattr(make, kind)(0))
    path.write_bytes(path.read_bytes()[:-20] if damage is None else damage)
    view = {"summary": "summaries", "alert": "alerts"}[kind]
    if kind == "alert" and damage == b"":
        assert ask(f"SELECT count(*) FROM {view}") == [(0,)], "gzip has nothing to say against nothing"
        return
    with pytest.raises((PlaceError, QueryError), match=str(tmp_path)):
        ask(f"SELECT * FROM {view}")
    with pytest.raises(PlaceError, match="cannot be merged"):
        compacted(tmp_path, tmp_path)
    assert not list(tmp_path.rglob("day.*"))


def test_a_rotten_page_is_noticed(tmp_path, make, ask):
    path = deliver(tmp_path, *(make.summary(minute, tags=50) for minute in range(15)))
    data = bytearray(path.read_bytes())
    data[data.index(b"\x28\xb5\x2f\xfd", len(data) // 2) + 20] ^= 0xFF  # inside a zstd frame
    path.write_bytes(data)
    with pytest.raises(QueryError, match=r"CRC|checksum"):
        ask("SELECT * FROM summaries")


def test_a_place_where_nothing_was_delivered_yet(ask):
    for view in ("alerts", "transitions", "summaries", "events", "gaps"):
        assert ask(f"SELECT count(*) FROM {view}") == [(0,)]


def test_a_question_that_cannot_be_answered(ask):
    with pytest.raises(QueryError, match="frobnicated"):
        ask("SELECT frobnicated FROM alerts")


def test_nothing_is_fetched_from_the_internet(ask):
    with pytest.raises(QueryError, match=r"httpfs|https|No files found"):
        ask("SELECT * FROM 'https://example.invalid/a.parquet'")
    off = "SELECT value FROM duckdb_settings() WHERE name LIKE 'auto%_known_extensions'"
    assert ask(off) == [("false",), ("false",)]


@pytest.mark.parametrize("name", ["/nowhere/at/all", "s3:/half", "ftp://somewhere/x"])
def test_a_place_that_is_none(name):
    with pytest.raises(PlaceError):
        open_place(name)


def test_another_librarys_reader_gets_the_same(tmp_path, make, ask):
    for minute in range(3):
        deliver(tmp_path, make.summary(minute), make.summary(minute, asset="fan"))
    found = ds.dataset(tmp_path / "summaries" / "v1", partitioning="hive").to_table()
    ours = "SELECT asset, tag, start, mean::DOUBLE FROM summaries ORDER BY ALL"
    theirs = found.select(["asset", "tag", "start", "mean"]).sort_by([("asset", "ascending"), ("tag", "ascending")])
    assert ask(ours) == sorted((r["asset"], r["tag"], r["start"], r["mean"]) for r in theirs.to_pylist())


def compacted(source, out, day=DAY):
    return list(compact(open_place(str(source)), open_place(str(out)), day, "0.0.1"))


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def source(tmp_path):
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


def test_a_day_becomes_a_file_of_each_kind_with_each_record_once(source, out, make, ask):
    shutil.copytree(STORED, source, dirs_exist_ok=True)
    deliver(source, make.summary(1), make.summary(30), naming=Naming("plant", "gw-2", "0.0.1"))
    deliver(source, make.summary(30), make.summary(31, features=("rms",)))
    deliver(source, make.alert(7))
    made = {one.key.split("/")[0]: one for one in compacted(source, out)}
    assert {kind: (one.objects, one.records, one.repeats) for kind, one in made.items()} == {
        "alerts": (2, 3, 0),
        "events": (1, 1, 0),
        "summaries": (3, 16, 4),
    }
    path = out / made["summaries"].key
    assert path.relative_to(out).as_posix() == "summaries/v1/site=plant/date=2023-11-14/day.parquet"
    footer = pq.read_metadata(path).metadata
    assert footer[b"sluicegate.gateway"] == b"gw-0,gw-1,gw-2"
    assert [s.start // MINUTE % 60 for s in read_summaries(path) if s.asset == "pump"] == [15, 16, 17, 45, 46]
    everything = "SELECT * FROM summaries ORDER BY asset, tag, start"
    assert ask(everything, out) == ask(everything, source) == ask(everything, source, out)
    assert ask("SELECT key FROM transitions ORDER BY 1", out) == ask("SELECT key FROM transitions ORDER BY 1", source)


def test_again_it_adds_what_came_later_and_loses_nothing_that_was_removed_since(source, out, make):
    first = deliver(source, make.summary(0))
    compacted(source, out)
    first.unlink()
    deliver(source, make.summary(5))
    (made,) = compacted(source, out)
    assert (made.objects, made.records) == (2, 4)
    assert [s.start // MINUTE % 60 for s in read_summaries(out / made.key)] == [15, 20]
    before = (out / made.key).read_bytes()
    assert compacted(source, out)[0].repeats == 2
    assert (out / made.key).read_bytes() == before


def test_scores_of_further_models_come_through(source, out, make, ask):
    deliver(source, make.summary(0))
    deliver(source, replace(make.summary(1, features=("rms",)), others=(OtherScore("m@2", 1.5, shadow=True),)))
    (made,) = compacted(source, out)
    assert [summary.others for summary in read_summaries(out / made.key)] == [
        (),
        (OtherScore("m@2", 1.5, shadow=True),),
    ]
    assert pq.read_schema(out / made.key).names[-1] == "shadow:m@2"
    assert ask('SELECT DISTINCT "shadow:m@2" FROM summaries ORDER BY 1', out) == [(1.5,), (None,)]


def test_in_the_place_itself(source, make, ask):
    deliver(source, make.summary(0))
    deliver(source, make.alert(0))
    for _ in range(2):
        compacted(source, source)
    assert ask("SELECT count(*) FROM summaries", source) == [(2,)]
    assert ask("SELECT count(*) FROM alerts", source) == [(1,)]


def test_an_earlier_file_is_kept_when_a_newer_schema_is_met(source, out, make):
    path = deliver(source, make.summary(0))
    compacted(source, out)
    table = pq.read_table(path, partitioning=None)
    newer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, b"sluicegate.schema": b"99"}), newer)
    path.write_bytes(newer.getvalue())
    with pytest.raises(PlaceError, match="upgrade it"):
        compacted(source, out)
    assert len(read_summaries(next(out.rglob("day.parquet")))) == 1


def test_what_does_not_lie_there_as_written_is_an_error(source, monkeypatch):
    place = open_place(str(source))
    monkeypatch.setattr("pathlib.Path.write_bytes", lambda path, data: path.write_text("half"))
    with pytest.raises(PlaceError, match="does not hold"):
        place.write("alerts/v1/x", gzip.compress(b"{}"))
