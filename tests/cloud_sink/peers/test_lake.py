"""The same bucket read from the other end by DuckDB and by pyarrow.dataset, after our own S3 target wrote it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow.dataset as ds
import pytest
from pyarrow import fs

pytest.importorskip("duckdb", reason="the extra `query` is not installed")

from cloud_sink.batch import Batch, Row, batch_id
from cloud_sink.errors import PlaceError
from cloud_sink.lake.compact import compact
from cloud_sink.lake.fleet import fleet
from cloud_sink.lake.places import Days, open_place
from cloud_sink.lake.sql import Lake
from cloud_sink.objects import build_object
from cloud_sink.records import Event
from cloud_sink.report import KIND, Report
from cloud_sink.settings import Naming
from cloud_sink.targets.remote import RemoteTarget
from cloud_sink.targets.s3 import S3, Bucket
from cloud_sink.uplink.connection import Uplink

pytestmark = [pytest.mark.integration, pytest.mark.slow]

BUCKET = "s3://lake/read/"


@pytest.fixture
def bucket(server, keys, monkeypatch, make):
    """Filled by the target, and named to readers as Amazon's own tools want it."""
    place = Bucket(server, "lake", "eu-central-1", "read/", conditional=False)
    door = Uplink(place.origin)
    target = RemoteTarget(S3(place, lambda: keys), door)
    naming = Naming("plant", "gw-1", "0.0.1")
    for records in (
        [make.summary(minute, tags=3) for minute in range(15)],
        [make.summary(minute, tags=3, asset="fan") for minute in range(10, 25)],
        [make.summary(minute, tags=3) for minute in range(12, 16)],
        [make.alert(0), make.alert(1)],
        [make.alert(1)],
        [make.event(0)],
    ):
        rows = tuple(Row(i, record.key, record.time, record.encode()) for i, record in enumerate(records))
        sent = build_object(Batch(batch_id(row.key for row in rows), records[0].lane, rows), naming)
        target.put(sent.key, sent.data)
    door.close()
    for name, value in (
        ("AWS_ACCESS_KEY_ID", keys.access_key),
        ("AWS_SECRET_ACCESS_KEY", keys.secret_key),
        ("AWS_SESSION_TOKEN", keys.session_token),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ENDPOINT_URL", str(server)),
    ):
        monkeypatch.setenv(name, value)


def answer(sql, place=BUCKET, days=None):
    lake = Lake([open_place(place)], days or Days())
    try:
        return [tuple(row.values()) for row in lake.query(sql).to_pylist()]
    finally:
        lake.close()


def test_duckdb_and_pyarrow_dataset_read_the_same(server, keys, bucket):
    host = fs.S3FileSystem(
        access_key=keys.access_key,
        secret_key=keys.secret_key,
        region="eu-central-1",
        endpoint_override=f"{server.host}:{server.port}",
        scheme="http",
    )
    found = ds.dataset("lake/read/summaries/v1", filesystem=host, partitioning="hive").to_table()
    theirs = {(r["asset"], r["tag"], r["start"], r["mean"]) for r in found.to_pylist()}
    assert len(found) == (15 + 15 + 4) * 3, "with the repeats, which a reader of files sees"
    ours = answer("SELECT asset, tag, start, mean::DOUBLE FROM summaries")
    assert len(ours) == (16 + 15) * 3, "each once"
    assert set(ours) == theirs
    assert answer("SELECT count(*), min(opened_at)::VARCHAR FROM alerts") == [(2, "2023-11-14 22:15:00+00")]
    assert answer("SELECT asset, reason, seconds FROM gaps") == [("pump", "link_down", 1.0)]
    assert answer("SELECT count(*) FROM summaries", days=Days(since=date(2023, 11, 15))) == [(0,)]


def test_a_day_of_the_bucket_is_compacted_into_another_place(bucket, tmp_path):
    rows = "SELECT * FROM summaries ORDER BY asset, tag, start"
    for out in (str(tmp_path), "s3://lake/compacted"):
        made = {
            one.key.split("/")[0]: one for one in compact(open_place(BUCKET), open_place(out), date(2023, 11, 14), "1")
        }
        assert (made["summaries"].records, made["summaries"].repeats, made["alerts"].records) == (93, 9, 2)
        assert answer(rows, out) == answer(rows)


def test_a_fleet_is_seen_and_partitions_are_left_out(server, keys, bucket):
    now = datetime.now(UTC)
    end = int(now.timestamp()) * 10**9
    place = Bucket(server, "lake", "eu-central-1", "fleet/", conditional=False)
    door = Uplink(place.origin)
    target = RemoteTarget(S3(place, lambda: keys), door)
    for number, (site, boot, ago) in enumerate([("north", "b1", 30), ("north", "b2", 20), ("south", "b3", 10)]):
        report = Report("1.0", "id", boot, 3600, 3600)
        event = Event("", KIND, "regular", end - 3600 * 10**9, end - ago * 10**9, number, "id", "", report)
        rows = (Row(0, event.key, event.time, event.encode()),)
        sent = build_object(Batch(batch_id([event.key]), event.lane, rows), Naming(site, "gw-1", "1.0"))
        target.put(sent.key, sent.data)
    door.close()
    read = open_place("s3://lake/fleet")
    week, hours = timedelta(days=7), timedelta(hours=3)
    views = fleet(read, now + timedelta(minutes=1), week, hours)
    assert [(view.site, view.worries) for view in views] == [("north", ("twins",)), ("south", ())]
    assert fleet(read, now + timedelta(hours=4), week, hours, "south")[0].worries == ("missing",)
    today = Days(now.date() - timedelta(days=1), now.date())
    assert [len(read.find(today, ("events",), site)) for site in (None, "north", "nowhere")] == [3, 2, 0]
    assert read.find(Days(now.date() + timedelta(days=1), None)) == []


def test_a_bucket_that_is_not_there(bucket):
    with pytest.raises(PlaceError, match="nobody"):
        answer("SELECT 1", "s3://nobody/at/all")
