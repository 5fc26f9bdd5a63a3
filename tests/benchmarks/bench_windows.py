"""Event-time windows and twelve features over 1,000 assets: ours on Bytewax, Bytewax's own windows, plain numpy.

CPU time of this process throughout. Every contender gets data that stand ready in memory, in the form it likes best.
"""

from __future__ import annotations

import gc
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.testing import run_main
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent / "windows"))
import peers
import scale
from ends import Each, Polls
from fold import fold_samples, fold_window
from plain import one_matrix, plain_numpy

from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable
from flows import FeatureBlock, WindowSettings, featurize, window
from models.features import STANDARD

ASSETS, TAGS, ROWS, BLOCKS = 1_000, 10, 100, 10  # 10 Hz, blocks of 1,000 samples, 10 s each
S = 1_000_000_000
T0 = 1_700_000_000 * S + 3 * S  # blocks straddle windows
POLL = 256  # blocks per poll of the source
REPEATS = 5
PAST, AHEAD = "samples of the past", "samples stamped ahead of the clock"
FOLDED = {PAST: timedelta(minutes=-5), AHEAD: timedelta(days=1)}
LEAST = 5  # million samples/s and core
SETTINGS = WindowSettings("10s", lateness="1s")
Keyed = tuple[str, SampleBatch]


def blocks(assets: int = ASSETS, per_asset: int = BLOCKS) -> list[Keyed]:
    """In order of time, as the journal has them."""
    rng = np.random.default_rng(0)
    names = tuple(Tag(f"tag{i}", interval_s=0.1) for i in range(TAGS))
    tables = [TagTable(f"asset{i}", names) for i in range(assets)]
    n = ROWS * TAGS
    tag = np.tile(np.arange(TAGS, dtype=np.uint16), ROWS)
    offsets = np.repeat(np.arange(ROWS), TAGS) * (S // 10)
    status = np.zeros(n, dtype=np.uint32)
    out = []
    for index in range(per_asset):
        times = T0 + index * 10 * S + offsets
        for table in tables:
            values = rng.normal(20.0, 1.0, n)
            batch = SampleBatch(table, tag.copy(), times.copy(), values, status.copy(), int(times[-1]))
            out.append((table.asset, batch))
    return out


def ours(items: list[Keyed]) -> dict[tuple[str, int], NDArray[np.float64]]:
    """Windows and features as a user writes them."""
    found: list[FeatureBlock] = []
    flow = Dataflow("bench")
    samples = op.input("samples", flow, Polls(items, POLL))
    features = featurize("features", window("window", samples, SETTINGS).closed, STANDARD)
    op.output("out", features, Each(lambda batch: found.extend(block for _, block in batch)))
    run_main(flow)
    return {(b.asset, int(start)): b.values[row] for b in found for row, start in enumerate(b.start)}


def ours_from(items: list[Keyed], first: int) -> float:
    """CPU seconds of the same from an item on."""
    began = 0.0

    class Watched(list[Keyed]):
        def __getitem__(self, span: Any) -> Any:
            nonlocal began
            if not began and span.start >= first:
                began = time.process_time()
            return super().__getitem__(span)

    ours(Watched(items))
    return time.process_time() - began


def cpu(function: Callable[[Any], Any], argument: Any) -> tuple[float, Any]:
    """CPU seconds of one call, and what it gave."""
    gc.collect()
    started = time.process_time()
    result = function(argument)
    return time.process_time() - started, result


def medians(contenders: dict[str, tuple[Callable[[Any], Any], Any]], repeats: int) -> Iterator[tuple[str, float]]:
    """Median CPU seconds of each; the contenders take turns, so that a busy spell of the machine hits all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, (function, argument) in contenders.items():
            seconds[name].append(cpu(function, argument)[0])
    for name, values in seconds.items():
        yield name, statistics.median(values)


def run() -> list[dict[str, Any]]:
    """Rows for the table of `make bench`."""
    items = blocks()
    n = len(items) * ROWS * TAGS
    idle_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _, found = cpu(ours, items)
    peak_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle_kb) / 1024
    for key, expected in plain_numpy(items).items():
        np.testing.assert_allclose(found[key], expected, rtol=1e-6, atol=1e-9)
    folded = {name: fold_samples(ASSETS, 20, since) for name, since in FOLDED.items()}

    took = dict(
        medians(
            {"ours": (ours, items), "loop": (plain_numpy, items), "matrix": (one_matrix, items)},
            REPEATS,
        )
    )
    per_fold = dict(medians({name: (fold_window, samples) for name, samples in folded.items()}, REPEATS))
    fold_us = {name: seconds / len(folded[name]) * 1e6 for name, seconds in per_fold.items()}
    ours_us = took["ours"] / n * 1e6
    extra = {
        "samples_per_s": round(n / took["ours"]),
        "cpu_s_per_million": round(ours_us, 4),
        "peak_mb": round(peak_mb, 1),
    }

    million_per_s = n / took["ours"] / 1e6

    def row(name: str, against: str, ratio: float, goal: str, met: bool | None) -> dict[str, Any]:
        return {
            "name": name,
            "figure": round(million_per_s, 2),
            "unit": "million samples/s and core",
            "against": against,
            "ratio": round(ratio, 3),
            "goal": goal,
            "met": met,
            **extra,
        }

    faster = {name: us / ours_us for name, us in fold_us.items()}
    loop, matrix = took["ours"] / took["loop"], took["ours"] / took["matrix"]
    what = f"windows + 12 features, {ASSETS:,} assets x {TAGS} tags"
    return [
        row(what, "its goal", million_per_s / LEAST, f">= {LEAST} million samples/s", million_per_s >= LEAST),
        row(
            what,
            f"fold_window, {PAST}, {fold_us[PAST]:.1f} us a sample",
            faster[PAST],
            ">= 100 times faster",
            faster[PAST] >= 100,
        ),
        row(what, f"fold_window, {AHEAD}, {fold_us[AHEAD]:.1f} us a sample", faster[AHEAD], "", None),
        row(
            what, f"plain numpy in a loop, {n / took['loop'] / 1e6:.1f} M/s", loop, "<= 1.3 times its time", loop <= 1.3
        ),
        row(what, f"one numpy matrix, pre-cut, {n / took['matrix'] / 1e6:.1f} M/s", matrix, "", None),
        *peers.rows(ours_us, what),
        *scale.rows(ours_from, "windows + 12 features"),
    ]


if __name__ == "__main__":
    for line in run():
        print(line)
