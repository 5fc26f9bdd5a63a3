"""Channels of models in the configuration: what does not fit is told with the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from bundles import CONFIG
from typer.testing import CliRunner

from edge_gateway.cli import app
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.targets import describe_targets

KEY = f'trusted_keys = ["{"A" * 43}="]\n'
MODEL, TARGET = "models.channels[0].model", "models.channels[0].target"
CHANNEL = '[[models.channels]]\nmodel = "press"\ntarget = "file"\n'
MODELS = "[models]\nshadow_windows = 50\n"


def write(folder: Path, channels: str, rest: str = "", keys: str = KEY) -> Path:
    path = folder / "gateway.toml"
    path.write_text(CONFIG.replace(MODELS, MODELS + keys + channels) + rest)
    return path


def test_one_that_fits(tmp_path: Path) -> None:
    config = load(write(tmp_path, CHANNEL))
    assert config.models.channels[0].channel == "stable"


def test_a_target_that_takes_no_records(tmp_path: Path) -> None:
    rest = '[[target]]\nname = "stick"\nkind = "file"\npath = "stick"\nlanes = []\n'
    config = load(write(tmp_path, CHANNEL.replace('"file"', '"stick"'), rest))
    assert any("takes no records" in line for line in describe_targets(config))


def test_check_tells_who_follows_what(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    done = CliRunner().invoke(app, ["check", str(write(tmp_path, CHANNEL))])
    assert done.exit_code == 0, done.output
    assert "model press follows the channel stable in file, asked every 15min" in done.output


@pytest.mark.parametrize(
    ("channels", "rest", "keys", "told"),
    [
        (CHANNEL, "", "", "channels need trusted_keys"),
        (
            CHANNEL.replace('"press"', '"pump"'),
            "",
            KEY,
            f'{MODEL} = "pump": is the name of no [[model]]',
        ),
        (
            CHANNEL.replace('"file"', '"lake"'),
            "",
            KEY,
            f'{TARGET} = "lake": is the name of no [[target]]',
        ),
        (CHANNEL + CHANNEL, "", KEY, 'models.channels[1].model = "press": follows models.channels[0] already'),
        (
            CHANNEL.replace('"file"', '"mqtt"'),
            '[[target]]\nkind = "mqtt"\nurl = "mqtt://127.0.0.1"\n',
            KEY,
            'models.channels[0].target = "mqtt": is a broker',
        ),
        (CHANNEL + 'every = "10ms"\n', "", KEY, "models.channels[0].every"),
    ],
)
def test_one_that_does_not_fit(tmp_path: Path, channels: str, rest: str, keys: str, told: str) -> None:
    with pytest.raises(ConfigRejected) as caught:
        load(write(tmp_path, channels, rest, keys))
    assert told in str(caught.value)
