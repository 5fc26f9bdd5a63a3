"""Scoring: one ONNX Runtime call for all rows of a pass, against the scikit-learn detector it was made of.

8 tags x 12 features; scores and contributions of each row; one thread on both sides. Every figure is the smallest of
five medians: other work on the machine only adds.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from models.detectors.forest import ForestDetector
from models.detectors.mahalanobis import MahalanobisDetector
from models.detectors.stream import StreamDetector
from models.export.door import export
from models.feature_rows import FeatureRows
from models.features import STANDARD
from models.onnx_scorer import OnnxScorer, open_session
from models.training import train

if TYPE_CHECKING:
    from collections.abc import Callable

TAGS = 8
TRAINING_ROWS = 2000
# Rows -> microseconds a call. One row is a decision on one asset; at 1,000 rows 2.5 us a row.
GOALS = {1: 60.0, 10: None, 1000: 2500.0}


def run() -> list[dict[str, Any]]:
    features = STANDARD.features
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(TRAINING_ROWS, TAGS, 1))
    rows = 20.0 + shared + 0.3 * rng.normal(size=(TRAINING_ROWS, TAGS, len(features)))
    flat = rows.reshape(TRAINING_ROWS, -1)
    reference = MahalanobisDetector(features_per_tag=len(features)).fit(flat)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "bundle"
        learnt = FeatureRows(
            values=rows,
            tags=tuple(f"tag{at}" for at in range(TAGS)),
            feature_set=STANDARD,
            window_length_ns=10**10,
            window_every_ns=2 * 10**9,
            starts=np.arange(len(rows)) * 2 * 10**9,
        )
        report = train(learnt, name="bench", version="1", out=out, detector="mahalanobis")
        scorer = OnnxScorer.load(out)
        for n, goal in GOALS.items():
            some, some_flat = rows[:n].copy(), flat[:n].copy()
            ours = best(lambda some=some: scorer.score(some), n)
            with threadpool_limits(1):
                theirs = best(lambda flat=some_flat: (reference.anomaly_score(flat), reference.contributions(flat)), n)
            results.append(
                {
                    "name": f"scoring: {n} rows of {TAGS} tags x {len(features)} features",
                    "figure": ours,
                    "unit": "us a call",
                    "against": f"scikit-learn detector {theirs:.0f} us",
                    "ratio": theirs / ours,
                    "goal": f"<= {goal:.0f} us" if goal else "",
                    "met": ours <= goal if goal else None,
                }
            )
        load = best(lambda: OnnxScorer.load(out), 1000) / 1000
        results.append(
            {
                "name": "scoring: load and verify a bundle",
                "figure": load,
                "unit": "ms",
                "against": "",
                "ratio": None,
                "goal": "<= 15 ms",
                "met": load <= 15,
            }
        )
    results += [*streams(), forest()]
    results.append(
        {
            "name": "scoring: ONNX against the reference, offsets of 1e7 deviations included",
            "figure": report.max_relative_difference,
            "unit": "relative difference",
            "against": "",
            "ratio": None,
            "goal": "<= 1e-5",
            "met": report.max_relative_difference <= 1e-5,
        }
    )
    return results


def streams() -> list[dict[str, Any]]:
    """The suite on raw rows of 8 tags, with its smoothing and its following centre: one row of each of n assets."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(TRAINING_ROWS, 1)) + rng.normal(size=(TRAINING_ROWS, TAGS))
    stream = StreamDetector(follow_rows=400.0).fit(rows)
    graph = export(stream, name="bench", version="1", tags=[f"tag{at}" for at in range(TAGS)], features=["mean"])
    session = open_session(graph.model, Path("bench"))
    results = []
    for assets, goal in {1: 60.0, 10: None, 100: 250.0, 1000: 2500.0}.items():
        begun = stream.start(assets)
        state = {port.name: port.begin(assets) for port in graph.state}
        fed = {"rows": rows[:assets].copy(), **state}
        for _ in range(stream.smoothing_.window):  # until the window is full
            fed.update(zip(state, session.run(None, fed)[3:], strict=True))
        ours = best(lambda fed=fed: session.run(None, fed), assets)
        with threadpool_limits(1):
            theirs = best(lambda fed=fed, begun=begun: stream.step(fed["rows"], begun), assets)
        results.append(
            {
                "name": f"scoring: the suite on a stream of {TAGS} tags, {assets} assets",
                "figure": ours,
                "unit": "us a call",
                "against": f"numpy {theirs:.0f} us",
                "ratio": theirs / ours,
                "goal": f"<= {goal:.0f} us" if goal else "",
                "met": ours <= goal if goal else None,
            }
        )
    return results


def forest() -> dict[str, Any]:
    """100 trees, 8 tags x 2 features, one row, with the blame of each tag."""
    rows = np.random.default_rng(0).normal(size=(TRAINING_ROWS, 2 * TAGS))
    detector = ForestDetector(features_per_tag=2).fit(rows)
    tags = [f"tag{at}" for at in range(TAGS)]
    model = export(detector, name="bench", version="1", tags=tags, features=("mean", "std")).model
    session, row = open_session(model, Path("bench")), {"rows": rows[:1].copy()}
    ours = best(lambda: session.run(None, row), 1)
    started = time.perf_counter()
    detector.anomaly_score(rows[:1])
    theirs = 1e6 * (time.perf_counter() - started)
    return {
        "name": f"scoring: isolation forest of 100 trees, one row, blame of {TAGS} tags",
        "figure": ours,
        "unit": "us a call",
        "against": f"scikit-learn without blame {theirs:.0f} us",
        "ratio": theirs / ours,
        "goal": "<= 25 us",
        "met": ours <= 25,
    }


def best(call: Callable[[], object], n: int) -> float:
    """Microseconds a call: smallest of five medians over about a fifth of a second each."""
    call()
    repeats = 1000 if n <= 10 else 40
    medians = []
    for _ in range(5):
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        medians.append(statistics.median(times))
    return 1e6 * min(medians)
