from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_gateway.cli import app

pytest.importorskip("duckdb", reason="the extra `query` is not installed")

STORED = Path(__file__).parents[2] / "cloud_sink" / "stored" / "schema-1"


def run(*arguments: object):
    return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "200"})


def test_answers_as_a_table_or_as_json_lines():
    sql = "SELECT asset, opened_at, 'NaN'::DOUBLE AS nothing FROM alerts ORDER BY opened_at LIMIT 1"
    told = run("query", sql, "--from", STORED)
    assert told.exit_code == 0
    assert "pump" in told.stdout
    (line,) = run("query", sql, "--from", STORED, "--json").stdout.splitlines()
    assert json.loads(line) == {"asset": "pump", "opened_at": "2023-11-14T22:15:00+00:00", "nothing": None}


def test_sums_are_numbers():
    (line,) = run(
        "query", "SELECT sum(n) AS n, 1.5::DECIMAL(4, 1) AS x FROM summaries", "--from", STORED, "--json"
    ).stdout.splitlines()
    assert json.loads(line) == {"n": 7200, "x": 1.5}


def test_without_a_question_it_shows_what_there_is():
    told = run("query", "--from", STORED, "--json")
    columns = [json.loads(line) for line in told.stdout.splitlines()]
    assert {row["view"] for row in columns} == {"alerts", "transitions", "summaries", "sketches", "events", "gaps"}
    assert {"view": "summaries", "column": "mean", "type": "FLOAT"} in columns


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["SELEC", "--from", STORED], 2, "syntax error"),
        (["SELECT 1", "--from", "/nowhere"], 1, "is no folder"),
        (["SELECT 1", "--from", STORED, "--since", "today"], 2, "write it as 2026-01-31"),
        (["SELECT 1"], 2, "--from"),
    ],
)
def test_what_cannot_be_asked_is_told(arguments, code, words):
    told = run("query", *arguments)
    assert told.exit_code == code
    assert words in told.output


def test_days(tmp_path):
    sql = "SELECT count(*) AS n FROM summaries"
    assert json.loads(run("query", sql, "--from", STORED, "--since", "2023-11-15", "--json").stdout) == {"n": 0}
    assert json.loads(run("query", sql, "--from", STORED, "--until", "2023-11-14", "--json").stdout) == {"n": 12}


def test_compacts_a_day(tmp_path):
    shutil.copytree(STORED, tmp_path, dirs_exist_ok=True)
    (tmp_path / "lake").mkdir()
    told = run("compact", "--from", tmp_path, "--to", tmp_path / "lake", "--date", "2023-11-14")
    assert told.exit_code == 0
    assert "summaries/v1/site=plant/date=2023-11-14/day.parquet: 1 objects" in told.stdout
    nothing = run("compact", "--from", tmp_path, "--to", tmp_path / "lake", "--date", "2023-11-15")
    assert "nothing was delivered for 2023-11-15" in nothing.stdout
