"""What knows nothing, or next to nothing. A detector's figure means as much as its distance from these.

All but range novelty never look at the data; on recordings with dense or regular events they do surprisingly well
(Wu and Keogh, "Current Time Series Anomaly Detection Benchmarks are Flawed", TKDE 2021).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def always_on(n: int) -> NDArray[np.bool_]:
    """An alarm in every row."""
    return np.ones(n, dtype=np.bool_)


def clock(n: int, on: int, off: int) -> NDArray[np.bool_]:
    """An alarm from row `on` until `off` rows before the end: what someone says who knows when tests take place."""
    flagged = np.zeros(n, dtype=np.bool_)
    flagged[on : max(on, n - off)] = True
    return flagged


def metronome(n: int, period: int, phase: int = 0) -> NDArray[np.bool_]:
    """One alarm every `period` rows."""
    flagged: NDArray[np.bool_] = (np.arange(n) - phase) % period == 0
    return flagged


def random_scores(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Uniform scores, float64[n]."""
    return rng.random(n)


def outside_range(training: NDArray[np.float64], rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far rows float64[n, tags] leave the range of the training rows, in ranges; the largest over tags.

    The yardstick of every detector that is more than two numbers a tag: "Quo Vadis" (arXiv 2405.02678, 2024) finds it
    level with deep networks. A tag that stood still has range 1; missing values (NaN) are passed over.
    """
    low, high = np.fmin.reduce(training, axis=0), np.fmax.reduce(training, axis=0)
    span = np.where(high > low, high - low, 1.0)
    beyond = np.maximum(np.maximum(rows - high, low - rows) / span, 0.0)
    outside: NDArray[np.float64] = np.fmax.reduce(beyond, axis=1)
    return outside
