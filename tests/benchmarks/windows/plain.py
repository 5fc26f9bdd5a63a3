"""The same work in plain numpy: in a loop over blocks, and as one matrix that was cut beforehand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from connectors.samples import SampleBatch

S = 1_000_000_000
TAGS, ROWS = 10, 100
Keyed = tuple[str, SampleBatch]


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
