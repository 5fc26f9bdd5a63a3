"""`sluicegate train` on what a gateway leaves behind, and on what it does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.recording import export_journal
from connectors.samples import SampleBatch, unfold_waveform
from connectors.simulator.recorder import simulate
from connectors.simulator.tags import PUMPS, TABLES
from connectors.tags import Tag, TagTable
from edge_gateway.cli import app
from edge_gateway.demo.files import config_text
from edge_gateway.training import RecordingRefused, train_bundle
from flows.recorded import feature_rows
from flows.window_settings import WindowSettings
from models.features import VIBRATION
from models.onnx_scorer import OnnxScorer

PLANT = {
    "opcua_endpoint": "opc.tcp://127.0.0.1:4840/plant",
    "opcua_server_certificate": "server.der",
    "modbus_host": "127.0.0.1",
    "modbus_port": 5020,
    "unit_id": 1,
}

RUMBLE = TagTable("gearbox", (Tag("casing", "m/s2", 0.001, waveform=True), Tag("oil", "degC", 0.25)))


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


def rumble(seconds: int, seed: int, *, damaged: bool = False) -> list[SampleBatch]:
    """A waveform in bursts of a quarter of a second with holes between them, and a slow tag beside it."""
    rng = np.random.default_rng(seed)
    out = []
    for quarter in range(seconds * 4):
        x = rng.normal(size=250)
        if damaged:
            x[::50] += 8.0
        end = 1_767_225_600_000_000_000 + quarter * 10**9 // 4 + 249 * 10**6
        out.append(unfold_waveform(RUMBLE, 0, x, end - quarter % 2 * 7 * 10**6, 0, end))
        slow = np.array([1], dtype=np.uint16), np.array([end]), np.array([40.0]), np.zeros(1, dtype=np.uint32)
        out.append(SampleBatch(RUMBLE, *slow, end))
    return out


def test_a_model_of_the_vibration_set_is_of_waveform_tags_and_hears_a_damage(tmp_path: Path) -> None:
    windows = WindowSettings("1s", lateness="0s")
    report = train_bundle(rumble(120, 1), RUMBLE, windows, tmp_path / "m", name="m", version="1", feature_set=VIBRATION)
    scorer = OnnxScorer.load(tmp_path / "m")
    assert scorer.tags == ("casing",)
    assert scorer.manifest.feature_set.hash == VIBRATION.hash
    assert report.rows > 80
    for damaged in (False, True):
        items = rumble(20, 2, damaged=damaged)
        rows, _ = feature_rows(items, windows, VIBRATION, scorer.tags, scorer.features, scorer.min_coverage)
        assert len(rows) >= 18
        assert ((scorer.score(rows).score > 1.0) == damaged).mean() > 0.9
    slow = TagTable("slow", RUMBLE.tags[1:])
    with pytest.raises(RecordingRefused, match="feature set vibration is for waveforms, and asset slow has none"):
        train_bundle([], slow, windows, tmp_path / "n", name="n", version="1", feature_set=VIBRATION)
