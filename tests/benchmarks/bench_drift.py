"""Drift, and the cold start: what they add to a window of an asset with 8 tags x 12 features; CPU time of this process.

1,000 assets that share a model close a window each in every pass. A period of a day makes one window of 10 s in nine
count. Against scipy's two-sample Kolmogorov-Smirnov test of every column at the end of a period, which is what one
would write by hand, and which has to keep all windows and knows nothing of windows that resemble each other.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import lfilter
from scipy.stats import ks_2samp

from connectors.tags import Tag, TagTable
from flows.blocks import FeatureBlock
from flows.drift import rows_of
from flows.drift_settings import DriftSettings
from flows.drift_state import DriftState
from models.baseline import baseline_of
from models.cold_start import WARM_UP, ColdStart
from models.drift import BATCH, BATCHES, PERIOD, Counts, at_or_below, judge, limit_of, reference_of
from models.evaluate.pointwise import counts
from models.evaluate.protocols.files import skab, skab_anomaly_free
from models.features import STANDARD
from models.scores import follow
from models.state import begin

ASSETS, TAGS, ROWS = 1000, 8, 8640
PROCESSES = {  # how much of a window is the one before, and in how many windows a sample lies
    "windows that know nothing of each other": (0.0, 1),
    "windows that overlap five times": (0.0, 5),
    "a process that remembers 10 windows": (0.9, 1),
    "a process that remembers 50 windows": (0.98, 1),
}
BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"  # beside the checkout
SETTLED = 40  # windows of a run of SKAB that are not judged there: its first 400 rows are for training
REPEATS = 20
DECLARED = 0.01
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
        *(simulated(name, memory, overlap) for name, (memory, overlap) in PROCESSES.items()),
        *cold_start_on_skab(),
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


def simulated(name: str, memory: float, overlap: int) -> dict[str, Any]:
    """False alarms and steps found in Gaussian columns, trained on two days and judged daily with windows of 10 s."""
    columns, periods = TAGS * len(FEATURES) + 1, 8
    stride = DriftSettings().stride(EVERY)
    trained, seen = 2 * ROWS, PERIOD * stride
    gaps: dict[float, list[np.ndarray[Any, Any]]] = {0.0: [], 0.5: [], 1.0: []}
    psi = []
    for seed in range(periods):
        noise = np.random.default_rng(seed).normal(size=(trained + 1000 + seen + 500 + overlap, columns))
        sums = np.cumsum(lfilter([1.0], [1.0, -memory], noise, axis=0), axis=0)
        rows = (sums[overlap:] - sums[:-overlap])[-trained - 1000 - seen :]
        rows /= rows.std()
        fitted, later = rows[:trained], rows[-seen::stride]
        of = reference_of(
            baseline_of(fitted[:, :-1].reshape(trained, TAGS, len(FEATURES)), fitted[:, -1]),
            model="pump@1",
            tags=TABLES[0].names,
            features=FEATURES,
            rows=trained,
            score_rows=trained,
            every_ns=EVERY,
            fingerprint="",
        )
        for step, found in gaps.items():
            batches = at_or_below(later + step, of.edges).reshape(BATCHES, BATCH, *of.edges.shape).sum(axis=1)[None]
            some = batches.astype(np.float64)
            products = (some[:, 1:] * some[:, :-1]).sum(axis=1)
            period = Counts(some.sum(axis=1), (some**2).sum(axis=1), products, some[:, 0], some[:, -1])
            verdicts = judge(period, of, stride=stride, limit=0.0)
            found.append(verdicts.gap)
            if not step:
                psi.append(verdicts.psi)
    limit = limit_of(seen * EVERY / (365 * 86_400e9), columns)
    false = float((np.array(gaps[0.0]) > limit_of(DECLARED * columns, columns)).mean())
    return {
        "name": f"drift: columns past a limit declared for 1 %, {name}",
        "figure": 100 * false,
        "unit": "%",
        "against": f"PSI without drift, 99th percentile: {np.quantile(psi, 0.99):.2f}",
        "ratio": None,
        "goal": "<= 1 %",
        "met": false <= DECLARED,
        "step_of_half_a_deviation_found": f"{(np.array(gaps[0.5]) > limit).mean():.1%}",
        "step_of_one_deviation_found": f"{(np.array(gaps[1.0]) > limit).mean():.1%}",
    }


def cold_start_on_skab() -> list[dict[str, Any]]:
    """Windows of 10 rows; an alarm is two in a row above the limit. None where the recordings are not there."""
    folder = Path(os.environ.get("SLUICEGATE_DATA", BESIDE)) / "skab"
    if not folder.is_dir():
        return []
    flagged, truth, found, events = [], [], 0, 0
    for one in skab(folder):
        alarms = cold_alarms(one.case.rows)[SETTLED:]
        faulty = by_ten(one.case.truth)[SETTLED:].mean(axis=1) > 0.5
        flagged.append(alarms)
        truth.append(faulty)
        events += bool(faulty.any())
        found += bool((alarms & faulty).any())
    calm = cold_alarms(skab_anomaly_free(folder, 0).rows)
    in_vain = sum(int((openings(a) & ~t).sum()) for a, t in zip(flagged, truth, strict=True))
    total = counts(np.concatenate(truth), np.concatenate(flagged))
    return [
        {
            "name": "cold start: SKAB, windows of 10 s from the 400th row on",
            "figure": total.f1,
            "unit": "F1",
            "against": "",
            "ratio": None,
            "goal": "",
            "met": None,
            "far": f"{total.far:.1%}",
            "mar": f"{total.mar:.1%}",
            "found": f"{found}/{events}",
            "openings_for_nothing": in_vain,
            "openings_without_a_fault": f"{openings(calm).sum()} in {len(calm) / 360:.1f} h",
        }
    ]


def cold_alarms(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """bool[windows]."""
    parts = by_ten(rows)
    windows = np.stack([parts.mean(axis=1), parts.std(axis=1)], axis=2)
    above = follow(ColdStart(TABLES[0].names, ("mean", "std"), EVERY), windows).score > 1.0
    return np.append(False, above[1:] & above[:-1])


def by_ten(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return rows[: len(rows) // 10 * 10].reshape(-1, 10, *rows.shape[1:])


def openings(alarms: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """bool[windows], with which one begins."""
    return np.diff(alarms.astype(np.int8), prepend=0) == 1


def cpu_us(work: Callable[[], object], repeats: int) -> float:
    """Microseconds a call, the smallest of some."""
    times = []
    for _ in range(repeats):
        start = time.process_time_ns()
        work()
        times.append(time.process_time_ns() - start)
    return min(times) / 1e3
