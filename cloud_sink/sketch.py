"""Quantile sketches that merge: counts of samples in buckets whose bounds grow by a constant factor. Pure.

The mapping is DDSketch's (Masson, Rim, Lee 2019, DDSketch: a fast and fully-mergeable quantile sketch with
relative-error guarantees, PVLDB 12(12), section 2): with gamma = (1 + a) / (1 - a), bucket i holds the values in
(gamma^(i-1), gamma^i], and 2 gamma^i / (gamma + 1), which is (1 - a) gamma^i, is within the share a of each of them.
Negative values have buckets of their own; what is nearer to 0 than the smallest bucket counts as 0. Merging adds
counts, in any order, and loses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ACCURACY = 0.01
"""Largest relative error of a quantile. Part of the contract: other counts do not merge with these."""
GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
SHIFT = 2048
"""Buckets are numbered in order of value: `sign * (i + SHIFT)`, and 0 for 0. The least magnitude is GAMMA^-SHIFT."""
_LEAST = GAMMA**-SHIFT  # 1.6e-18
_LOG = math.log(GAMMA)


def bucket_of(values: NDArray[np.float64]) -> NDArray[np.int32]:
    """Number of the bucket of each finite value."""
    size = np.abs(values)
    with np.errstate(divide="ignore"):
        above = np.ceil(np.log(size) / _LOG) + SHIFT
    return np.where(size > _LEAST, np.copysign(np.maximum(above, 1), values), 0).astype(np.int32)


def value_of(buckets: NDArray[Any]) -> NDArray[np.float64]:
    """What stands for the values of a bucket."""
    size = np.exp((np.abs(buckets) - SHIFT) * _LOG + math.log(1 - ACCURACY))
    return np.asarray(np.sign(buckets) * size)


@dataclass(frozen=True, slots=True, eq=False)
class Sketches:
    """Of all tags of one asset, for a stretch of time.

    Attributes:
        since: Event time, ns: beginning of the first window whose samples are in it.
        sizes: int64[T], buckets of each tag; 0 = it had no good sample.
        buckets: int32[m], those of one tag after those of the other, ascending.
        counts: int64[m], samples in each.
    """

    since: int
    sizes: NDArray[np.int64]
    buckets: NDArray[np.int32]
    counts: NDArray[np.int64]

    def of_tag(self, tag: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Buckets and counts of one tag."""
        end = int(self.sizes[: tag + 1].sum())
        span = slice(end - int(self.sizes[tag]), end)
        return self.buckets[span], self.counts[span]


def sketch(since: int, tags: int, tag: NDArray[Any], value: NDArray[np.float64]) -> Sketches:
    """Of samples in any order.

    Args:
        since: Of the first window.
        tags: How many there are.
        tag: int[n], number of each sample's.
        value: float64[n], finite.
    """
    return _counted(since, tags, tag, bucket_of(value), np.ones(len(value), np.int64))


def merge(sketches: Sequence[Sketches]) -> Sketches:
    """Of at least one, each with the same tags: the sketch of all samples, since the earliest."""
    return _counted(
        min(one.since for one in sketches),
        len(sketches[0].sizes),
        np.concatenate([np.repeat(np.arange(len(one.sizes)), one.sizes) for one in sketches]),
        np.concatenate([one.buckets for one in sketches]),
        np.concatenate([one.counts for one in sketches]),
    )


def quantile(buckets: NDArray[np.int32], counts: NDArray[np.int64], q: float) -> float:
    """The q-quantile of what was counted, within `ACCURACY` of the lower one; NaN where nothing was.

    Args:
        buckets: Ascending.
        counts: Of each.
        q: 0 to 1.
    """
    if not len(counts):
        return math.nan
    below = np.cumsum(counts)
    rank = math.floor(q * (int(below[-1]) - 1))  # counted from 0
    return float(value_of(buckets[np.searchsorted(below, rank, side="right")]))


def _counted(
    since: int, tags: int, tag: NDArray[Any], bucket: NDArray[np.int32], counts: NDArray[np.int64]
) -> Sketches:
    keys, place = np.unique(tag.astype(np.int64) << 32 | bucket.astype(np.int64) + 2**31, return_inverse=True)
    totals = np.zeros(len(keys), np.int64)
    np.add.at(totals, place, counts)
    owners, numbers = keys >> 32, (keys & 0xFFFFFFFF) - 2**31
    return Sketches(since, np.bincount(owners, minlength=tags), numbers.astype(np.int32), totals)
