"""The README of the room tells only what is true."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

import models
from connectors.journal.settings import JournalSettings
from connectors.journal.writer import JournalWriter
from connectors.simulator.recorder import simulate
from connectors.simulator.tags import TABLES
from edge_gateway.channels.fetching import SPARE_BYTES
from edge_gateway.cli import app
from edge_gateway.config.channels_fit import channel_problems
from edge_gateway.config.config import Config
from edge_gateway.config.models import ChannelSection, ModelsSection
from edge_gateway.config.units import duration_text
from edge_gateway.serving.duty import KEEP_EVERY_S
from models.detectors.catalogue import FOLLOW_ROWS, KINDS
from models.detectors.stream import StreamDetector
from models.foreign.read import LOWEST_OPSET
from models.life.agreement import KEPT_PAIRS
from models.life.follow import LESS, MORE, SPARED
from models.life.steps import KEPT_PREVIOUS
from models.onnx_rules import MAX_NODES
from models.onnx_scorer import GOLDEN_TOLERANCE, OnnxScorer
from models.rollout import BEGUN, TROUBLES
from models.trial import MEMORY, SECONDS

ROOM = Path(models.__file__).parent
README = (ROOM / "README.md").read_text(encoding="utf-8")
FLEET = (ROOM / "FLEET.md").read_text(encoding="utf-8")


def test_every_linked_file_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README + FLEET)
    assert links
    assert [path for path in links if not (ROOM / path).exists()] == []


def test_every_detector_is_in_the_table_and_no_other() -> None:
    (table,) = re.findall(r"\| Detector \|.*?\n\n", README, re.DOTALL)
    rows = [row.split("|") for row in table.strip().splitlines()[2:]]
    judges = {name: row[2] for row in rows for name in re.findall(r"`(\w+)`", row[1])}
    assert sorted(judges) == sorted(KINDS)
    assert {name for name, said in judges.items() if "in time order" in said} == {
        name for name, kind in KINDS.items() if kind.stateful
    }


def test_figures_are_those_of_the_code() -> None:
    assert f"({StreamDetector().least_rows} of each asset for the suite)" in README
    assert f"({FOLLOW_ROWS:.0f} windows; `--no-follow`" in README


def test_options_of_the_examples_are_there() -> None:
    all_known = set()
    for name, examples in (("train", 3), ("evaluate", 4)):
        command = get_command(app).commands[name]  # type: ignore[attr-defined]
        known = {word for parameter in command.params for word in (*parameter.opts, *parameter.secondary_opts)}
        lines = [line for line in README.splitlines() if line.startswith(f"sluicegate {name}")]
        assert len(lines) == examples
        assert set(re.findall(r"(--[\w-]+)", "\n".join(lines))) <= known
        all_known |= known
    assert set(re.findall(r"`(--[\w-]+)", README.split("## Bundles")[0])) <= all_known


def test_options_of_the_commands_about_models_are_there() -> None:
    commands = get_command(app).commands["model"].commands  # type: ignore[attr-defined]
    known = {
        name: {word for parameter in command.params for word in parameter.opts} for name, command in commands.items()
    }
    lines = re.findall(r"^sluicegate model (\w+)(.*)$", README + FLEET, re.MULTILINE)
    assert {name for name, _ in lines} == set(known)
    for name, rest in lines:
        assert set(re.findall(r"(--[\w-]+)", rest.split("#")[0])) <= known[name]
    told = set(re.findall(r"`(--[\w-]+)", README.split("## Models from elsewhere")[1]))
    assert {"--falls", "--output", "--tag"} <= told <= known["import"] | {"--tflite"}


def test_figures_about_the_life_of_a_model_are_those_of_the_code() -> None:
    settings = ModelsSection()
    assert f"`[models] shadow_windows` ({settings.shadow_windows:,}) windows" in README
    assert f"`[models] storm_alarms` ({settings.storm_alarms}) openings" in README
    within, lasts = duration_text(settings.storm_period), duration_text(settings.probation)
    assert f"`storm_period` ({within}), as long as it is on `probation` ({lasts} after" in README
    assert f"latest {KEPT_PAIRS:,} pairs" in README
    assert f"written every\n{KEEP_EVERY_S:.0f} s" in README
    assert f"at most {MAX_NODES:,} nodes" in README
    assert f"golden scores within\n{GOLDEN_TOLERANCE:.0e}".replace("e-04", "e-4") in README
    assert f"brought to {LOWEST_OPSET} or later" in README


def test_figures_about_fleets_are_those_of_the_code() -> None:
    channel = ChannelSection.model_fields
    for name in ("every", "jitter", "max_age"):
        assert f"`{name}` ({duration_text(channel[name].default)})" in FLEET
    assert f"only with {SPARE_BYTES >> 20} MiB of the disk to spare" in FLEET
    assert f"({MEMORY >> 30} GiB of address space, {SECONDS:.0f} s of CPU, no file, no core)" in FLEET
    assert f"golden scores within {GOLDEN_TOLERANCE:.0e}".replace("e-04", "e-4") in FLEET
    assert f"more than {MORE:.0f} times as many windows as the active one or in less than a fifth" in FLEET
    assert (LESS, f"({SPARED} windows spared)" in FLEET) == (1 / 5, True)
    assert f"{KEPT_PREVIOUS} earlier ones stay".replace("2", "two") in FLEET
    assert [reason for reason in (*TROUBLES, *BEGUN) if f"`{reason}`" not in FLEET] == []


def test_the_configuration_of_the_fleet_is_one() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", FLEET, re.DOTALL)
    rest = """
[gateway]
site = "s"
name = "g"
data = "data"
[[model]]
assets = ["a"]
name = "pump"
[[modbus]]
name = "m"
host = "h"
[[modbus.tags]]
asset = "a"
tag = "t"
address = "holding:1:uint16"
"""
    data = tomllib.loads(example + rest)
    config = Config.model_validate(data)
    assert config.target[0].wanted() == ()
    assert list(channel_problems(data)) == []


def test_the_four_lines_of_python_make_a_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with JournalWriter(tmp_path / "data" / "journal", (TABLES["pump-1"],), JournalSettings()) as journal:
        for batch in simulate(150.0, 1, 1_767_225_600_000_000_000):
            if batch.asset == "pump-1":
                journal.append([batch])
    (example,) = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "AnomalyModel" in block]
    assert len([line for line in example.splitlines() if line and not line.startswith("from")]) == 4
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    assert "windows of each asset to learn from, and the suite needs 400 [1 1 1 1 1]" in capsys.readouterr().out
    assert OnnxScorer.load(Path("models/pump")).model == "pump@2"
