"""Fault B5: a model's file is missing or damaged, its shape is wrong, it says NaN, it is slow. The others go on."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
sys.path.insert(0, str(Path(__file__).parents[1] / "flows"))

from flows_gateway import ListGateway, keyed, run
from flows_mortal import Polls
from flows_streams import S, block
from models_slow import root_bundle, slow_bundle
from models_suite import plant_rows, suite_bundle

from cloud_sink.records import Alert, Event, WindowSummary
from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable
from edge_gateway.config.load import load
from edge_gateway.gateway import LocalGateway
from flows import AlertSettings, WindowSettings, condition_monitoring
from models.bundle import BASELINE, MODEL, write_bundle
from models.served import Models

TAGS = ("current", "speed", "torque")
ASSETS = ("fan", "press", "pump")
EVERY, WINDOWS, POLLS = 2, 200, 5  # seconds a window, windows a poll

HEAD = """
[gateway]
site = "riverside"
name = "gw-1"
data = "data"
[windows]
length = "2s"
[[target]]
kind = "file"
path = "cloud"
[[modbus]]
name = "m"
host = "127.0.0.1"
"""
TAG = '[[modbus.tags]]\nasset = "{}"\ntag = "{}"\naddress = "holding:{}:uint16"\n'
MODEL_TABLE = '[[model]]\nassets = ["fan", "press", "pump"]\nbundle = "{}"\ntime_budget = "{}"\n'


@dataclass
class Gateway(ListGateway):
    """Lists at both ends, models as a gateway has loaded them."""

    served: Models | None = None
    out: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def models(self) -> Any:
        return self.served

    def source(self) -> Polls:
        return Polls(self.items)


def poll(number: int) -> list[tuple[str, SampleBatch]]:
    """So many windows of every asset, two samples of a tag each; from the fourth poll on the press breaks."""
    items = []
    for at, asset in enumerate(ASSETS):
        rows = plant_rows(WINDOWS, 3, seed=10 * number + at) - 20.0  # about 0: half of them negative
        if asset == "press" and number >= 3:
            rows[:, 1] += 6.0
        table = TagTable(asset, tuple(Tag(name, "", 1.0) for name in TAGS))
        first = EVERY * WINDOWS * number
        samples = [
            (first + EVERY * window + half, tag, rows[window, tag])
            for window in range(WINDOWS)
            for half in range(EVERY)
            for tag in range(3)
        ]
        items.append(block(*samples, table=table))
    return keyed(items)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundles") / "suite"
    write_bundle(out, suite_bundle(plant_rows(600, 3) - 20.0, TAGS, every_ns=EVERY * S))
    return out


def serve(folder: Path, *bundles: tuple[Path, str]) -> Gateway:
    """Run the standard flow over everything."""
    tags = "".join(TAG.format(asset, tag, 10 * at + t) for at, asset in enumerate(ASSETS) for t, tag in enumerate(TAGS))
    folder.mkdir(exist_ok=True)
    (folder / "gateway.toml").write_text(HEAD + tags + "".join(MODEL_TABLE.format(*one) for one in bundles))
    local = LocalGateway(load(folder / "gateway.toml"), lambda: False, lambda: None)
    windows = WindowSettings(f"{EVERY}s", lateness="1s")
    gateway = Gateway([poll(n) for n in range(POLLS)], windows=windows, alerts=AlertSettings(flood_limit=0))
    gateway.served = local.models
    run(condition_monitoring.build(gateway))
    return gateway


def scores_of(gateway: Gateway) -> list[tuple[str, int, str, float]]:
    return [(one.asset, one.start, one.model, one.score) for one in gateway.records(WindowSummary)]


def told(gateway: Gateway, model: str) -> list[str]:
    events = [one for one in gateway.records(Event) if one.kind == "model" and one.source.startswith(model)]
    return [one.reason for one in events if one.reason != "warming_up"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, good: Path) -> Gateway:
    """What the good model says when it is the only one."""
    gateway = serve(tmp_path_factory.mktemp("alone"), (good, "10s"))
    assert {one.rule for one in gateway.records(Alert)} == {"anomaly"}
    assert np.isfinite([score for *_, score in scores_of(gateway)]).sum() > 2500
    return gateway


def missing(folder: Path, good: Path) -> Path:
    return folder / "broken"


def truncated(folder: Path, good: Path) -> Path:
    shutil.copytree(good, folder / "broken")
    whole = (good / MODEL).read_bytes()
    (folder / "broken" / MODEL).write_bytes(whole[: len(whole) // 2])
    return folder / "broken"


def without_a_file(folder: Path, good: Path) -> Path:
    shutil.copytree(good, folder / "broken")
    (folder / "broken" / BASELINE).unlink()
    return folder / "broken"


def of_another_shape(folder: Path, good: Path) -> Path:
    bundle = suite_bundle(plant_rows(600, 3) - 20.0, TAGS, every_ns=EVERY * S)
    fewer = suite_bundle(plant_rows(600, 2) - 20.0, TAGS[:2], every_ns=EVERY * S)
    write_bundle(folder / "broken", replace(fewer, model=bundle.model))
    return folder / "broken"


@pytest.mark.parametrize("damage", [missing, truncated, without_a_file, of_another_shape])
def test_a_damaged_bundle_is_refused_and_the_active_model_keeps_running(
    tmp_path: Path, good: Path, alone: Gateway, damage: Any
) -> None:
    gateway = serve(tmp_path, (good, "10s"), (damage(tmp_path, good), "10s"))
    assert _same(gateway, alone)
    assert told(gateway, "broken@refused") == ["refused"]
    quality = [one for one in gateway.records(Alert) if one.rule == "data_quality.broken"]
    assert [(one.asset, one.state) for one in quality] == [(asset, "opened") for asset in ASSETS]
    assert "does not judge: it" in quality[0].detail


def _same(a: Gateway, b: Gateway) -> bool:
    ours, theirs = scores_of(a), scores_of(b)
    same = [one[:3] for one in ours] == [one[:3] for one in theirs]
    return same and np.array_equal([one[3] for one in ours], [one[3] for one in theirs], equal_nan=True)


def test_a_model_that_says_nan_abstains_and_is_told(tmp_path: Path, good: Path, alone: Gateway) -> None:
    write_bundle(tmp_path / "root", root_bundle())
    gateway = serve(tmp_path, (good, "10s"), (tmp_path / "root", "10s"))
    assert _same(gateway, alone)
    assert told(gateway, "root@1") == ["no_number"]
    others = [one.others[0].score for one in gateway.records(WindowSummary)]
    assert 0.3 < np.isnan(others).mean() < 0.7


def test_a_slow_model_is_ended_switched_off_and_holds_nobody_up(tmp_path: Path, good: Path, alone: Gateway) -> None:
    write_bundle(tmp_path / "slow", slow_bundle())
    gateway = serve(tmp_path, (good, "10s"), (tmp_path / "slow", "60ms"))
    assert _same(gateway, alone)
    assert told(gateway, "slow@1") == ["slow", "switched_off"]
    assert np.isnan([one.others[0].score for one in gateway.records(WindowSummary)]).all()
    assert {one.rule for one in gateway.records(Alert)} == {"anomaly", "data_quality.slow"}


def test_a_damaged_model_that_is_the_only_one_leaves_an_alarm_not_silence(tmp_path: Path, good: Path) -> None:
    gateway = serve(tmp_path, (truncated(tmp_path, good), "10s"))
    assert {(one.asset, one.rule, one.state) for one in gateway.records(Alert)} == {
        (asset, "data_quality", "opened") for asset in ASSETS
    }
    assert len(gateway.records(WindowSummary)) > 2500
