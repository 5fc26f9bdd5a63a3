"""Features alone, of samples that stand ready by window and tag; CPU time of one thread.

Windows of 100 samples are process tags, of 4,096 a waveform. Compared with a library call for every feature and window,
which is how one would write it first.
"""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal, stats

from models.features import (
    IRREGULAR,
    STANDARD,
    VIBRATION,
    Context,
    FeatureSet,
    Geometry,
    Segments,
    bearing,
    velocity_rms,
)

SAMPLES = 2_000_000
RATE = 10_000.0
REPEATS = 7
GOAL = 55e6  # samples a second: 16 features in plain numpy with one sort, both lengths, on a machine like this one

SIXTEEN = FeatureSet(
    "sixteen",
    1,
    (
        *("mean", "std", "min", "max", "range", "rms", "last", "slope", "skewness", "kurtosis", "mean_abs_change"),
        *("quantile:0.1", "median", "quantile:0.9", "mean_crossings", "autocorrelation:1"),
    ),
)
BEARING = FeatureSet("bearing", 1, (velocity_rms(), *bearing(Geometry(9, 7.94, 39.04), 29.95, 2000, 4000)))


def segments(n: int) -> Segments:
    """As `flows.window_block.group` hands them over."""
    k = SAMPLES // n
    value = np.random.default_rng(0).normal(20.0, 1.0, k * n)

    def context() -> Context:
        return Context(
            length_s=np.full(k, n / RATE),
            interval_s=np.full(k, 1 / RATE),
            expected=np.full(k, float(n)),
            waveform=np.ones(k, dtype=np.bool_),
            held=np.full(k, 20.0),
            unit=np.full(k, "m/s2"),
            bad=np.zeros(k, dtype=np.int64),
            bad_time_s=np.empty(0),
        )

    return Segments(value, np.tile(np.arange(n) / RATE, k), np.arange(k + 1) * n, context)


def sixteen_by_calls(x: NDArray[np.float64], t: NDArray[np.float64]) -> list[float]:
    centred = x - x.mean()
    return [
        *(x.mean(), x.std(), x.min(), x.max(), np.ptp(x), math.sqrt((x * x).mean()), x[-1]),
        *(stats.linregress(t, x).slope, stats.skew(x), stats.kurtosis(x), np.abs(np.diff(x)).mean()),
        *np.quantile(x, [0.1, 0.5, 0.9]),
        np.count_nonzero(np.diff(centred > 0)),
        (centred[1:] * centred[:-1]).mean() / x.var(),
    ]


def vibration_by_calls(x: NDArray[np.float64], _: NDArray[np.float64]) -> list[float]:
    centred = x - x.mean()
    peak = np.abs(centred).max()
    frequency, density = signal.periodogram(x, RATE, "hann")
    edges = [RATE / 2 ** (octave + 1) for octave in range(6)]
    size = np.abs(np.fft.rfft(centred))
    sos = signal.butter(4, RATE / 8, "highpass", fs=RATE, output="sos")
    envelope = np.abs(signal.hilbert(signal.sosfiltfilt(sos, centred)))
    lines = np.abs(np.fft.rfft(envelope - envelope.mean())) * 2 / len(x)
    return [
        *(x.std(), peak, peak / x.std(), stats.skew(x), stats.kurtosis(x), (frequency * size).sum() / size.sum()),
        *(
            density[(frequency >= low) & (frequency < high)].sum() * RATE / len(x)
            for high, low in itertools.pairwise(edges)
        ),
        lines.max() / envelope.mean(),
    ]


def cpu(work: Callable[[], object]) -> float:
    """Median CPU seconds."""
    took = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        took.append(time.process_time() - started)
    return statistics.median(took)


def by_calls(
    function: Callable[[Any, Any], list[float]], s: Segments, windows: int
) -> tuple[float, NDArray[np.float64]]:
    """CPU seconds a sample, and the features of the first windows."""
    n = int(s.counts[0])
    started = time.process_time()
    rows = [function(s.value[low : low + n], s.time_s[low : low + n]) for low in range(0, windows * n, n)]
    return (time.process_time() - started) / (windows * n), np.array(rows)


def run() -> list[dict[str, Any]]:
    """Rows for the table of `make bench`."""
    calls: dict[str, Callable[[Any, Any], list[float]]] = {"sixteen": sixteen_by_calls, "vibration": vibration_by_calls}
    rows = []
    for n, sets in ((100, (SIXTEEN, STANDARD, IRREGULAR)), (4096, (SIXTEEN, STANDARD, VIBRATION, BEARING))):
        for feature_set in sets:
            s = segments(n)
            found = feature_set.compute(s)
            seconds = cpu(lambda feature_set=feature_set, n=n: feature_set.compute(fresh(n))) - cpu(
                lambda n=n: fresh(n)
            )
            rate = len(s.value) / seconds
            row = {
                "name": f"{feature_set.name}, {len(feature_set.features)} features, windows of {n:,}",
                "figure": round(rate / 1e6, 1),
                "unit": "million samples/s and core",
                "against": "",
                "ratio": None,
                "goal": "",
                "met": None,
                "us_a_window": round(seconds / len(s) * 1e6, 2),
            }
            if feature_set.name in calls:
                slow, expected = by_calls(calls[feature_set.name], s, 200 if n == 100 else 50)
                known = slice(None, -1) if feature_set is VIBRATION else slice(None)  # another filter, another envelope
                np.testing.assert_allclose(found[: len(expected), known], expected[:, known], rtol=1e-6, atol=1e-9)
                row |= {"against": "numpy and scipy, a call a feature and window", "ratio": round(slow * rate, 1)}
            if feature_set is SIXTEEN:
                row |= {"goal": f">= {GOAL / 1e6:.0f}", "met": rate >= GOAL}
            rows.append(row)
    return rows


_KEPT: dict[int, Segments] = {}


def fresh(n: int) -> Segments:
    """The same samples, nothing of them computed yet."""
    kept = _KEPT.get(n)
    if kept is None:
        kept = _KEPT[n] = segments(n)
    return Segments(kept.value, kept.time_s, kept.offsets, kept.context_of)


if __name__ == "__main__":
    for line in run():
        print(line)
