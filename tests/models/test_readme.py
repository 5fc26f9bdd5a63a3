"""The README of the room tells only what is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

import models
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.simulator.recorder import simulate
from connectors.simulator.tags import TABLES
from edge_gateway.cli import app
from models.detectors.catalogue import FOLLOW_ROWS, KINDS
from models.onnx_scorer import OnnxScorer

ROOM = Path(models.__file__).parent
README = (ROOM / "README.md").read_text(encoding="utf-8")


def test_every_linked_file_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [path for path in links if not (ROOM / path).exists()] == []


def test_every_detector_is_in_the_table_and_no_other() -> None:
    (table,) = re.findall(r"\| Detector \|.*?\n\n", README, re.DOTALL)
    rows = [row.split("|") for row in table.strip().splitlines()[2:]]
    judges = {name: row[2] for row in rows for name in re.findall(r"`(\w+)`", row[1])}
    assert sorted(judges) == sorted(KINDS)
    assert {name for name, said in judges.items() if "in time order" in said} == {
        name for name, kind in KINDS.items() if kind.stateful
    }


def test_figures_are_those_of_the_code() -> None:
    assert f"({KINDS['suite'].least_rows} of each asset for the suite)" in README
    assert f"({FOLLOW_ROWS:.0f} windows; `--no-follow`" in README


def test_options_of_the_examples_are_there() -> None:
    all_known = set()
    for name, examples in (("train", 3), ("evaluate", 4)):
        command = get_command(app).commands[name]  # type: ignore[attr-defined]
        known = {word for parameter in command.params for word in (*parameter.opts, *parameter.secondary_opts)}
        lines = [line for line in README.splitlines() if line.startswith(f"sluicegate {name}")]
        assert len(lines) == examples
        assert set(re.findall(r"(--[\w-]+)", "\n".join(lines))) <= known
        all_known |= known
    assert set(re.findall(r"`(--[\w-]+)", README)) <= all_known


def test_the_four_lines_of_python_make_a_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with JournalWriter(tmp_path / "data" / "journal", (TABLES["pump-1"],), JournalSettings()) as journal:
        for batch in simulate(150.0, 1, 1_767_225_600_000_000_000):
            if batch.asset == "pump-1":
                journal.append([batch])
    (example,) = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "AnomalyModel" in block]
    assert len([line for line in example.splitlines() if line and not line.startswith("from")]) == 4
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert "windows of each asset to learn from, and the suite needs 400 [1 1 1 1 1]" in capsys.readouterr().out
    assert OnnxScorer.load(Path("models/pump")).model == "pump@2"
