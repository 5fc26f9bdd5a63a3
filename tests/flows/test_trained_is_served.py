"""What training says of a recording is what the gateway says of the same samples: windows, holes, pauses and all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from flows_gateway import scores_of
from flows_streams import T0, S

from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable
from flows.featurize import features_of
from flows.recorded import recorded_rows, windows_of
from flows.window_settings import WindowSettings
from models.detectors.catalogue import KINDS
from models.estimator import AnomalyModel
from models.features import STANDARD
from models.onnx_scorer import OnnxScorer

TAGS = (Tag("flow", "m3/h", 1.0), Tag("pressure", "bar", 1.0), Tag("level", "", 0.5))
WINDOWS = WindowSettings("4s", every="2s", lateness="1s")
SAMPLES_S = 2400
QUIET = {"pump-1": [(300, 340), (900, 1300)], "pump-2": [(700, 706)]}  # nothing comes; a pause, a long pause, a hole
HOLES = {"pump-1": [(1500, 1530)], "pump-2": [(200, 203), (1000, 1020)]}  # of the second tag alone


def samples(asset: str, seed: int) -> list[SampleBatch]:
    """Ten seconds a block, a sample of each tag every second, of the third every half."""
    rng = np.random.default_rng(seed)
    second = np.concatenate([np.arange(SAMPLES_S), np.arange(SAMPLES_S), np.arange(2 * SAMPLES_S) / 2])
    tag = np.repeat([0, 1, 2], [SAMPLES_S, SAMPLES_S, 2 * SAMPLES_S])
    load = np.sin(2 * np.pi * second / 600.0)
    value = 20.0 + 3.0 * tag + load + 0.3 * rng.normal(size=len(tag))
    there = np.ones(len(tag), dtype=np.bool_)
    for low, high in QUIET[asset]:
        there &= ~((second >= low) & (second < high))
    for low, high in HOLES[asset]:
        there &= ~((second >= low) & (second < high) & (tag == 1))
    order = np.argsort(second, kind="stable")
    order = order[there[order]]
    table = TagTable(asset, TAGS)
    blocks = []
    for part in np.split(order, np.flatnonzero(np.diff(second[order] // 10)) + 1):
        time = T0 + (second[part] * S).astype(np.int64)
        good = np.zeros(len(part), dtype=np.uint32)
        blocks.append(SampleBatch(table, tag[part].astype(np.uint16), time, value[part], good, int(time[-1])))
    return blocks


ITEMS = sorted([*samples("pump-1", 1), *samples("pump-2", 2)], key=lambda block: block.received_time)


@pytest.mark.parametrize("name", ["suite", "lagged", "level_shift", "stuck", "missing", "mahalanobis"])
def test_a_model_says_of_its_recording_what_it_says_in_the_gateway(name: str, tmp_path: Path) -> None:
    rows = recorded_rows(ITEMS, WINDOWS, STANDARD, TagTable("pump", TAGS), 0.5)
    model = AnomalyModel(name).fit(rows)
    model.save(tmp_path / "m")
    scorer = OnnxScorer.load(tmp_path / "m")
    served = scores_of(features_of(list(windows_of(ITEMS, WINDOWS)), STANDARD), lambda _: scorer)
    want, shares = model.anomaly_score(rows), model.contributions(rows)
    for number, asset in enumerate(("pump-1", "pump-2")):
        mine = rows.assets == number
        blocks = [block for block in served if block.asset == asset]
        assert rows.starts[mine].tolist() == [start for block in blocks for start in block.start.tolist()]
        verdicts = [block.verdicts[0] for block in blocks]
        got = np.concatenate([verdict.score for verdict in verdicts])
        np.testing.assert_allclose(got, want[mine], rtol=1e-9, atol=1e-12)
        blame = np.concatenate([verdict.contributions for verdict in verdicts])
        known = np.isfinite(got)
        np.testing.assert_allclose(blame[known], shares[mine][known], rtol=1e-6, atol=1e-9)
        if KINDS[name].stateful and scorer.warm_up:
            begins = 1 + sum(high - low > 2 * (scorer.warm_up + 3) for low, high in QUIET[asset])
            assert np.isnan(got).sum() >= begins * scorer.warm_up
    assert np.isfinite(want).mean() > 0.8
