from __future__ import annotations

import json
import os

import pytest

from cloud_sink.egress import EgressLedger
from cloud_sink.objects import CloudObject
from cloud_sink.records import Lane

SENT = CloudObject(Lane.ALERT, "alerts/v1/x.jsonl.gz", b"12345", 3)


def test_a_line_for_each_object(tmp_path):
    ledger = EgressLedger(tmp_path)
    ledger.note(SENT, "file:/mnt", SENT.sha256, 1_700_000_000_123_000_000)
    ledger.note(SENT, "file:/mnt", SENT.sha256, 1_700_000_001_000_000_000)
    lines = [json.loads(line) for line in (tmp_path / "egress.jsonl").read_text().splitlines()]
    assert lines[0] == {
        "time": "2023-11-14T22:13:20.123+00:00",
        "target": "file:/mnt",
        "lane": "alert",
        "key": "alerts/v1/x.jsonl.gz",
        "records": 3,
        "bytes": 5,
        "sha256": SENT.sha256,
    }
    assert len(lines) == 2


def test_stays_bounded(tmp_path):
    ledger = EgressLedger(tmp_path, max_bytes=1000)
    for i in range(50):
        ledger.note(SENT, "file:/mnt", SENT.sha256, i)
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["egress.1.jsonl", "egress.jsonl"] or len(files) == 1
    assert sum(path.stat().st_size for path in files) < 2500


def test_a_line_torn_by_a_crash_spoils_no_other(tmp_path):
    ledger = EgressLedger(tmp_path)
    (tmp_path / "egress.jsonl").write_text('{"time":"2023-11-14T22:13:20.123+00:00","tar')
    ledger.note(SENT, "file:/mnt", SENT.sha256, 1)
    ledger.note(SENT, "file:/mnt", SENT.sha256, 2)
    _, *whole = (tmp_path / "egress.jsonl").read_text().splitlines()
    assert [json.loads(line)["key"] for line in whole] == [SENT.key] * 2


def test_a_line_that_fits_only_half_is_a_failure(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr("cloud_sink.egress.os.write", lambda file, line: write(file, line[:10]))
    with pytest.raises(OSError, match="No space left"):
        EgressLedger(tmp_path).note(SENT, "file:/mnt", SENT.sha256, 1)
