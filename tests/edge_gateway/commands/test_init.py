"""`init` writes what `check` accepts; what is there already stays."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.simulator.scenery import SCENERIES
from edge_gateway.check import load_checked
from edge_gateway.cli import app
from edge_gateway.commands.init import DEFAULT_PORT
from edge_gateway.commands.register_start import _PORT, Template
from edge_gateway.tables import tag_tables


def test_every_plant_has_a_template() -> None:
    assert {template.value for template in Template} == set(SCENERIES)
    assert _PORT == DEFAULT_PORT


@pytest.mark.parametrize("name", SCENERIES)
def test_a_template_names_what_its_plant_serves(name: str, tmp_path: Path) -> None:
    asked = CliRunner().invoke(app, ["init", "--template", name, str(tmp_path), "--json", "--port", "5555"])
    assert asked.exit_code == 0
    told = json.loads(asked.stdout)
    assert all(Path(file).is_file() for file in told["written"])
    assert f"sluicegate simulate {name} --port 5555" in told["next"]
    config = load_checked(tmp_path / "gateway.toml", deep=True)
    scenery = SCENERIES[name]
    served = {(point.asset, point.tag): (scenery.tables[point.asset], point) for point in scenery.opcua}
    for tag in (tag for link in config.opcua for tag in link.tags):
        table, point = served[tag.asset, tag.tag]
        assert tag.node == point.node
        assert tag.unit == table.tags[table.index(tag.tag)].unit
    addresses = {(point.asset, point.tag): (point.unit, str(point.address)) for point in scenery.modbus}
    for unit in (unit for line in config.modbus for unit in line.all_units()):
        for register in unit.tags:
            assert addresses[register.asset, register.tag] == (unit.unit_id, str(register.address))
    assert {table.asset for table in tag_tables(config)} == set(scenery.tables)
    assert (tmp_path / "cloud").is_dir()


def test_what_is_there_already_stays_and_nothing_else_is_written(tmp_path: Path) -> None:
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "energy-meter.csv").write_text("mine")
    asked = CliRunner().invoke(app, ["init", "--template", "meters", str(tmp_path)])
    assert asked.exit_code == 2
    assert "energy-meter.csv: is there already" in asked.output
    assert not (tmp_path / "gateway.toml").exists()


def test_people_are_told_what_to_do_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(app, ["init"]).output
    assert "sluicegate simulate pump " in told
    assert "cd " not in told
    assert tomllib.loads((tmp_path / "gateway.toml").read_text())["opcua"][0]["name"] == "plc"


@pytest.mark.slow
@pytest.mark.integration
def test_a_plant_serves_until_it_is_told_to_stop_and_tells_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1] - 1
        refused = _simulate(tmp_path, port)
        _, told = refused.communicate(timeout=30)
        assert refused.returncode == 2
        assert "give another --port" in told
    with _simulate(tmp_path, port) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert (ready["pid"], ready["modbus_port"]) == (process.pid, port + 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def _simulate(folder: Path, port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "edge_gateway", "simulate", "meters", "--port", str(port), "--folder", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
