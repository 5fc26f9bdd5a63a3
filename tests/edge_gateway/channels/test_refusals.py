"""What a gateway refuses for ever, and what it tries again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from following import HOUR, Following

import edge_gateway.flow_file as files
from edge_gateway.flow_file import FlowRejected
from models.errors import BundleNotJudged, BundleRejected
from models.signature import TrustedKeys


class Tried:
    """Opens bundles as it is told."""

    def __init__(self) -> None:
        self.error: BundleRejected | None = None
        self.times = 0

    def __call__(self, folder: Path, keys: TrustedKeys, budget: timedelta) -> None:
        self.times += 1
        if self.error is not None:
            raise self.error


@pytest.fixture
def tried() -> Tried:
    return Tried()


@pytest.fixture
def site(tmp_path: Path, tried: Tried) -> Following:
    site = Following(tmp_path, try_out=tried)
    site.issue(site.push("1"), 1)
    return site


def test_what_its_bytes_condemn_is_refused_over_a_restart(site: Following, tried: Tried, tmp_path: Path) -> None:
    tried.error = BundleRejected(tmp_path, "2 of 16 golden rows do not get their scores", "train again")
    site.turn()
    site.now += 25 * HOUR
    site.start()
    site.turn()
    assert (tried.times, site.life.active) == (1, None)


def test_a_trial_that_died_is_made_again_after_a_restart_or_a_day(
    site: Following, tried: Tried, tmp_path: Path
) -> None:
    tried.error = BundleNotJudged(tmp_path, "the process that opened it ended by SIGKILL", "it is tried again")
    site.turn()
    site.turn()
    assert tried.times == 1
    site.start()
    site.turn()
    assert tried.times == 2
    tried.error = None
    site.now += 23 * HOUR
    site.turn()
    assert (tried.times, "SIGKILL" in site.follower.trouble) == (2, True)
    site.now += 1 * HOUR
    site.turn()
    assert (tried.times, site.life.active, site.follower.trouble) == (3, "1", "")
    assert [step for _, step in site.told].count("refused") == 1


def test_features_that_cannot_be_loaded_cost_one_download(
    site: Following, tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise FlowRejected("own.py", "cannot be imported", key="features.module")

    monkeypatch.setattr(files, "load_features", broken)
    features = site.follower._config.features.model_copy(update={"module": "own.py"})
    site.follower.take(site.follower._config.model_copy(update={"features": features}))
    site.turn()
    site.turn()
    assert tried.times == 1
    assert 'features.module = "own.py"' in site.follower.trouble


def test_a_refused_issue_is_forgotten_with_the_good_one_and_a_refused_bundle_is_not(
    site: Following, tried: Tried, tmp_path: Path
) -> None:
    tried.error = BundleRejected(tmp_path, "it holds loops", "export it as one plain graph")
    good = (site.place / "models" / "press" / "channel-stable.signed").read_bytes()
    site.turn()
    site.put(b"nonsense")
    site.turn()
    assert "loops" not in site.follower.trouble
    site.put(good)
    site.turn()
    assert "loops" in site.follower.trouble
