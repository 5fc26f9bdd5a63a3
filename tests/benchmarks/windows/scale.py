"""Whether a sample costs more where there are more assets: the same number of samples over 10 to 10,000 of them."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable

S = 1_000_000_000
T0 = 1_700_000_000 * S + 3 * S  # blocks straddle windows
TAGS, ROWS = 10, 100
SIZES = (10, 100, 1_000, 10_000)
BLOCKS = 60_000  # of 1,000 samples: six for each of the 10,000 assets
WARM_UP = 2  # blocks of each asset that are not timed: what an asset costs once is no matter of samples
POOL = 4_096  # different columns of values: 32 MB, more than the caches hold
REPEATS = 3
MOST = 1.5  # times what it costs at the cheapest size
Keyed = tuple[str, SampleBatch]


def blocks(assets: int) -> list[Keyed]:
    """In order of time. Columns that are equal are shared, so that the data leave the caches in the same way."""
    rng = np.random.default_rng(0)
    names = tuple(Tag(f"tag{i}", interval_s=0.1) for i in range(TAGS))
    tables = [TagTable(f"asset{i}", names) for i in range(assets)]
    tag = np.tile(np.arange(TAGS, dtype=np.uint16), ROWS)
    offsets = np.repeat(np.arange(ROWS), TAGS) * (S // 10)
    status = np.zeros(ROWS * TAGS, dtype=np.uint32)
    pool = rng.normal(20.0, 1.0, (POOL, ROWS * TAGS))
    out: list[Keyed] = []
    for index in range(BLOCKS // assets):
        times = T0 + index * 10 * S + offsets
        for table in tables:
            values = pool[len(out) % POOL]
            out.append((table.asset, SampleBatch(table, tag, times, values, status, int(times[-1]))))
    return out


def rows(work: Callable[[list[Keyed], int], float], what: str) -> Iterator[dict[str, Any]]:
    """One row a size.

    Args:
        work: Windows and features of all the items; returns the CPU seconds from an item's number on.
        what: Name of the work.
    """
    took: dict[int, list[float]] = {size: [] for size in SIZES}
    for size in SIZES:
        items = blocks(size)
        for _ in range(REPEATS):
            gc.collect()
            took[size].append(work(items, WARM_UP * size) / ((BLOCKS - WARM_UP * size) * ROWS * TAGS))
    us = {size: statistics.median(seconds) * 1e6 for size, seconds in took.items()}
    least = min(us.values())
    for size, cost in us.items():
        yield {
            "name": f"{what}, {size:,} assets x {TAGS} tags",
            "figure": round(1 / cost, 2),
            "unit": "million samples/s and core",
            "against": f"the cheapest of {', '.join(f'{size:,}' for size in SIZES)} assets",
            "ratio": round(cost / least, 2),
            "goal": f"<= {MOST} times its cost" if size == max(SIZES) else "",
            "met": cost <= MOST * least if size == max(SIZES) else None,
        }
