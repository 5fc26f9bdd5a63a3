from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from connectors.modbus.address import parse
from connectors.modbus.plan import Limits
from edge_gateway.cli import app
from edge_gateway.commands.plan import Assumptions, Poll, costs, line_shares, warnings

SERIAL = Assumptions(9_600, 11, timedelta(milliseconds=10), timedelta(0))
NETWORK = Assumptions(None, 11, timedelta(0), timedelta(milliseconds=20))
CONFIG = """
[gateway]
site = "s"
name = "g"
data = "data"
[target]
kind = "file"
path = "cloud"
"""
UNIT = """
[[modbus]]
name = "unit-{unit}"
host = "bus"
unit_id = {unit}
poll_interval = "{interval}"
"""
TAG = """
[[modbus.tags]]
asset = "a-{unit}"
tag = "t-{at}"
address = "holding:{at}:float32"
"""

Sluicegate = Callable[..., Result]


@pytest.fixture
def sluicegate(tmp_path: Path) -> Sluicegate:
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def poll(name: str, every_s: float, *texts: str, line: str = "bus") -> Poll:
    addresses = tuple(parse(text) for text in texts)
    return Poll(line, name, 1, timedelta(seconds=every_s), addresses, Limits(), timedelta(0))


def test_shares_add_up_on_each_line() -> None:
    fast, slow = poll("fast", 0.1, "holding:0:uint16", "coil:3"), poll("slow", 1, "holding:0:uint16")
    found = costs([fast, slow, poll("other", 1, "coil:0", line="net")], NETWORK)
    assert [item.cost.requests for item in found] == [2, 1, 1]
    assert line_shares(found) == pytest.approx({"bus": 0.4 + 0.02, "net": 0.02})
    assert list(warnings(found)) == []


def test_warns_of_what_cannot_fit() -> None:
    full = [f"holding:{at}:float64" for at in range(0, 120, 4)]
    one = list(warnings(costs([poll("meter", 0.2, *full)], SERIAL)))
    assert len(one) == 2
    assert one[0].startswith("meter: 1 requests take 307")
    assert "more than the 200ms" in one[0]
    assert one[1].startswith("line bus: 154% of its time is taken: polls will be skipped")
    together = list(warnings(costs([poll(name, 0.7, *full) for name in "ab"], SERIAL)))
    assert together == [
        "line bus: 88% of its time is taken: one repeated request makes a poll late. Stay below 80%.",
    ]


def test_the_command_prints_a_line_for_each_poll_and_the_sum(sluicegate: Sluicegate, tmp_path: Path) -> None:
    units = [UNIT.format(unit=unit, interval="1s") + TAG.format(unit=unit, at=unit) for unit in (1, 2)]
    (tmp_path / "gateway.toml").write_text(CONFIG + "".join(units) + TAG.format(unit=2, at=99))
    result = sluicegate("plan", tmp_path / "gateway.toml", "--baud", 38400)
    assert result.exit_code == 0
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert rows[0][:2] == ["line", "unit"]
    assert rows[1] == ["bus:502", "unit-1 (1)", "1s", "1", "1", "2", "17", "18.4 ms", "1.8%"]
    assert rows[2][3:6] == ["2", "2", "4"]
    assert rows[3] == ["bus:502", "all", "", "", "", "", "", "", "5.5%"]
    assert not result.stderr

    told = json.loads(sluicegate("plan", tmp_path / "gateway.toml", "--baud", 38400, "--json").stdout)
    assert [item["requests"] for item in told["polls"]] == [["holding:1..2"], ["holding:2..3", "holding:99..100"]]
    assert told["lines"][0]["share"] == pytest.approx(0.055, abs=0.001)
    assert told["warnings"] == []


def test_a_warning_is_no_error(sluicegate: Sluicegate, tmp_path: Path) -> None:
    text = CONFIG + UNIT.format(unit=1, interval="20ms") + TAG.format(unit=1, at=1)
    (tmp_path / "gateway.toml").write_text(text)
    result = sluicegate("plan", tmp_path / "gateway.toml", "--baud", 9600)
    assert result.exit_code == 0
    assert "warning: unit-1: 1 requests take 37.5 ms, more than the 20ms" in result.stderr
    assert (
        len(json.loads(sluicegate("plan", tmp_path / "gateway.toml", "--baud", 9600, "--json").stdout)["warnings"]) == 2
    )


def test_a_configuration_that_is_none_is_refused(sluicegate: Sluicegate, tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(CONFIG)
    result = sluicegate("plan", tmp_path / "gateway.toml")
    assert result.exit_code == 2
    assert "no source" in result.stderr
