"""`sluicegate replay` as one types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_gateway.cli import app


@pytest.fixture
def folder(mill: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(mill, tmp_path / "mill"))


def replay(folder: Path, *options: str, recording: str = "r.parquet") -> tuple[int, str]:
    command = ["replay", str(folder / recording), "--gateway", str(folder / "gateway.toml"), *options]
    result = CliRunner().invoke(app, command)
    return result.exit_code, result.output


def files(folder: Path) -> dict[str, bytes]:
    named = [*(folder / "records").rglob("*"), folder / "replay.json"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in named if path.is_file()}


def test_every_file_is_the_same_at_any_speed(folder: Path) -> None:
    assert replay(folder, "--out", str(folder / "one"))[0] == 0
    assert replay(folder, "--out", str(folder / "two"), "--speed", "200x")[0] == 0
    first = files(folder / "one")
    assert {name.split("/")[1] for name in first if "/" in name} == {"alerts", "events", "summaries"}
    assert files(folder / "two") == first


def test_told_for_people_and_for_programs(folder: Path) -> None:
    code, told = replay(folder)
    assert code == 0
    assert "flow.HH  opened" in told
    assert "late samples: 3" in told
    code, text = replay(folder, "--json")
    facts = json.loads(text)
    assert facts["accounts"]["mill"]["late"] == 3
    assert {("flow.HH", "opened"), ("flow.HH", "cleared")} <= {(one["rule"], one["state"]) for one in facts["alerts"]}


def test_a_table_of_others(folder: Path) -> None:
    """Its seconds come one by one, so the alarm opens where it would have; a column that is no tag is left out."""
    rows = [f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z,{90 if 300 <= n < 400 else 50},1,{n}" for n in range(600)]
    (folder / "t.csv").write_text("time,flow,power,batch\n" + "\n".join(rows))
    code, text = replay(folder, "--json", recording="t.csv")
    assert code == 0, text
    facts = json.loads(text)
    assert facts["left_out"] == ["batch of asset mill (not configured)"]
    opened = [one for one in facts["alerts"] if (one["rule"], one["state"]) == ("flow.HH", "opened")]
    assert [one["opened_at"] for one in opened] == [1767225600_000000000 + 300 * 10**9]


def test_refusals(folder: Path) -> None:
    (folder / "full").mkdir()
    (folder / "full" / "plans.txt").write_text("mine")
    (folder / "other.csv").write_text("time,speed\n1,2\n")
    (folder / "broken.parquet").write_text("no")
    for options, recording, told in (
        (["--out", str(folder / "full")], "r.parquet", "not a replay's"),
        (["--out", str(folder / "data" / "here")], "r.parquet", "data folder of the gateway"),
        ([], "other.csv", "holds none of the tags"),
        ([], "broken.parquet", "is no recording"),
        ([], "nowhere.parquet", "nowhere.parquet"),
    ):
        code, output = replay(folder, *options, recording=recording)
        assert (code, told in output) == (2, True), output
    assert (folder / "full" / "plans.txt").read_text() == "mine"


def test_a_flow_that_raises(folder: Path) -> None:
    (folder / "broken.py").write_text(
        "import bytewax.operators as op\n"
        "from bytewax.dataflow import Dataflow\n"
        "def build(gateway):\n"
        "    flow = Dataflow('broken')\n"
        "    samples = op.input('samples', flow, gateway.source())\n"
        "    op.output('outbox', op.map('one', samples, lambda item: 1 / 0), gateway.sink())\n"
        "    return flow\n"
    )
    path = folder / "gateway.toml"
    path.write_text(path.read_text().replace('data = "data"', 'data = "data"\nflow = "broken.py"'))
    code, output = replay(folder)
    assert code == 3
    assert "ZeroDivisionError" in output
