from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import pytest

from cloud_sink.egress import EgressLedger, read_ledger
from cloud_sink.errors import TransientDeliveryError, TransientReason
from cloud_sink.objects import CloudObject
from cloud_sink.records import Lane
from cloud_sink.targets.base import Receipt

SENT = CloudObject(Lane.ALERT, "alerts/v1/x.jsonl.gz", b"12345", 3)
RECEIPT = Receipt(SENT.sha256, wire=300)


def test_a_line_for_each_object(tmp_path):
    ledger = EgressLedger(tmp_path)
    ledger.note(SENT, "file:/mnt", RECEIPT, 1_700_000_000_123_000_000)
    ledger.note(SENT, "file:/mnt", RECEIPT, 1_700_000_001_000_000_000)
    lines = [json.loads(line) for line in (tmp_path / "egress.jsonl").read_text().splitlines()]
    assert lines[0] == {
        "time": "2023-11-14T22:13:20.123+00:00",
        "target": "file:/mnt",
        "lane": "alert",
        "key": "alerts/v1/x.jsonl.gz",
        "records": 3,
        "bytes": 5,
        "wire": 300,
        "sha256": SENT.sha256,
        "outcome": "delivered",
    }
    assert len(lines) == 2


def test_stays_bounded(tmp_path):
    ledger = EgressLedger(tmp_path, max_bytes=1000)
    for i in range(50):
        ledger.note(SENT, "file:/mnt", RECEIPT, i)
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["egress.1.jsonl", "egress.jsonl"] or len(files) == 1
    assert sum(path.stat().st_size for path in files) < 2500


def test_a_line_torn_by_a_crash_spoils_no_other(tmp_path):
    ledger = EgressLedger(tmp_path)
    (tmp_path / "egress.jsonl").write_text('{"time":"2023-11-14T22:13:20.123+00:00","tar')
    ledger.note(SENT, "file:/mnt", RECEIPT, 1)
    ledger.note(SENT, "file:/mnt", RECEIPT, 2)
    _, *whole = (tmp_path / "egress.jsonl").read_text().splitlines()
    assert [json.loads(line)["key"] for line in whole] == [SENT.key] * 2


def test_a_line_that_fits_only_half_is_a_failure(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr("cloud_sink.egress.os.write", lambda file, line: write(file, line[:10]))
    with pytest.raises(OSError, match="No space left"):
        EgressLedger(tmp_path).note(SENT, "file:/mnt", RECEIPT, 1)


EPOCH = datetime.fromtimestamp(0, UTC)


def test_bytes_that_left_in_vain_are_told(tmp_path):
    error = TransientDeliveryError(TransientReason.CUT, "scripted")
    error.wire = 4321
    EgressLedger(tmp_path).note(SENT, "s3:x", error, 1)
    (entry,) = read_ledger(tmp_path, EPOCH)
    assert (entry.outcome, entry.wire, entry.size, entry.sha256) == ("cut", 4321, 5, SENT.sha256)


def test_is_read_from_a_time_on_over_both_files_without_torn_lines(tmp_path):
    ledger = EgressLedger(tmp_path, max_bytes=1000)
    for i in range(5):
        ledger.note(SENT, "file:/mnt", RECEIPT, i * 10**9)
    with (tmp_path / "egress.jsonl").open("a") as file:
        file.write('{"time":"1970-01-01T00:00:09.000+00:00","tar')
    assert (tmp_path / "egress.1.jsonl").exists()
    found = [entry.time.timestamp() for entry in read_ledger(tmp_path, datetime.fromtimestamp(2, UTC))]
    assert found == [2, 3, 4]
    assert not list(read_ledger(tmp_path / "nowhere", EPOCH))


def test_reads_what_the_first_version_wrote(tmp_path):
    old = {"time": "2023-11-14T22:13:20.123+00:00", "target": "file:/m", "lane": "alert", "key": "k", "records": 1}
    (tmp_path / "egress.jsonl").write_text(json.dumps({**old, "bytes": 5, "sha256": "x"}) + "\n")
    (entry,) = read_ledger(tmp_path, EPOCH)
    assert (entry.wire, entry.outcome) == (0, "delivered")
