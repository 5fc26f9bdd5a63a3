"""The suite as one stateful graph, from blocks of samples to alerts, killed wherever it can be."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flows_gateway import ListGateway, keyed, recovery, run
from flows_mortal import Bomb, MortalGateway, facts, run_or_die
from flows_streams import T0, S, block
from numpy.typing import NDArray

from cloud_sink.records import Alert, Event, WindowSummary
from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable
from flows import AlertSettings, WindowSettings, condition_monitoring
from models.onnx_scorer import OnnxScorer
from models.scores import follow

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from models_suite import plant_rows, suite_bundle

TAGS = ("current", "speed", "torque")
EVERY = 2  # seconds a window
WINDOWS = WindowSettings(f"{EVERY}s", lateness="1s")
ALERTS = AlertSettings(open_after=1, clear_after=1)
ASSETS = ("fan", "press", "pump")


@pytest.fixture(scope="module")
def scorer() -> OnnxScorer:
    return OnnxScorer(suite_bundle(plant_rows(600, 3), TAGS, every_ns=EVERY * S))


def rows_of(asset: str, n: int = 45) -> NDArray[np.float64]:
    """Means of the windows of an asset; the press breaks."""
    rows = plant_rows(n, 3, seed=ASSETS.index(asset))
    if asset == "press":
        rows[30:, 1] += 6.0
    return rows


def blocks_of(asset: str, seconds: int = 3) -> list[SampleBatch]:
    """Samples whose means are those rows: one in each half of a window; so many seconds a block."""
    table = TagTable(asset, tuple(Tag(name, "", 1.0) for name in TAGS))
    rows = rows_of(asset)
    samples = [
        (EVERY * at + half, tag, rows[at, tag] + (half - 0.5))
        for at in range(len(rows))
        for half in range(EVERY)
        for tag in range(3)
        if not (asset == "pump" and 20 <= at < 22 and tag == 2)  # a tag that says nothing for two windows
    ]
    cut: dict[int, list[tuple[float, int, float]]] = {}
    for sample in samples:
        cut.setdefault(int(sample[0]) // seconds, []).append(sample)
    return [block(*part, table=table) for part in cut.values()]


def stream(seconds: int = 3) -> list[Any]:
    """All assets side by side."""
    lists = [blocks_of(asset, seconds) for asset in ASSETS]
    return [item for step in zip(*lists, strict=True) for item in step]


def gateway(scorer: OnnxScorer, items: list[Any], **values: Any) -> MortalGateway:
    return MortalGateway(items, dict.fromkeys(ASSETS, scorer), WINDOWS, ALERTS, **values)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def undisturbed(scorer: OnnxScorer) -> MortalGateway:
    served = gateway(scorer, keyed(stream()))
    run(condition_monitoring.build(served))
    return served


def scores_of(served: ListGateway, asset: str) -> dict[int, float]:
    return {(one.start - T0) // (EVERY * S): one.score for one in served.records(WindowSummary) if one.asset == asset}


@pytest.mark.parametrize("asset", ["fan", "press"])
def test_it_scores_as_the_model_alone_does_to_the_last_bit(
    scorer: OnnxScorer, undisturbed: MortalGateway, asset: str
) -> None:
    got = scores_of(undisturbed, asset)
    means = np.array([rows_of(asset)[at] - 0.5 for at in got])  # as samples are summed
    for at in got:
        parts = np.array([rows_of(asset)[at] - 0.5, rows_of(asset)[at] + 0.5])
        means[at] = parts.sum(axis=0) / 2
    want = follow(scorer, means[:, :, None]).score
    assert len(got) == 44
    np.testing.assert_allclose(list(got.values()), want, rtol=1e-12)
    assert np.isnan(want[:19]).all()
    assert np.isfinite(want[19:]).all()


def test_a_tag_that_is_missing_is_held_and_the_model_goes_on(undisturbed: MortalGateway) -> None:
    got = scores_of(undisturbed, "pump")
    assert np.isfinite([got[at] for at in range(19, 44)]).all()


def test_the_press_raises_an_alarm_and_the_warm_up_is_told(undisturbed: MortalGateway) -> None:
    alerts = undisturbed.records(Alert)
    assert {(one.asset, one.rule, one.model) for one in alerts} == {("press", "anomaly", "suite@1")}
    opened = alerts[0]
    assert 30 <= (opened.at - T0) // (EVERY * S) <= 40
    assert opened.contributions[0][0] == "speed"
    told = [(one.asset, one.reason, one.count) for one in undisturbed.records(Event) if one.kind == "model"]
    assert sorted(told) == [(asset, "warming_up", 19) for asset in ASSETS]


def test_one_call_of_the_engine_for_all_assets_of_a_pass(scorer: OnnxScorer) -> None:
    served = gateway(scorer, [keyed(stream())])  # one poll
    run(condition_monitoring.build(served))
    assert len(served.outcomes) == 1
    assert served.outcomes[0].rows == 3 * 44


@pytest.mark.parametrize("seconds", [1, 3, 11])
def test_killed_at_every_item_it_says_the_same(
    scorer: OnnxScorer, undisturbed: MortalGateway, tmp_path: Path, seconds: int
) -> None:
    """Its state survives to the last bit: records hold all of a score's digits."""
    items: list[Any] = keyed(stream(seconds))
    killed = gateway(scorer, items)
    store = recovery(tmp_path / "recovery")
    for at in range(0, len(items), 1 if seconds == 3 else 5):
        killed.items = [*items[:at], [items[at], (Bomb.asset, Bomb())]]
        assert not run_or_die(killed, store)
    killed.items = items
    assert run_or_die(killed, store)
    whole = gateway(scorer, items)
    run(condition_monitoring.build(whole))
    assert facts(killed) == facts(whole)
    assert scores_of(killed, "press") == pytest.approx(scores_of(undisturbed, "press"), nan_ok=True, abs=0)
