"""The samples that a rule has not judged yet: those of the block, and older ones that could be put off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from flows.column_buffer import ColumnBuffer

BEFORE = -1  # place of a sample that came with an earlier block


class Own(NamedTuple):
    """Good samples of one tag in arrival order, in columns of equal length."""

    place: NDArray[np.int64]  # in the block, in arrival order
    time: NDArray[np.int64]
    value: NDArray[np.float64]


@dataclass(slots=True)
class Arrivals:
    """A block as the rules see it: its good samples, and what is left of earlier ones.

    Attributes:
        place: int64[m], where each good sample stood in the block.
        tag: uint16[m].
        time: int64[m].
        value: float64[m].
        passed: int64[n], event time that has passed after each sample of the block, ascending.
        pending: Good samples of remembered tags of earlier blocks, then those of this one.
        base: Where this block begins in `pending`.
        rows: int64, place in the block of each sample from `base` on.
    """

    place: NDArray[np.int64]
    tag: NDArray[np.uint16]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    passed: NDArray[np.int64]
    pending: ColumnBuffer
    base: int
    rows: NDArray[np.int64]

    def in_block(self, tag: int) -> Own:
        """What the block has of a tag."""
        found = self.tag == tag
        return Own(self.place[found], self.time[found], self.value[found])

    def positions(self, start: int, tag: int) -> NDArray[np.int64]:
        """Where `pending` has samples of a tag, from `start` on."""
        found: NDArray[np.int64] = (self.pending.tag[start:] == tag).nonzero()[0] + start
        return found

    def at(self, positions: NDArray[np.int64]) -> Own:
        """The samples at ascending positions of `pending`."""
        place = np.full(len(positions), BEFORE, dtype=np.int64)
        old = int(positions.searchsorted(self.base))
        place[old:] = self.rows[positions[old:] - self.base]
        return Own(place, self.pending.time[positions], self.pending.value[positions])

    def since(self, start: int, tag: int) -> Own:
        """What came of a tag from position `start` of `pending` on."""
        return self.at(self.positions(start, tag))


def in_order(own: Own, newest: int) -> Own:
    """Without the samples that are older than one before them, or than `newest`; equal times stay."""
    time = own.time
    if not len(time) or (time[0] >= newest and not (time[1:] < time[:-1]).any()):
        return own
    before = np.maximum.accumulate(np.concatenate([[newest], time[:-1]]))
    kept = time >= before
    return Own(own.place[kept], time[kept], own.value[kept])


def nothing(pending: ColumnBuffer, passed: NDArray[np.int64]) -> Arrivals:
    """No block: only what is left of earlier ones, and time that passed."""
    none = ColumnBuffer()
    rows = np.empty(0, dtype=np.int64)
    return Arrivals(rows, none.tag, none.time, none.value, passed, pending, pending.size, rows)
