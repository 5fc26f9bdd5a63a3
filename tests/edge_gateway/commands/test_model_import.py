"""`sluicegate model import` from a recording of the simulated plant to a bundle that its gateway would serve."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import Result
from onnx import TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.simulator.recorder import simulate
from connectors.simulator.tags import PUMPS, TABLES
from edge_gateway.cli import app
from edge_gateway.demo.files import config_text
from models.features import STANDARD
from models.onnx_scorer import OnnxScorer

PLANT = {
    "opcua_endpoint": "opc.tcp://127.0.0.1:4840/plant",
    "opcua_server_certificate": "server.der",
    "modbus_host": "127.0.0.1",
    "modbus_port": 5020,
    "unit_id": 1,
}
TAGS = TABLES[PUMPS[0]].names

Sluicegate = Callable[..., Result]


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "journal"
    batches = [batch for batch in simulate(120.0, 1, 1_767_225_600_000_000_000) if batch.asset in PUMPS]
    with JournalWriter(folder, tuple(TABLES[asset] for asset in PUMPS), JournalSettings()) as writer:
        for batch in batches:
            writer.append([batch])
    return folder


@pytest.fixture
def sluicegate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, journal: Path) -> Sluicegate:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "gateway.toml").write_text(config_text(PLANT))
    common = ("--gateway", "gateway.toml", "--calibrate", journal, "--asset", PUMPS[0], "--asset", PUMPS[1])
    return lambda *words: CliRunner().invoke(app, [str(word) for word in ("model", "import", *words, *common)])


def mean_error(path: Path, tags: int) -> Path:
    """Rows as they should be: each at 0."""
    columns = tags * len(STANDARD.features)
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "zero"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", columns])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", columns])],
        [numpy_helper.from_array(np.zeros(1, np.float32), "zero")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_from_a_file_to_a_bundle(sluicegate: Sluicegate, tmp_path: Path) -> None:
    result = sluicegate(mean_error(tmp_path / "flat.onnx", len(TAGS)), "--features", "standard")
    assert result.exit_code == 0, result.output
    assert "flat@1: judged by the error of its reconstruction, all rows in one call" in result.output
    assert "Next: sluicegate model add models/flat" in result.output
    scorer = OnnxScorer.load(tmp_path / "models" / "flat")
    assert sorted(scorer.tags) == sorted(TAGS)
    assert f"of each of {', '.join(scorer.tags)}, tag by tag" in result.output  # the order of the configuration
    assert scorer.manifest.feature_set.hash == STANDARD.hash
    assert scorer.manifest.counter > 1_700_000_000
    assert json.loads((tmp_path / "models" / "flat" / "manifest.json").read_text())["detector"] == "onnx-reconstruction"


def test_the_tags_are_the_models_in_its_order(sluicegate: Sluicegate, tmp_path: Path) -> None:
    chosen = (TAGS[2], TAGS[0])
    words = [word for tag in chosen for word in ("--tag", tag)]
    result = sluicegate(mean_error(tmp_path / "m.onnx", 2), *words, "--name", "two", "--version", "7")
    assert result.exit_code == 0, result.output
    assert OnnxScorer.load(tmp_path / "models" / "two").tags == chosen


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--tag", "nothing"), '--tag = "nothing": is not there. Tags: '),
        (("--tag", TAGS[0], "--tag", TAGS[0]), "is named twice"),
        (("--name", "a b"), "is no name of a model"),
        (("--features", "nothing"), "must be one of standard"),
        (("--tag", TAGS[0]), "input shape"),
        (("--output", "z"), "output = z: is no output"),
        (("--column", "x"), "must be TAG=COLUMN"),
        (("--falls",), "never falls"),
    ],
)
def test_what_cannot_be_is_told(sluicegate: Sluicegate, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    result = sluicegate(mean_error(tmp_path / "m.onnx", len(TAGS)), *words)
    assert result.exit_code in (1, 2)
    assert told in result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "models").exists() or not any((tmp_path / "models").iterdir())


def test_a_recording_that_is_none_is_told(tmp_path: Path) -> None:
    path = mean_error(tmp_path / "m.onnx", 1)
    result = CliRunner().invoke(app, ["model", "import", str(path), "--calibrate", str(tmp_path / "none.parquet")])
    assert result.exit_code == 2
    assert "--calibrate" in result.output
