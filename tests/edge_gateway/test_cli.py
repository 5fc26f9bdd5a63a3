from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from edge_gateway import __version__
from edge_gateway.cli import app
from edge_gateway.demo.files import config_text

PLANT = {
    "opcua_endpoint": "opc.tcp://127.0.0.1:4840/plant",
    "opcua_server_certificate": "server.der",
    "modbus_host": "127.0.0.1",
    "modbus_port": 5020,
    "unit_id": 1,
}


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert __version__ in result.output


def test_check_refuses_with_2_and_all_problems(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('[gateway]\nsite = "s"\nnmae = "n"\n')
    result = CliRunner().invoke(app, ["check", str(path)])
    assert result.exit_code == 2
    for told in ("Did you mean 'name'?", "gateway.data: is required", "target: is required", "no source"):
        assert told in result.output, result.output


def test_check_tells_what_is_named_and_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "gateway.toml"
    path.write_text(config_text(PLANT))
    result = CliRunner().invoke(app, ["check", str(path)])
    assert result.exit_code == 2
    assert "server_certificate" in result.output
    assert "is not a bundle folder" in result.output


def test_check_describes_a_good_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "server.der").touch()
    path = tmp_path / "gateway.toml"
    text = config_text(PLANT)
    before, after = text.split("[[model]]")
    path.write_text(before + after[after.index("[alerts]") :])
    result = CliRunner().invoke(app, ["check", str(path)])
    assert result.exit_code == 0, result.output
    for told in ("ok", "pump-1", "none yet: cold start", "Modbus", "tcp 127.0.0.1"):
        assert told in result.output


def test_run_refuses_a_process_there_is_not(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["run", str(tmp_path / "x.toml"), "--only", "everything"])
    assert result.exit_code == 2
    assert "acquire, flow, deliver" in result.output
