"""The score step of a flow without Bytewax around it: featurized blocks of many assets in, scored blocks out."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

from connectors.tags import Tag, TagTable
from flows.blocks import FeatureBlock
from flows.score_state import ScoreState
from models.features import STANDARD
from models.roster import Roster
from models.served import Served

if TYPE_CHECKING:
    from scoring.subjects import Subject

PASSES = 60  # the first third is not counted: the suite warms up
EVERY_NS = 250_000_000


def step_us(served: Subject, assets: int) -> float:
    """Microseconds for a window of one of so many assets, a window of each in a pass."""
    tables = [TagTable(f"asset-{at}", tuple(Tag(name) for name in served.scorer.tags)) for at in range(assets)]
    state = ScoreState(Roster({table.asset: [Served(served.scorer)] for table in tables}))
    times = []
    for number in range(PASSES):
        blocks = [_block(served, table, at, number) for at, table in enumerate(tables)]
        started = time.perf_counter()
        state.push(blocks)
        times.append(time.perf_counter() - started)
    return 1e6 * statistics.median(times[PASSES // 3 :]) / assets


def _block(served: Subject, table: TagTable, asset: int, number: int) -> FeatureBlock:
    start = np.array([number * EVERY_NS])
    row = served.rows[(asset + 7 * number) % len(served.rows)][None, :, :1]
    shape = (1, len(table.tags))
    return FeatureBlock(
        tags=table,
        start=start,
        end=start + EVERY_NS,
        n=np.ones(shape, np.int32),
        n_bad=np.zeros(shape, np.int32),
        coverage=np.ones(shape, np.float32),
        decided_received=int(start[0]),
        partial=False,
        features=STANDARD.features,
        values=np.repeat(row, len(STANDARD.features), axis=2),
    )
