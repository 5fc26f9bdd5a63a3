from __future__ import annotations

import json
from pathlib import Path

from edge_gateway.status import StatusFile, read_status


def test_a_status_reads_back_and_says_who_wrote_it(tmp_path: Path) -> None:
    status = StatusFile(tmp_path / "status", "flow", lambda: {"windows": 7})
    status.beat(now=True)
    read = read_status(tmp_path / "status", "flow")
    assert read["windows"] == 7
    assert read["pid"] > 0
    assert read["time"] >= read["started"]


def test_it_is_not_written_more_often_than_it_is_due(tmp_path: Path) -> None:
    calls: list[int] = []
    status = StatusFile(tmp_path, "flow", lambda: calls.append(1) or {})
    for _ in range(100):
        status.beat()
    assert len(calls) == 1
    status.beat(now=True)
    assert len(calls) == 2


def test_none_and_half_a_status_read_as_nothing(tmp_path: Path) -> None:
    assert read_status(tmp_path, "acquire") == {}
    (tmp_path / "acquire.json").write_text(json.dumps({"pid": 1})[:-2])
    assert read_status(tmp_path, "acquire") == {}


def test_a_full_disk_costs_the_status_and_nothing_else(tmp_path: Path) -> None:
    status = StatusFile(tmp_path, "flow", lambda: {"windows": 7})
    (tmp_path / "flow.tmp").symlink_to("/dev/full")
    status.beat(now=True)
    assert read_status(tmp_path, "flow") == {}
    (tmp_path / "flow.tmp").unlink()
    status.beat(now=True)
    written = read_status(tmp_path, "flow")
    assert written["touched"] == written["time"]
    (tmp_path / "flow.tmp").symlink_to("/dev/full")
    status.beat(now=True)
    mute = read_status(tmp_path, "flow")
    assert mute["time"] == written["time"]
    assert mute["touched"] > written["touched"], "it lives"
    (tmp_path / "flow.tmp").unlink()
    status.beat(now=True)
    assert read_status(tmp_path, "flow")["windows"] == 7
