"""Which samples of a block are believed: their time, and their value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from connectors.samples import SampleBatch
from connectors.status import is_good
from flows.rules.clock import NEVER

_NOT_GOOD = 1 << 30  # the least status code whose severity is not good


def believed(block: SampleBatch, limit: int) -> tuple[NDArray[np.int64], int]:
    """Source times, `NEVER` where one is after `limit`, and the newest of them."""
    time = block.source_time
    newest = int(np.maximum.reduce(time))
    if newest > limit:
        time = np.where(time > limit, NEVER, time)
        newest = int(np.maximum.reduce(time))
    return time, newest


def usable_of(block: SampleBatch, time: NDArray[np.int64]) -> NDArray[np.int64] | None:
    """Places of the samples to judge: good, finite, at a believed time. None = all."""
    good = None
    if np.maximum.reduce(block.status) >= _NOT_GOOD or not np.logical_and.reduce(np.isfinite(block.value)):
        good = is_good(block.status) & np.isfinite(block.value)
    if time is not block.source_time:
        good = (time != NEVER) if good is None else good & (time != NEVER)
    return None if good is None else np.flatnonzero(good)
