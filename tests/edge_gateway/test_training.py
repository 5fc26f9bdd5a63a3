"""`sluicegate train` on what a gateway leaves behind, and on what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.recording import export_journal
from connectors.simulator.recorder import simulate
from connectors.simulator.tags import PUMPS, TABLES
from edge_gateway.cli import app
from edge_gateway.demo.files import config_text

PLANT = {
    "opcua_endpoint": "opc.tcp://127.0.0.1:4840/plant",
    "opcua_server_certificate": "server.der",
    "modbus_host": "127.0.0.1",
    "modbus_port": 5020,
    "unit_id": 1,
}


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "journal"
    batches = [batch for batch in simulate(120.0, 1, 1_767_225_600_000_000_000) if batch.asset in PUMPS]
    with JournalWriter(folder, tuple(TABLES[asset] for asset in PUMPS), JournalSettings()) as writer:
        for batch in batches:
            writer.append([batch])
    return folder


def train(folder: Path, recording: Path, *assets: str) -> Result:
    # The configuration names the bundle that is to be made, as one would write it.
    (folder / "gateway.toml").write_text(config_text(PLANT))
    chosen = [word for asset in assets for word in ("--asset", asset)]
    out = str(folder / "models" / "pump")
    return CliRunner().invoke(
        app, ["train", str(folder / "gateway.toml"), "--from", str(recording), *chosen, "--out", out]
    )


def test_a_journal_and_its_export_give_the_same_model(tmp_path: Path, journal: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    result = train(one, journal, *PUMPS)
    assert result.exit_code == 0, result.output
    for told in ("pump@1: ", "hold-out", "warning: ", '[[model]]\nassets = ["pump-1", "pump-2"]'):
        assert told in result.output
    export_journal(journal, tmp_path / "r.parquet")
    assert train(other, tmp_path / "r.parquet", *PUMPS).exit_code == 0
    model = "models/pump/model.onnx"
    assert (one / model).read_bytes() == (other / model).read_bytes()


def test_what_cannot_be_trained_on_is_told_without_a_trace(tmp_path: Path, journal: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.parquet").write_text("x")
    for recording, assets, told in (
        (tmp_path / "empty", ["pump-1"], "holds no journal"),
        (tmp_path / "text.parquet", ["pump-1"], "is no recording"),
        (tmp_path / "absent", ["pump-1"], "absent"),
        (journal, ["pump-9"], "it has pump-1, pump-2, tank-1"),
        (journal, ["pump-1", "tank-1"], "is of another kind than pump-1, it lacks flow"),
        (journal, ["tank-1"], "windows are needed"),
    ):
        result = train(tmp_path, recording, *assets)
        assert result.exit_code == 2, result.output
        assert told in result.output
        assert isinstance(result.exception, SystemExit)
