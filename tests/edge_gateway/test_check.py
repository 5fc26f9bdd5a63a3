"""What a configuration names must fit together; bundles are real ones."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from edge_gateway.check import describe, load_checked
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.drivers import make_drivers
from edge_gateway.gateway import LocalGateway
from edge_gateway.tables import tag_tables
from models.bundle import write_bundle
from models.errors import ScoringFailed
from models.feature_rows import FeatureRows
from models.features import STANDARD
from models.training import train

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from models_suite import plant_rows, suite_bundle

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
[[model]]
assets = ["a"]
bundle = "pump"
[windows]
length = "1s"
[[target]]
kind = "file"
path = "cloud"
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundles") / "pump"
    rows = np.random.default_rng(0).normal(10.0, 1.0, (200, 1, len(STANDARD.features)))
    second = 10**9
    learnt = FeatureRows(
        values=np.abs(rows) + 0.1,
        tags=("t",),
        feature_set=STANDARD,
        window_length_ns=second,
        window_every_ns=second,
        starts=np.arange(200) * second,
    )
    train(learnt, name="pump", version="1", out=out)
    return out


def config(folder: Path, bundle: Path, text: str = CONFIG) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text.replace('"pump"', f'"{bundle}"'))
    return path


def problems(path: Path, *, deep: bool) -> str:
    with pytest.raises(ConfigRejected) as caught:
        load_checked(path, deep=deep)
    (found,) = caught.value.problems
    return str(found)


@pytest.mark.parametrize("deep", [True, False])
def test_a_model_of_other_windows_or_tags_is_refused_by_check_and_by_run(
    tmp_path: Path, bundle: Path, deep: bool
) -> None:
    load_checked(config(tmp_path, bundle), deep=deep)
    other = config(tmp_path, bundle, CONFIG.replace('length = "1s"', 'length = "1s"\nevery = "500ms"'))
    assert "was trained on windows of 1s every 1s. Set [windows] so" in problems(other, deep=deep)
    other = config(tmp_path, bundle, CONFIG.replace('tag = "t"', 'tag = "u"'))
    assert "needs tags that asset a lacks: t. Add the tags" in problems(other, deep=deep)


@pytest.mark.parametrize("deep", [True, False])
def test_a_model_of_another_feature_set_is_refused_by_check_and_by_run(
    tmp_path: Path, bundle: Path, deep: bool
) -> None:
    other = config(tmp_path, bundle, CONFIG + '[features]\nset = "irregular"\n')
    told = "was trained on feature set standard@1, and [features] gives irregular@1. Set [features] so, or train it"
    assert told in problems(other, deep=deep)


def test_a_model_of_another_set_of_ones_own_is_refused_by_check_and_by_the_flow(tmp_path: Path, bundle: Path) -> None:
    """A module of features is not imported by the processes that acquire and deliver."""
    own = CONFIG + '[features]\nset = "mine"\nnames = ["mean"]\nmodule = "mine.py"\n'
    (tmp_path / "mine.py").write_text("from __future__ import annotations\n")
    other = config(tmp_path, bundle, own)
    assert "[features] gives mine@1" in problems(other, deep=True)
    ((served,),) = [LocalGateway(load_checked(other), lambda: False, lambda: None).models.of("a")]
    refused = r"was trained on feature set standard@1, and \[features\] gives mine@1"
    with pytest.raises(ScoringFailed, match=refused) as refusal:
        served.scorer.score(np.empty((1, 0, 0)))
    assert refusal.value.trouble == "refused"
    (tmp_path / "mine.py").write_text("x = y\n")
    assert 'mine.py": cannot be imported: NameError' in problems(other, deep=True)
    load_checked(other)


def test_a_damaged_model_is_told_by_check_and_does_not_keep_a_gateway_from_acquiring(
    tmp_path: Path, bundle: Path
) -> None:
    (tmp_path / "pump").mkdir()
    for file in bundle.iterdir():
        (tmp_path / "pump" / file.name).write_bytes(file.read_bytes())
    with (tmp_path / "pump" / "model.onnx").open("ab") as model:
        model.write(b"x")
    path = config(tmp_path, tmp_path / "pump")
    assert "its size or SHA-256 is not what the manifest says" in problems(path, deep=True)
    load_checked(path)


SECOND = '[[model]]\nassets = ["a"]\nbundle = "{}"\n'


def test_several_models_of_an_asset_are_told_and_served_in_their_order(tmp_path: Path, bundle: Path) -> None:
    other = tmp_path / "other"
    write_bundle(other, suite_bundle(plant_rows(600, 1), ("t",), every_ns=10**9))
    path = config(tmp_path, bundle, CONFIG + SECOND.format(other) + "shadow = true\n")
    assert "pump, other as a shadow" in told(path)
    served = LocalGateway(load_checked(path, deep=True), lambda: False, lambda: None).models.of("a")
    assert [(one.scorer.model, one.shadow) for one in served] == [("pump@1", False), ("suite@1", True)]


def test_a_version_is_on_an_asset_once(tmp_path: Path, bundle: Path) -> None:
    path = config(tmp_path, bundle, CONFIG + SECOND.format(bundle) + "shadow = true\n")
    assert "is pump@1, which model[0] has put on asset a already. Leave one of them out" in problems(path, deep=False)


def test_an_asset_stands_in_a_table_of_a_model_once(tmp_path: Path, bundle: Path) -> None:
    path = config(tmp_path, bundle, CONFIG.replace('assets = ["a"]', 'assets = ["a", "a"]'))
    assert 'asset of model[0] = "a": stands 2 times' in problems(path, deep=False)


def test_a_target_that_is_away_is_told(tmp_path: Path, bundle: Path) -> None:
    path = config(tmp_path, bundle)

    def told() -> str:
        console = Console(width=300)
        with console.capture() as capture:
            console.print(describe(load_checked(path), path))
        return capture.get()

    assert "not there now" in told()
    (tmp_path / "cloud").mkdir()
    assert "not there now" not in told()


PLC = """
[[opcua]]
name = "plc"
endpoint = "opc.tcp://127.0.0.1:4840"
trust_folder = "trusted"
user = "operator"
password_env = "PLC_PASSWORD"
[[opcua.tags]]
asset = "a"
tag = "flow"
node = "nsu=urn:x;s=flow"
"""


@pytest.mark.parametrize("content", [None, ""])
def test_a_password_that_is_not_in_the_environment_is_told_with_its_fix(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    (tmp_path / "trusted").mkdir()
    path = config(tmp_path, bundle, CONFIG + PLC)
    monkeypatch.setenv("PLC_PASSWORD", "hunter2")
    loaded = load_checked(path)
    if content is None:
        monkeypatch.delenv("PLC_PASSWORD")
    else:
        monkeypatch.setenv("PLC_PASSWORD", content)
    found = problems(path, deep=False)
    assert found.startswith('opcua[0] "plc".password_env = "PLC_PASSWORD": is the name of an environment variable')
    assert "EnvironmentFile=" in found
    with pytest.raises(ValueError, match=r"plc.*password_env = PLC_PASSWORD.*not set"):
        make_drivers(loaded, tag_tables(loaded))


def test_a_password_is_read_from_the_environment_at_every_start_and_shown_nowhere(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trusted").mkdir()
    path = config(tmp_path, bundle, CONFIG + PLC)
    for password in ("hunter2", "changed"):
        monkeypatch.setenv("PLC_PASSWORD", password)
        loaded = load_checked(path)
        driver = make_drivers(loaded, tag_tables(loaded))[0]
        settings = driver._settings  # type: ignore[attr-defined]
        assert settings.password == password
        console = Console(width=300)
        with console.capture() as capture:
            console.print(describe(loaded, path))
        assert password not in repr(settings) + repr(loaded) + capture.get()


def told(path: Path) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(describe(load_checked(path), path))
    return capture.get()


def test_it_says_over_how_long_drift_is_judged(tmp_path: Path, bundle: Path) -> None:
    assert "judged over 1d, 1 false alarms a year and asset" in told(config(tmp_path, bundle))
    short = config(tmp_path, bundle, CONFIG + '[drift]\nperiod = "1min"\nfalse_alarms_a_year = 5.0\n')
    assert "judged over 16min, 5 false alarms a year" in told(short)  # 960 windows of 1 s


def test_an_asset_without_a_model_starts_cold_unless_it_may_not(tmp_path: Path, bundle: Path) -> None:
    text = CONFIG + '[[modbus.tags]]\nasset = "b"\ntag = "t"\naddress = "holding:2:uint16"\n'
    path = config(tmp_path, bundle, text)
    assert "none yet: cold start" in told(path)
    gateway = LocalGateway(load_checked(path), lambda: False, lambda: None)
    assert [[one.scorer.model.partition("@")[0] for one in gateway.models.of(asset)] for asset in "ab"] == [
        ["pump"],
        ["cold-start"],
    ]
    (served,) = gateway.drift.models.of("a")
    assert served.scorer.reference is not None
    for other in (
        text + "[alerts]\ncold_start = false\n",
        text.replace('length = "1s"', 'kind = "session"\ngap = "5s"'),
    ):
        session = other.replace('[[model]]\nassets = ["a"]\nbundle = "pump"\n', "")
        path.write_text(session)
        assert "none: summarized only" in told(path)
        assert not LocalGateway(load_checked(path), lambda: False, lambda: None).models.of("b")
