"""Drift, and the cold start: what they add to a window of an asset with 8 tags x 12 features; CPU time of this process.

1,000 assets that share a model close a window each in every pass. A period of a day makes one window of 10 s in nine
count. Against scipy's two-sample Kolmogorov-Smirnov test of every column at the end of a period, which is what one
would write by hand, and which has to keep all windows and knows nothing of windows that resemble each other.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import ks_2samp

from connectors.tags import Tag, TagTable
from flows.blocks import FeatureBlock
from flows.drift import rows_of
from flows.drift_settings import DriftSettings
from flows.drift_state import DriftState
from models.baseline import baseline_of
from models.cold_start import WARM_UP, ColdStart
from models.drift import PERIOD, reference_of
from models.features import STANDARD
from models.state import begin

ASSETS, TAGS, ROWS = 1000, 8, 8640
REPEATS = 20
EVERY = 10**10
TABLES = [TagTable(f"pump-{n}", tuple(Tag(f"tag{k}", "bar", 1.0) for k in range(TAGS))) for n in range(ASSETS)]
FEATURES = STANDARD.features


def passed(values: np.ndarray[Any, Any], number: int) -> list[FeatureBlock]:
    """Window number so and so of every asset."""
    shape = (1, TAGS)
    return [
        FeatureBlock(
            tags=table,
            start=np.array([number * EVERY]),
            end=np.array([number * EVERY + EVERY]),
            n=np.full(shape, 10, np.int32),
            n_bad=np.zeros(shape, np.int32),
            coverage=np.ones(shape, np.float32),
            decided_received=0,
            partial=False,
            features=FEATURES,
            values=values[n : n + 1],
        )
        for n, table in enumerate(TABLES)
    ]


def run() -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    rows, scores = rng.normal(size=(ROWS, TAGS, len(FEATURES))), rng.normal(size=ROWS)
    of = reference_of(
        baseline_of(rows, scores),
        model="pump@1",
        tags=TABLES[0].names,
        features=FEATURES,
        rows=ROWS,
        score_rows=ROWS,
        every_ns=EVERY,
        fingerprint="",
    )
    settings = DriftSettings()
    stride = settings.stride(EVERY)
    state = DriftState(of, settings)
    values, score = rows[:ASSETS], scores[:1]

    def taken(number: int) -> None:
        found = [rows_of(block, score, of, stride) for block in blocks[number % stride]]
        if kept := [one for one in found if one is not None]:
            state.push(kept)

    blocks = [passed(values, number) for number in range(stride)]
    by_turn = [cpu_us(lambda number=number: taken(number), REPEATS) / ASSETS for number in range(stride)]
    snapshot = len(state.snapshot()) / ASSETS
    for _ in range(PERIOD - 1 - REPEATS):
        taken(0)
    assert not any(standing.checked for standing in state.standings)
    judged = cpu_us(lambda: taken(0), 1) / ASSETS
    assert all(standing.checked for standing in state.standings)

    column, recent = np.sort(rows[:, 0, 0]), rng.normal(size=PERIOD)
    by_hand = cpu_us(lambda: ks_2samp(column, recent), REPEATS) * (TAGS * len(FEATURES) + 1)
    whole = PERIOD * max(by_turn) + judged
    every_window = statistics.mean(by_turn)
    return [
        {
            "name": f"drift: a window of {TAGS} tags x {len(FEATURES)} features, {ASSETS} assets, period of a day",
            "figure": every_window,
            "unit": "us a window",
            "against": f"one that counts {max(by_turn):.1f} us, one that does not {min(by_turn):.1f} us",
            "ratio": None,
            "goal": "<= 5 us",
            "met": every_window <= 5,
            "bytes_an_asset": snapshot,
        },
        {
            "name": "drift: the last window of a period, with its verdict",
            "figure": judged,
            "unit": "us an asset",
            "against": f"ks_2samp {by_hand:,.0f} us; ours with its {PERIOD} windows {whole:,.0f} us",
            "ratio": by_hand / whole,
            "goal": "",
            "met": None,
        },
        cold_start(rng),
    ]


def cold_start(rng: np.random.Generator) -> dict[str, Any]:
    """100 assets without a model: a plant that begins."""
    assets = 100
    scorer = ColdStart(TABLES[0].names, ("mean", "std"), EVERY)
    state = begin(scorer.state, assets)
    for _ in range(2 * WARM_UP):
        state = scorer.score(rng.normal(size=(assets, TAGS, 2)), state).state
    rows = rng.normal(size=(assets, TAGS, 2))
    took = cpu_us(lambda: scorer.score(rows, state), REPEATS) / assets
    size = sum(array.nbytes for array in state) / assets
    return {
        "name": f"cold start: score of a window of {TAGS} tags, {assets} assets",
        "figure": took,
        "unit": "us a window",
        "against": "",
        "ratio": None,
        "goal": "<= 50 us",
        "met": took <= 50,
        "bytes_an_asset": size,
    }


def cpu_us(work: Callable[[], object], repeats: int) -> float:
    """Microseconds a call, the smallest of some."""
    times = []
    for _ in range(repeats):
        start = time.process_time_ns()
        work()
        times.append(time.process_time_ns() - start)
    return min(times) / 1e3
