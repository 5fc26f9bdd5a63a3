"""The work that per-sample engines are given: event-time windows at 1,000 keys. Runs in their environments too."""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

KEYS, ROWS = 1_000, 240  # 10 Hz: two windows and a part; the part stays open where the engine does not close it
LENGTH_MS, STEP_MS = 10_000, 100
T0_MS = 1_700_000_000_000
REPEATS = 5

# Of one window, for checking: count, sum, mean, least, largest. Ours computes twelve features meanwhile.
Five = tuple[int, float, float, float, float]


def values() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """float64[ROWS, KEYS]; row i is stamped T0_MS + i * STEP_MS."""
    return np.random.default_rng(0).normal(20.0, 1.0, (ROWS, KEYS))


def check(found: Callable[[int, int], Five]) -> None:
    """Compare the first two windows of some keys; `found` takes the key's number and the window's start in ms."""
    data = values()
    per_window = LENGTH_MS // STEP_MS
    for key in (0, 7, KEYS - 1):
        for window in range(2):
            x = data[window * per_window : (window + 1) * per_window, key]
            expected = (len(x), x.sum(), x.mean(), x.min(), x.max())
            np.testing.assert_allclose(found(key, T0_MS + window * LENGTH_MS), expected, rtol=1e-9)


def report(run: Callable[[], Callable[[], Any]]) -> None:
    """Print CPU us per sample, the median of some runs, as JSON.

    Args:
        run: Prepares, outside of the time taken, and returns what is timed.
    """
    took = []
    for _ in range(REPEATS):
        work = run()
        gc.collect()
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    print(json.dumps({"us": statistics.median(took) / (KEYS * ROWS) * 1e6}))
