"""Scoring: every detector as it is served, against the Python it was made of; and the four figures of edge inference.

8 tags. Stateless detectors get mean and std of each, stateful ones the mean; scores and contributions of every row, one
thread on both sides. Of one asset each call has another row: a forest that sees the same row again and again guesses
its branches. Every figure is the smallest of five medians: other work on the machine only adds.

The four figures are those of the suite: a decision on one asset, asset-rows a second and core, CPU-seconds of the whole
gateway (acquire, flow and deliver in processes of their own, 20 assets of 10 tags, 50,000 samples/s, windows of 250 ms)
for a million samples, and what `bench accuracy` found last, if it was run.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bench_latency
from scoring.in_flow import step_us
from scoring.int8 import measured
from scoring.subjects import Subject, subject
from threadpoolctl import threadpool_limits

from models.bundle import write_bundle
from models.detectors.catalogue import KINDS
from models.detectors.stream import StreamDetector
from models.onnx_scorer import OnnxScorer
from models.state import begin
from models.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable

ASSETS = (1, 10, 100, 1000)
ROUNDS, ROUND_S = 5, 0.1
GOALS_US = {("suite", 1): 60.0, ("suite", 100): 2.5, ("suite", 1000): 2.5, ("forest", 1): 25.0}
LOAD_MS = 15.0


def run() -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    figures: dict[int, float] = {}
    for name in KINDS:
        served = subject(name)
        for assets in ASSETS:
            results.append(_served(served, assets))
            if name == "suite":
                figures[assets] = results[-1]["figure"]
        if name in ("suite", "forest"):
            results.append(_load(served))
        if name == "suite":
            results += [_watched(served), *_in_flow(served)]
    return [*results, *measured(best), *_four_figures(figures)]


def _served(served: Subject, assets: int) -> dict[str, Any]:
    """Microseconds for a row of one of so many assets, in a call for all of them."""
    rows = [served.rows[at : at + 1] for at in range(500)] if assets == 1 else [served.rows[:assets]]
    state = begin(served.scorer.state, assets)
    for at in range(2 * served.scorer.warm_up if served.stateful else 0):
        state = served.scorer.score(rows[at % len(rows)], state).state
    turn = cycle(rows)
    ours = best(lambda: served.scorer.score(next(turn), state)) / assets
    with threadpool_limits(1):
        what, theirs = _reference(served, assets)
    goal = GOALS_US.get((served.name, assets))
    return {
        "name": f"scoring: {served.name}, {assets:,} asset{'s' if assets > 1 else ''}",
        "figure": ours,
        "unit": "us an asset-row",
        "against": f"{what} {theirs:.3g} us",
        "ratio": theirs / ours,
        "goal": f"<= {goal:g} us" if goal else "",
        "met": ours <= goal if goal else None,
    }


def _reference(served: Subject, assets: int) -> tuple[str, float]:
    """What it was made of, microseconds for a row of one asset."""
    detector = served.detector
    if isinstance(detector, StreamDetector):
        row, state = served.rows[:assets, :, 0], detector.start(assets)
        return "numpy, row by row", best(lambda: detector.step(row, state)) / assets
    if served.stateful:
        run_of_one = served.rows[:200, :, 0]
        return "numpy, a run of 200 rows", best(lambda: detector.anomaly_score(run_of_one)) / len(run_of_one)
    flat = [served.rows[at : at + assets].reshape(assets, -1) for at in range(100 if assets == 1 else 1)]
    turn = cycle(flat)
    return "scikit-learn predict", best(lambda: detector.predict(next(turn))) / assets


def _load(served: Subject) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        write_bundle(Path(folder) / "bundle", served.bundle)
        took = best(lambda: OnnxScorer.load(Path(folder) / "bundle"), time.process_time) / 1000
    return {
        "name": f"scoring: load and verify a bundle of {served.name}",
        "figure": took,
        "unit": "ms of CPU",  # longer than a slice of time on a busy machine
        "goal": f"<= {LOAD_MS:g} ms",
        "met": took <= LOAD_MS,
    }


def _watched(served: Subject) -> dict[str, Any]:
    """What the time budget costs a call."""
    watched = OnnxScorer(served.bundle, time_budget=timedelta(seconds=10), watchdog=Watchdog())
    row, state = served.rows[:1], begin(served.scorer.state, 1)
    pairs = [(best(lambda: served.scorer.score(row, state)), best(lambda: watched.score(row, state))) for _ in range(3)]
    without, with_it = min(one for one, _ in pairs), min(other for _, other in pairs)
    return {
        "name": "scoring: suite, 1 asset, with a time budget",
        "figure": with_it,
        "unit": "us an asset-row",
        "against": f"without {without:.3g} us",
        "ratio": with_it / without,
    }


def _in_flow(served: Subject) -> list[dict[str, Any]]:
    """The whole step of the flow: picking rows, keeping state, verdicts."""
    return [
        {
            "name": f"scoring: the step of the flow with the suite, {assets:,} asset{'s' if assets > 1 else ''}",
            "figure": step_us(served, assets),
            "unit": "us an asset-row",
        }
        for assets in ASSETS
    ]


def _four_figures(suite_us: dict[int, float]) -> list[dict[str, Any]]:
    cpu_s, per_role = _gateway()
    return [
        {"name": "the four figures, suite: latency of a decision", "figure": suite_us[1], "unit": "us"},
        {
            "name": "the four figures, suite: throughput",
            "figure": 1e6 / suite_us[1000],
            "unit": "asset-rows a second and core",
        },
        {
            "name": "the four figures, suite: energy, the whole gateway",
            "figure": cpu_s,
            "unit": "CPU-seconds a million samples",
            **per_role,
        },
        *_accuracy(),
    ]


def _gateway() -> tuple[float, dict[str, float]]:
    """CPU-seconds of acquire, flow and deliver for a million samples."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("SLUICEGATE_BENCH_DIR")) as name:
        folder = bench_latency.layout(Path(name))
        write_bundle(folder / "bundle", subject("suite", tags=10).bundle)
        others = {role: bench_latency.start(role, folder, "scored") for role in ("flow", "deliver")}
        results = {"acquire": bench_latency.result(bench_latency.start("acquire", folder, "scored"))}
        (folder / "stop").touch()
        results |= {role: bench_latency.result(process) for role, process in others.items()}
    millions = results["acquire"]["received"] / 1e6
    each = {role: one["cpu_s"] / millions for role, one in results.items()}
    return sum(each.values()), each


def _accuracy() -> list[dict[str, Any]]:
    """What the last benchmark of accuracy found, where run.py keeps it."""
    kept = Path(os.environ.get("SLUICEGATE_BENCH_OUT", "var/bench")) / "accuracy.json"
    found = json.loads(kept.read_text()) if kept.is_file() else []
    quoted = [one for one in found if one.get("goal") and one.get("figure") is not None]
    if not quoted:
        return [{"name": "the four figures, suite: accuracy", "unit": "not measured here: run bench accuracy"}]
    keys = ("figure", "unit", "goal", "met")
    return [{"name": f"the four figures, {one['name']}", **{key: one.get(key) for key in keys}} for one in quoted]


def best(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Microseconds a call: smallest of five medians over a tenth of a second each."""
    call()
    started = time.perf_counter()
    call()
    once = time.perf_counter() - started
    repeats = max(5, min(2000, round(ROUND_S / once)))
    medians = []
    for _ in range(ROUNDS):
        times = []
        for _ in range(repeats):
            start = clock()
            call()
            times.append(clock() - start)
        medians.append(statistics.median(times))
    return 1e6 * min(medians)
