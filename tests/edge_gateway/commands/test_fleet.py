from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cloud_sink.batch import Batch, Row, batch_id
from cloud_sink.objects import build_object
from cloud_sink.records import Event, Lane
from cloud_sink.report import KIND, Report
from cloud_sink.settings import Naming
from cloud_sink.targets.file import FileTarget
from edge_gateway.cli import app


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["fleet", *map(str, arguments)], env={"COLUMNS": "240"})


def deliver(folder: Path, name: str, report: Report) -> None:
    now = time.time_ns()
    event = Event("", KIND, "regular", now - 3600 * 10**9, now, 0, "id", "", report)
    batch = Batch(batch_id([event.key]), Lane.EVENT, (Row(0, event.key, event.time, event.encode()),))
    sent = build_object(batch, Naming("plant", name, "1.0"))
    FileTarget(folder).put(sent.key, sent.data)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    deliver(tmp_path, "well", Report("1.2.3", "aa", "b1", 60, 3600, models=(("pump@7", "shadow", 2),)))
    deliver(tmp_path, "ringing", Report("1.2.3", "bb", "b2", 60, 3600, alarms=2, unanswered=1))
    return tmp_path


def test_gateways_are_shown_worst_first(place: Path) -> None:
    told = run("--from", place)
    assert told.exit_code == 0
    lines = [line for line in told.stdout.splitlines() if "plant" in line]
    assert [line.split()[2] for line in lines] == ["ringing", "well"]
    assert "1 alarms unanswered" in lines[0]
    assert "pump@7 (shadow)" in lines[1]
    assert "2 gateways, 1 well; 1 alarms" in told.stdout


def test_two_with_one_name_are_a_no(place: Path) -> None:
    deliver(place, "well", Report("1.2.3", "aa", "b9", 3600, 3600))
    deliver(place, "well", Report("1.2.3", "aa", "b1", 3600, 3600))
    told = run("--from", place)
    assert told.exit_code == 1
    assert "two machines have this name" in told.stdout


def test_for_machines(place: Path) -> None:
    rows = [json.loads(line) for line in run("--from", place, "--json").stdout.splitlines()]
    assert [row["gateway"] for row in rows] == ["ringing", "well"]
    assert rows[0]["worries"] == ["alarms"]
    assert rows[1]["report"]["models"] == [["pump@7", "shadow", 2]]


def test_one_that_is_missing_is_a_no(place: Path) -> None:
    told = run("--from", place, "--missing-after", "1ms")
    assert told.exit_code == 1
    assert "not heard for" in told.stdout


def test_nobody_there_is_a_no(place: Path, tmp_path: Path) -> None:
    told = run("--from", place, "--site", "nowhere")
    assert told.exit_code == 1
    assert "No gateway was heard" in told.stdout
    assert run("--from", tmp_path / "gone").exit_code == 1
    assert run("--from", place, "--since", "long").exit_code == 2
