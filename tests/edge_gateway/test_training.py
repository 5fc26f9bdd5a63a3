"""`sluicegate train` on what a gateway leaves behind, and on what it does not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.recording import export_journal
from connectors.samples import SampleBatch, concat, unfold_waveform
from connectors.simulator.recorder import simulate
from connectors.simulator.tags import PUMPS, TABLES
from connectors.tags import Tag, TagTable
from edge_gateway.cli import app
from edge_gateway.demo.files import config_text
from edge_gateway.recordings import RecordingRefused
from edge_gateway.training import load_rows, train_bundle
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


def table_of(batches: list[SampleBatch], asset: str, path: Path) -> Path:
    """Samples of one asset as a table that somebody exported: a column a tag, with names of its own."""
    batch = concat([batch for batch in batches if batch.asset == asset])
    columns = {tag.name: batch.tag == at for at, tag in enumerate(batch.tags.tags) if not tag.waveform}
    times = np.unique(batch.source_time[np.logical_or.reduce(list(columns.values()))])
    lines = ["When;" + ";".join(f"{asset} {name}" for name in columns) + ";remark"]
    values = {
        name: dict(zip(batch.source_time[mine], batch.value[mine], strict=True)) for name, mine in columns.items()
    }
    for moment in times:
        cells = [str(values[name].get(moment, "")).replace(".", ",") for name in columns]
        lines.append(f"{np.datetime64(int(moment), 'ns')};{';'.join(cells)};ok")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_table_needs_no_configuration_and_the_rule_says_what_it_chose(tmp_path: Path) -> None:
    batches = simulate(1500.0, 1, 1_767_225_600_000_000_000)
    path = table_of(list(batches), "pump-1", tmp_path / "export.csv")
    out = tmp_path / "models" / "pump"
    words = ["train", "--from", str(path), "--asset", "pump-1", "--window", "2s", "--out", str(out)]
    result = CliRunner().invoke(app, [*words, "--column", "time=When"])
    assert result.exit_code == 0, result.output
    assert "pump@1: suite (the suite is the default; held-out over in-sample scores" in result.output
    manifest = OnnxScorer.load(out).manifest
    assert manifest.tags == tuple(f"pump-1 {tag.name}" for tag in TABLES["pump-1"].tags if not tag.waveform)
    assert (manifest.window_length_ns, manifest.features) == (2 * 10**9, ("mean",))
    assert manifest.counter > 1_700_000_000  # when it was trained: a later version is never taken for an older one


def test_a_column_of_labels_is_no_tag_and_that_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    rows = [f"{at},{20 + rng.normal():.3f},0" for at in range(1_767_225_600, 1_767_225_600 + 200)]
    (tmp_path / "t.csv").write_text("\n".join(["time,flow,anomaly", *rows]))
    words = ["train", "--from", str(tmp_path / "t.csv"), "--window", "2s", "--detector", "pca"]
    result = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "m")])
    assert result.exit_code == 0, result.output
    assert "left out: anomaly, by its name a label and no measurement" in result.output
    assert OnnxScorer.load(tmp_path / "m").tags == ("flow",)


def test_a_tag_of_a_table_is_called_as_one_likes(tmp_path: Path) -> None:
    batches = list(simulate(120.0, 1, 1_767_225_600_000_000_000))
    path = table_of(batches, "pump-1", tmp_path / "export.csv")
    out = tmp_path / "m"
    words = ["train", "--from", str(path), "--window", "1s", "--out", str(out), "--detector", "pca"]
    columns = ["--column", "time=When", "--column", "flow=pump-1 flow"]
    result = CliRunner().invoke(app, [*words, *columns])
    assert result.exit_code == 0, result.output
    assert OnnxScorer.load(out).manifest.tags == ("flow",)
    assert 'assets = ["export"]' in result.output  # called as the file, where nobody says


def test_wishes_that_cannot_be_are_told(tmp_path: Path, journal: Path) -> None:
    for words, told in (
        (["--detector", "pcs"], "detector = pcs: must be one of suite, mahalanobis, pca"),
        (["--features", "none"], "--features none: must be one of standard, vibration, irregular"),
        (["--window", "soon"], "--window, --every: "),
        (["--window", "3s", "--every", "2s"], "--window, --every: every = "),
        (["--column", "flow"], "'flow': must be TAG=COLUMN"),
    ):
        asset = ["--asset", "pump-1", "--window", "1s", *words]
        result = CliRunner().invoke(app, ["train", "--from", str(journal), *asset, "--out", str(tmp_path / "m")])
        assert result.exit_code == 2, result.output
        assert told in re.sub(r"\s*\n?│?\s+│?\s*", " ", result.output)
    result = CliRunner().invoke(app, ["train", "--from", str(journal), "--out", str(tmp_path / "m")])
    assert "--asset: say which, it holds pump-1, pump-2" in result.output


def test_a_recording_another_program_wrote_gives_the_same_scores(tmp_path: Path, journal: Path) -> None:
    export_journal(journal, tmp_path / "ours.parquet")
    table = pq.read_table(tmp_path / "ours.parquet").replace_schema_metadata(None)
    pq.write_table(table.select(["asset", "tag", "source_time", "value"]), tmp_path / "theirs.parquet")
    ours = load_rows(tmp_path / "ours.parquet", *PUMPS, window="1s")
    theirs = load_rows(tmp_path / "theirs.parquet", *PUMPS, window="1s")
    same = [theirs.tags.index(tag) for tag in ours.tags]
    np.testing.assert_array_equal(theirs.values[:, same], ours.values)
    np.testing.assert_array_equal(theirs.starts, ours.starts)


def test_rows_keep_their_holes_and_their_assets(tmp_path: Path, journal: Path) -> None:
    rows = load_rows(journal, *PUMPS, window="1s")
    assert np.unique(rows.assets).tolist() == [0, 1]
    assert len(rows) == 2 * len(np.unique(rows.starts))
    (one,) = [load_rows(journal, "pump-2", window="1s")]
    np.testing.assert_array_equal(one.values, rows.values[rows.assets == 1])
