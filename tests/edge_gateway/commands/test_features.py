"""`sluicegate features`, the table in models/README.md, and feature sets in a configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import models
from edge_gateway.cli import app
from edge_gateway.commands.features import END, MARK, markdown, rows
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.flow_file import FlowRejected, load_features
from models.features import STANDARD, VIBRATION, registered, registry

CONFIG = """
[gateway]
site = "s"
name = "g"
data = "data"
[[modbus]]
name = "m"
host = "h"
[[modbus.tags]]
asset = "a"
tag = "t"
address = "holding:1:uint16"
[[target]]
kind = "file"
path = "cloud"
[features]
"""
MINE = """
from __future__ import annotations
from models.features import feature

@feature("midrange", unit="u", formula="(max + min) / 2", source="definition")
def midrange(s):
    return (s.maximum + s.minimum) / 2
"""


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_REGISTRY", registered())


def write(folder: Path, features: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(CONFIG + features)
    return path


def test_the_readme_has_the_features_that_are_there() -> None:
    readme = (Path(models.__file__).parent / "README.md").read_text(encoding="utf-8")
    told = readme.partition(MARK)[2].partition(END)[0]
    assert told == markdown(), "run: python -m edge_gateway.commands.features"


def test_all_features_are_shown_for_people_and_for_machines() -> None:
    result = CliRunner().invoke(app, ["features"])
    assert result.exit_code == 0, result.output
    assert "quantile:Q\tu\t\tx sorted, at Q (n - 1)" in result.output
    told = json.loads(CliRunner().invoke(app, ["features", "--json"]).output)
    assert [row["name"] for row in told["features"]] == [row.name for row in rows()]
    assert {"name": "standard", "version": 1, "features": list(STANDARD.features)} in told["sets"]


def test_a_set_of_ones_own_is_shown_with_what_its_module_adds(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    path = write(tmp_path, 'set = "mine"\nnames = ["mean", "midrange", "quantile:0.90"]\nmodule = "mine.py"\n')
    told = json.loads(CliRunner().invoke(app, ["features", str(path), "--json"]).output)
    assert told["sets"][-1] == {"name": "mine", "version": 1, "features": ["mean", "midrange", "quantile:0.9"]}
    assert "midrange" in [row["name"] for row in told["features"]]
    (tmp_path / "mine.py").write_text("x = y\n")
    result = CliRunner().invoke(app, ["features", str(path)])
    assert result.exit_code == 2
    assert "features.module" in result.output
    assert "NameError: name 'y' is not defined" in result.output


def test_a_configuration_names_its_set(tmp_path: Path) -> None:
    assert load_features(load(write(tmp_path, "")).features) is STANDARD
    assert load_features(load(write(tmp_path, 'set = "vibration"')).features) is VIBRATION


@pytest.mark.parametrize(
    ("features", "told"),
    [
        ('set = "nonsense"', "'nonsense' is none of standard, vibration, irregular; one of your own needs names"),
        ('names = ["mean"]', "'standard' is a set that is shipped; call the one with these names something else"),
        ('set = "mine"\nnames = ["quantile:2"]', "feature quantile: q = 2.0: must be from 0 to 1"),
        ('set = "mine"\nnames = ["meen"]', "feature 'meen': must be registered; there is"),
        ('set = "mine"\nnames = ["mean", "mean"]', "must be at least one, each once"),
    ],
)
def test_a_set_that_cannot_be_is_told(tmp_path: Path, features: str, told: str) -> None:
    with pytest.raises(ConfigRejected) as caught:
        load(write(tmp_path, features))
    assert told in str(caught.value)
    with pytest.raises(FlowRejected) as rejected:  # with a module it is looked at when that has been imported
        load_features(load(write(tmp_path, features + '\nmodule = "json"')).features)
    assert told in str(rejected.value)
