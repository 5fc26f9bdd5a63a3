"""Closed windows with their samples, and the grouping of those by window and tag, for many blocks at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from connectors.tags import TagTable
from flows.window_quality import longest_gaps, origins_of
from models.context import Context
from models.features import Segments, offsets_of

_KEYS_16_BIT = 65_536  # numpy sorts 16-bit keys by radix, in time proportional to their number


@dataclass(eq=False, kw_only=True)
class WindowBlock:
    """All windows of one asset that closed together, in order of start. w windows, m samples, T tags of the table.

    The samples stand window by window, in order of time, arrival breaking ties; hopping windows each hold their own.
    Grouping them by tag is left to `group`, which does it for all blocks of a pass in the same few numpy calls.

    Treat as immutable: branches of a dataflow share it.

    Attributes:
        tags: The asset and its tags.
        start: int64[w], event time, ns, inclusive.
        end: int64[w], exclusive.
        sizes: int64[w], samples of each window.
        tag: uint16[m].
        time: int64[m], ns since the epoch.
        value: float64[m]; not finite = to be counted, not featurized.
        expected: float64[T], or [w, T] where windows differ in length: samples that each should hold of each tag; NaN
            where that is not known.
        decided_received: ns, when the block that closed these windows was received.
        partial: They were closed early, by a migration, and do not hold all their samples.
        backfilled: They were filled from a history, after event time had passed them.
        held: float64[w, T], the value in force when the window began: of the last good sample of the tag before it that
            was placed, NaN where there is none; None = not known, as for windows filled from a history.
        origin: uint8[m], an `Origin` each; None = all samples are live.
    """

    tags: TagTable
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    sizes: NDArray[np.int64]
    tag: NDArray[np.uint16]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    expected: NDArray[np.float64]
    decided_received: int
    partial: bool
    backfilled: bool = False
    held: NDArray[np.float64] | None = None
    origin: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.start)

    @property
    def asset(self) -> str:
        """Name of the asset, the key of the stream."""
        return self.tags.asset

    @cached_property
    def gap_s(self) -> NDArray[np.float32]:
        """float32[w, T], the longest stretch of the window without a good sample of the tag, edges included."""
        gaps = longest_gaps(self.grouped.segments, np.repeat(self.end - self.start, len(self.tags)))
        return gaps.reshape(len(self), -1)

    @cached_property
    def origins(self) -> NDArray[np.uint8]:
        """uint8[w, T], bit 1 << `Origin` where the tag has samples that came so, good or not; 0 = has none."""
        count = len(self) * len(self.tags)
        keys = _keys(self.tag, np.arange(0, count, len(self.tags)), self.sizes, count)
        return origins_of(keys, self.origin, count).reshape(len(self), -1)

    @cached_property
    def grouped(self) -> Grouped:
        """The samples by window and tag: w * T segments."""
        return group([self])


@dataclass(frozen=True, slots=True, eq=False)
class Grouped:
    """Samples of several blocks by block, window and tag, in this order: k segments.

    Attributes:
        segments: Good samples (good status, finite value), k segments.
        n: int32[k], how many those are.
        n_bad: int32[k], other samples: counted, never featurized.
        coverage: float32[k], n as a share of the samples expected, at most 1; NaN where that is not known.
    """

    segments: Segments
    n: NDArray[np.int32]
    n_bad: NDArray[np.int32]
    coverage: NDArray[np.float32]


def group(blocks: Sequence[WindowBlock]) -> Grouped:
    """Group the samples of at least one block. Stable: within a segment the order of the block is kept."""
    windows = [len(block) for block in blocks]
    sizes = _joined([block.sizes for block in blocks])
    starts = _joined([block.start for block in blocks])
    tag = _joined([block.tag for block in blocks])
    value = _joined([block.value for block in blocks])
    since = _joined([block.time for block in blocks]) - np.repeat(starts, sizes)
    bases = offsets_of(np.repeat([len(block.tags) for block in blocks], windows))
    count = int(bases[-1])
    keys = _keys(tag, bases[:-1], sizes, count)

    finite = np.isfinite(value)
    bad_keys, bad_since = keys[:0], since[:0]
    if finite.all():
        n_bad = np.zeros(count, dtype=np.int32)
    else:
        bad_keys, bad_since = keys[~finite], since[~finite]
        n_bad = np.bincount(bad_keys, minlength=count).astype(np.int32)
        keys, since, value = keys[finite], since[finite], value[finite]
    n = np.bincount(keys, minlength=count)
    order = keys.argsort(kind="stable")
    expected = _joined([_expected(block) for block in blocks])

    def context() -> Context:
        return _context(blocks, expected, n_bad, bad_since[bad_keys.argsort(kind="stable")] / 1e9)

    return Grouped(
        Segments(value[order], since[order] / 1e9, offsets_of(n), context),
        n.astype(np.int32),
        n_bad,
        np.minimum(n / expected, 1.0).astype(np.float32),
    )


def _context(
    blocks: Sequence[WindowBlock],
    expected: NDArray[np.float64],
    n_bad: NDArray[np.int32],
    bad_time_s: NDArray[np.float64],
) -> Context:
    """What features may want to know beside good samples; made only if one does."""

    def spread(columns: list[NDArray[Any]]) -> NDArray[Any]:
        """One entry per tag, for every window of its block."""
        return _joined([np.tile(column, len(block)) for block, column in zip(blocks, columns, strict=True)])

    tables = [block.tags for block in blocks]
    shapes = [(len(block), len(block.tags)) for block in blocks]
    held = [
        np.full(shape, np.nan) if block.held is None else block.held
        for block, shape in zip(blocks, shapes, strict=True)
    ]
    return Context(
        length_s=_joined([np.repeat((block.end - block.start) / 1e9, len(block.tags)) for block in blocks]),
        interval_s=spread([table.interval_s for table in tables]),
        expected=expected,
        waveform=spread([table.waveform for table in tables]),
        held=_joined([each.ravel() for each in held]),
        unit=spread([table.units for table in tables]),
        bad=n_bad.astype(np.int64),
        bad_time_s=bad_time_s,
    )


def _expected(block: WindowBlock) -> NDArray[np.float64]:
    """Of each window and tag, one after the other."""
    if block.expected.ndim == 2:
        return block.expected.ravel()
    return block.expected if len(block) == 1 else np.tile(block.expected, len(block))


def _keys(
    tag: NDArray[np.uint16], bases: NDArray[np.int64], sizes: NDArray[np.int64], count: int
) -> NDArray[np.uint16] | NDArray[np.int64]:
    """Number of each sample's segment, in as few bits as will do."""
    if count <= _KEYS_16_BIT:
        return np.repeat(bases.astype(np.uint16), sizes) + tag
    return np.repeat(bases, sizes) + tag


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
