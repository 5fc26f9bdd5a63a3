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
[[target]]
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
    assert rows[1] == ["tcp bus:502", "unit-1 (1)", "1s", "1", "1", "2", "17", "18.4 ms", "1.8%"]
    assert rows[2][3:6] == ["2", "2", "4"]
    assert rows[3] == ["tcp bus:502", "all", "", "", "", "", "", "", "5.5%"]
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


BUS = """
[[modbus]]
name = "bus"
transport = "rtu"
device = "/dev/ttyUSB0"
baudrate = 19200
parity = "N"
[[modbus.units]]
unit_id = 3
[[modbus.units.tags]]
asset = "a"
tag = "fast"
address = "holding:0:uint16"
poll_interval = "250ms"
[[modbus.units.tags]]
asset = "a"
tag = "slow"
address = "holding:1:uint16"
[[modbus.units]]
unit_id = 4
map = "meter.csv"
asset = "meter"
poll_interval = "2s"
"""


def test_units_intervals_and_maps_of_a_serial_line_at_its_own_rate(sluicegate: Sluicegate, tmp_path: Path) -> None:
    (tmp_path / "meter.csv").write_text(
        "tag,address,poll_interval\nvoltage,input:0:float32,\nenergy,input:2:uint32,1min\n"
    )
    (tmp_path / "gateway.toml").write_text(CONFIG + BUS)

    def told(*options: object) -> list[dict[str, object]]:
        result = sluicegate("plan", tmp_path / "gateway.toml", "--json", *options)
        assert result.exit_code == 0, result.stderr
        polls: list[dict[str, object]] = json.loads(result.stdout)["polls"]
        return polls

    polls = told()
    assert [(item["unit_id"], item["interval_s"], item["requests"]) for item in polls] == [
        (3, 0.25, ["holding:0..0"]),
        (3, 1.0, ["holding:1..1"]),
        (4, 2.0, ["input:0..1"]),
        (4, 60.0, ["input:2..3"]),
    ]
    character_s = 10 / 19_200  # 8N1
    assert polls[0]["seconds"] == pytest.approx((8 + 7 + 2 * 3.5) * character_s + 0.010)
    assert told("--baud", 1200) == polls, "the configuration knows better"
    rows = sluicegate("plan", tmp_path / "gateway.toml").stdout.split("\n\n")[0].splitlines()
    assert len({row.split("\t")[0] for row in rows[1:]}) == 1, "one line"
