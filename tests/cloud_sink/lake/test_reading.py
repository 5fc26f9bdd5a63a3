"""The guide for consumers: its statements and its code run, and it names the views there are."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("duckdb", reason="the extra `query` is not installed")

from typer.main import get_command

import cloud_sink
from cloud_sink.lake.places import Days, open_place
from cloud_sink.lake.sql import VIEWS, Lake
from cloud_sink.parquet import write_summaries
from cloud_sink.settings import Naming
from cloud_sink.sketch import sketch
from edge_gateway.cli import app

GUIDE = (Path(cloud_sink.__file__).parent / "READING.md").read_text(encoding="utf-8")
STORED = Path(__file__).parents[1] / "stored" / "schema-1"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


STATEMENTS = [text.strip() for block in blocks("sql") for text in block.split(";") if text.strip()]


@pytest.mark.parametrize("sql", STATEMENTS, ids=lambda sql: sql.splitlines()[0].lstrip("- ")[:40])
def test_a_statement_runs_and_finds_something(sql, tmp_path, make):
    sketches = sketch(make.start, 2, np.array([0, 0, 1]), np.array([1.0, 2.0, 3.0]))
    data = write_summaries([replace(make.summary(0), sketches=sketches)], Naming("plant", "gw-1", "0.0.1"))
    (tmp_path / "summaries/v1/site=plant/date=2023-11-14/hour=22").mkdir(parents=True)
    (tmp_path / "summaries/v1/site=plant/date=2023-11-14/hour=22/gw-1.parquet").write_bytes(data)
    lake = Lake([open_place(str(STORED)), open_place(str(tmp_path))], Days())
    assert len(lake.query(sql))
    lake.close()


def test_the_code_runs(tmp_path):
    (tmp_path / "cloud").symlink_to(STORED)
    (code,) = blocks("python")
    subprocess.run([sys.executable, "-c", code + "assert len(table) == 6"], cwd=tmp_path, check=True, timeout=60)


def test_every_command_and_option_is_there():
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("sluicegate ")]
    assert lines
    for line in lines:
        _, name, *words = shlex.split(line, comments=True)
        command = get_command(app).commands[name]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options


def test_every_view_is_told():
    table = GUIDE[GUIDE.index("| View") : GUIDE.index("`end`, `at`")]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(VIEWS)
