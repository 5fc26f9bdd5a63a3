"""Event-time windows and twelve features over 1,000 assets: ours on Bytewax, Bytewax's own windows, plain numpy.

CPU time of this process throughout. Every contender gets data that stand ready in memory, in the form it likes best.
"""

from __future__ import annotations

import gc
import math
import resource
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import TestingSource, run_main
from numpy.typing import NDArray

from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable
from flows import FeatureBlock, WindowSettings, featurize, window
from models.features import STANDARD

ASSETS, TAGS, ROWS, BLOCKS = 1_000, 10, 100, 10  # 10 Hz, blocks of 1,000 samples, 10 s each
S = 1_000_000_000
T0 = 1_700_000_000 * S + 3 * S  # blocks straddle windows
POLL = 256  # blocks per poll of the source
REPEATS = 5
SETTINGS = WindowSettings("10s", lateness="1s")
Keyed = tuple[str, SampleBatch]


class Polls(DynamicSource[Any]):
    """Hands out ready items, `size` at a time."""

    def __init__(self, items: list[Any], size: int) -> None:
        self._items, self._size = items, size

    def build(self, step_id: str, worker_index: int, worker_count: int) -> StatelessSourcePartition[Any]:
        items, size = self._items, self._size

        class Part(StatelessSourcePartition[Any]):
            at = 0

            def next_batch(self) -> list[Any]:
                if self.at >= len(items):
                    raise StopIteration
                self.at += size
                return items[self.at - size : self.at]

        return Part()


class Each(DynamicSink[Any]):
    """Calls a function with every batch."""

    def __init__(self, take: Callable[[list[Any]], object]) -> None:
        self._take = take

    def build(self, step_id: str, worker_index: int, worker_count: int) -> StatelessSinkPartition[Any]:
        take = self._take

        class Part(StatelessSinkPartition[Any]):
            def write_batch(self, items: list[Any]) -> None:
                take(items)

        return Part()


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


