from __future__ import annotations

import gzip
import json

import pytest

from cloud_sink.batch import Batch, Row, batch_id
from cloud_sink.objects import build_object
from cloud_sink.parquet import read_summaries
from cloud_sink.records import Lane
from cloud_sink.settings import Naming


def batch_of(*records):
    rows = tuple(Row(i, record.key, record.time, record.encode()) for i, record in enumerate(records))
    return Batch(batch_id(row.key for row in rows), records[0].lane, rows)


def test_alerts_are_gzipped_json_lines_with_their_key(make, naming):
    batch = batch_of(make.alert(3), make.alert(0))
    sent = build_object(batch, naming)
    expected = f"alerts/v1/site=plant/date=2023-11-14/gw-1-{make.alert(0).time}-{batch.id[:8]}.jsonl.gz"
    assert sent.key == expected
    assert sent.records == 2
    lines = [json.loads(line) for line in gzip.decompress(sent.data).splitlines()]
    assert [line["key"] for line in lines] == [make.alert(3).key, make.alert(0).key]
    assert lines[0]["alert_id"] == make.alert(3).alert_id
    assert lines[0]["contributions"] == [["flow", 1.0]]


def test_events_have_a_folder_of_their_own(make, naming):
    assert build_object(batch_of(make.event(0)), naming).key.startswith("events/v1/site=plant/date=2023-11-14/gw-1-")


def test_summaries_are_parquet_by_hour(make, naming):
    sent = build_object(batch_of(make.summary(1), make.summary(0)), naming)
    assert sent.key.startswith(f"summaries/v1/site=plant/date=2023-11-14/hour=22/gw-1-{make.start}-")
    assert sent.key.endswith(".parquet")
    assert [summary.start for summary in read_summaries(sent.data)] == [make.summary(m).start for m in (0, 1)]


@pytest.mark.parametrize("kind", ["alert", "event", "summary"])
def test_the_same_batch_is_the_same_object(make, naming, kind):
    first, second = (build_object(batch_of(*(getattr(make, kind)(i) for i in range(5))), naming) for _ in range(2))
    assert first == second
    assert first.sha256 == second.sha256


def test_a_body_that_cannot_be_decoded(make, naming):
    broken = Batch("0" * 64, Lane.SUMMARY, (Row(1, "k", 0, b"\x02\x00\x00\x00{]"),))
    with pytest.raises(ValueError, match="Expecting"):
        build_object(broken, naming)


@pytest.mark.parametrize("site", ["", "a/b", "..", "plant 1", "x" * 64])
def test_names_that_would_break_keys_are_refused(site):
    with pytest.raises(ValueError, match=r"site = .*part of object keys"):
        Naming(site, "gw", "1")
