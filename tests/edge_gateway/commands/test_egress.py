from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cloud_sink.egress import EgressLedger
from cloud_sink.errors import TransientDeliveryError, TransientReason
from cloud_sink.objects import CloudObject
from cloud_sink.records import Lane
from cloud_sink.targets.base import Receipt
from edge_gateway.cli import app

CONFIG = """
[gateway]
site = "s"
name = "g"
data = "data"
[[modbus]]
name = "press"
host = "127.0.0.1"
[[modbus.tags]]
asset = "a"
tag = "t"
address = "holding:100:float32:CDAB"
[[target]]
kind = "file"
path = "cloud"
"""
HOUR = 3600 * 10**9


@pytest.fixture
def gateway(tmp_path: Path) -> Path:
    (tmp_path / "gateway.toml").write_text(CONFIG)
    outbox = tmp_path / "data" / "outbox"
    outbox.mkdir(parents=True)
    ledger, now = EgressLedger(outbox), time.time_ns()
    alert = CloudObject(Lane.ALERT, "alerts/v1/old", b"12345", 3)
    summary = CloudObject(Lane.SUMMARY, "summaries/v1/a", b"0" * 4000, 60)
    cut = TransientDeliveryError(TransientReason.CUT, "scripted")
    cut.wire = 1500
    ledger.note(alert, "s3:x/lake", Receipt("f" * 64, wire=700), now - 30 * HOUR)
    ledger.note(summary, "s3:x/lake", cut, now - 2 * HOUR)
    ledger.note(summary, "s3:x/lake", Receipt("e" * 64, wire=4600), now - HOUR)
    return tmp_path / "gateway.toml"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["egress", *map(str, arguments)], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


def test_reads_the_configuration_of_the_folder_it_is_called_in(gateway, monkeypatch):
    monkeypatch.chdir(gateway.parent)
    assert run("--since", "24h") == run(gateway, "--since", "24h")


def test_sums_of_the_last_day_with_what_left_in_vain(gateway):
    (line,) = [line.split() for line in run(gateway).splitlines() if "summary" in line]
    assert line == ["s3:x/lake", "summary", "1", "60", "4,000", "6,100", "1"]


def test_further_back(gateway):
    told = run(gateway, "--since", "7d")
    assert "in the last 7d" in told
    assert [line.split() for line in told.splitlines() if line.strip().startswith("all")] == [
        ["all", "2", "63", "4,005", "6,800", "1"]
    ]


def test_json(gateway):
    found = json.loads(run(gateway, "--json"))
    assert found == {
        "since_s": 86400.0,
        "sums": [
            {
                "target": "s3:x/lake",
                "lane": "summary",
                "objects": 1,
                "records": 60,
                "size": 4000,
                "wire": 6100,
                "attempts": 1,
            }
        ],
    }


def test_each(gateway):
    first, second = map(json.loads, run(gateway, "--every", "--json").splitlines())
    assert (first["outcome"], second["outcome"]) == ("cut", "delivered")
    assert second["sha256"] == "e" * 64
    assert "summaries/v1/a" in run(gateway, "--every")


def test_nothing(gateway):
    assert "Nothing left the site in the last 1min." in run(gateway, "--since", "1min")


@pytest.mark.parametrize("since", ["24", "yesterday", "-1h"])
def test_a_duration_that_is_none(gateway, since):
    result = CliRunner().invoke(app, ["egress", str(gateway), "--since", since])
    assert result.exit_code == 2


def test_no_configuration(tmp_path):
    assert CliRunner().invoke(app, ["egress", str(tmp_path / "none.toml")]).exit_code == 2