def plain_numpy(items: list[Keyed]) -> dict[tuple[str, int], NDArray[np.float64]]:
    """The same in a loop, for these data only: in order, gapless, all tags in every row, nothing bad, nothing late."""
    pending: dict[str, list[SampleBatch]] = {}
    opened: dict[str, int] = {}
    found = {}
    length, lateness = 10 * S, S
    for asset, batch in items:
        parts = pending.setdefault(asset, [])
        parts.append(batch)
        start = opened.setdefault(asset, int(batch.source_time[0]) // length * length)
        if batch.source_time[-1] - lateness < start + length:
            continue
        times = np.concatenate([part.source_time for part in parts])
        values = np.concatenate([part.value for part in parts])
        cut = np.searchsorted(times, start + length)
        matrix = np.ascontiguousarray(values[:cut].reshape(-1, TAGS).T)
        seconds = (times[:cut:TAGS] - start) / 1e9
        found[asset, start] = twelve(matrix, seconds)
        rest = slice(cut, None)
        pending[asset] = [
            SampleBatch(batch.tags, batch.tag, times[rest], values[rest], batch.status, batch.received_time)
        ]
        opened[asset] = start + length
    return found


def one_matrix(items: list[Keyed]) -> NDArray[np.float64]:
    """The floor: the whole recording at once, cut beforehand; every window is full and starts with a block."""
    matrix = np.concatenate([batch.value.reshape(ROWS, TAGS).T for _, batch in items])
    return twelve(matrix, np.arange(ROWS) / 10)


def twelve(x: NDArray[np.float64], t: NDArray[np.float64]) -> NDArray[np.float64]:
    """The standard features of the rows of a matrix that share their times."""
    mean = x.mean(axis=1)
    centred = x - mean[:, None]
    square = centred * centred
    m2 = square.mean(axis=1)
    m3 = (square * centred).mean(axis=1)
    m4 = (square * square).mean(axis=1)
    low, high = x.min(axis=1), x.max(axis=1)
    rms = np.sqrt((x * x).mean(axis=1))
    since = t - t.mean()
    slope = centred @ since / (since @ since)
    change = np.abs(np.diff(x, axis=1)).mean(axis=1)
    peak = np.maximum(np.abs(low), np.abs(high))
    return np.stack(
        [mean, np.sqrt(m2), low, high, rms, x[:, 0], x[:, -1], slope, m3 / m2**1.5, m4 / m2**2 - 3, change, peak / rms],
        axis=1,
    )


def fold_samples(assets: int, rows: int) -> list[tuple[str, tuple[datetime, int, float]]]:
    """One object per sample, stamped ahead of the clock: `EventClock` is several times slower on the past."""
    rng = np.random.default_rng(0)
    base = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    base = base.replace(second=base.second // 10 * 10)
    return [
        (f"asset{asset}", (base + timedelta(seconds=row), tag, float(value)))
        for row in range(rows)
        for asset in range(assets)
        for tag, value in enumerate(rng.normal(20.0, 1.0, TAGS))
    ]


def fold_window(samples: list[Any]) -> dict[tuple[str, int], Any]:
    """The same statistics with Bytewax's event-time windows, one key per asset, running sums per tag."""
    found: list[Any] = []

    def fold(sums: list[Any], sample: tuple[datetime, int, float]) -> list[Any]:
        at, tag, x = sample
        s = sums[tag]
        t = at.timestamp() % 10
        if s is None:
            sums[tag] = [1, x, x * x, x**3, x**4, x, x, x, x, t, t * t, t * x, 0.0]
            return sums
        s[0] += 1
        s[1] += x
        s[2] += x * x
        s[3] += x**3
        s[4] += x**4
        s[5] = min(s[5], x)
        s[6] = max(s[6], x)
        s[12] += abs(x - s[8])
        s[8] = x
        s[9] += t
        s[10] += t * t
        s[11] += t * x
        return sums

    flow = Dataflow("fold")
    stream = op.input("samples", flow, TestingSource(samples, batch_size=1000))
    clock = win.EventClock(lambda sample: sample[0], timedelta(seconds=1))
    windower = win.TumblingWindower(timedelta(seconds=10), datetime(2020, 1, 1, tzinfo=UTC))
    folded = win.fold_window("fold", stream, clock, windower, lambda: [None] * TAGS, fold, lambda a, _: a)
    op.output("out", op.map_value("finish", folded.down, lambda out: (out[0], finish(out[1]))), Each(found.extend))
    run_main(flow)
    return {(asset, number): rows for asset, (number, rows) in found}


def finish(sums: list[Any]) -> list[tuple[float, ...]]:
    """Running sums to features."""
    rows = []
    for n, s1, s2, s3, s4, low, high, first, last, t1, t2, tx, change in sums:
        mean = s1 / n
        m2 = max(s2 / n - mean**2, 1e-300)
        m3 = s3 / n - 3 * mean * s2 / n + 2 * mean**3
        m4 = s4 / n - 4 * mean * s3 / n + 6 * mean**2 * s2 / n - 3 * mean**4
        slope = (tx - t1 * mean) / (t2 - t1 * t1 / n) if n > 1 else 0.0
        rms = math.sqrt(s2 / n)
        peak = max(abs(low), abs(high))
        shape = (m3 / m2**1.5, m4 / m2**2 - 3, change / max(n - 1, 1), peak / rms)
        rows.append((mean, math.sqrt(m2), low, high, rms, first, last, slope, *shape))
    return rows


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
    folded = fold_samples(ASSETS, 20)

    took = dict(
        medians(
            {"ours": (ours, items), "loop": (plain_numpy, items), "matrix": (one_matrix, items)},
            REPEATS,
        )
    )
    fold_us = statistics.median(cpu(fold_window, folded)[0] for _ in range(3)) / len(folded) * 1e6
    ours_us = took["ours"] / n * 1e6
    extra = {
        "samples_per_s": round(n / took["ours"]),
        "cpu_s_per_million": round(ours_us, 4),
        "peak_mb": round(peak_mb, 1),
    }

    def row(name: str, against: str, ratio: float, goal: str, met: bool | None) -> dict[str, Any]:
        figure = n / took["ours"] / 1e6
        return {
            "name": name,
            "figure": round(figure, 2),
            "unit": "million samples/s and core",
            "against": against,
            "ratio": round(ratio, 3),
            "goal": goal,
            "met": met,
            **extra,
        }

    faster, loop, matrix = fold_us / ours_us, took["ours"] / took["loop"], took["ours"] / took["matrix"]
    what = f"windows + 12 features, {ASSETS:,} assets x {TAGS} tags"
    return [
        row(what, f"fold_window, {fold_us:.1f} us a sample", faster, ">= 50 times faster", faster >= 50),
        row(
            what, f"plain numpy in a loop, {n / took['loop'] / 1e6:.1f} M/s", loop, "<= 1.5 times its time", loop <= 1.5
        ),
        row(what, f"one numpy matrix, pre-cut, {n / took['matrix'] / 1e6:.1f} M/s", matrix, "", None),
    ]


if __name__ == "__main__":
    for line in run():
        print(line)
