"""The running side of a rule: what it remembers, and what makes its condition turn."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flows.rules.arrivals import Arrivals
from flows.rules.clock import NEVER
from flows.rules.rule import Rule

FOREVER = 2**62  # a deadline that never comes
MISSING = 65_535  # number of a tag that the table does not have: no sample carries it
Band = tuple[float, float]
EVERY: Band = (-math.inf, math.inf)
NO: Band = (math.inf, -math.inf)


class Move(NamedTuple):
    """A condition began or ended."""

    place: int  # in the block, in arrival order
    active: bool
    at: int  # event time, ns
    value: float
    limit: float


class Watcher(ABC):
    """One rule at work.

    It is called only when something may have turned: when a sample leaves its quiet band, or event time passes its
    deadline. Samples of tags that it remembers wait in `Arrivals.pending` until then.

    Attributes:
        name: Of the rule.
        order: Of the rule among those of its asset.
        numbers: Of the rule's tags in the table in force, in their order; `MISSING` where it has none.
        active: The condition holds.
        deadline: Event time, ns, before which no passing of time alone turns it.
        start: Where its unjudged samples begin in `pending`.
        newest: For each of the tags, newest source time taken in.
        remembers: It looks at samples of earlier blocks.
        needs_time: It looks at `Arrivals.passed`.
    """

    remembers = True
    needs_time = False

    def __init__(self, rule: Rule) -> None:
        self.name = rule.name
        self.order = 0
        self.tags = rule.tags
        self.numbers: tuple[int, ...] = tuple(MISSING for _ in rule.tags)
        self.active = False
        self.deadline = FOREVER
        self.start = 0
        self.newest = [NEVER for _ in rule.tags]

    @abstractmethod
    def judge(self, arrivals: Arrivals) -> list[Move]:
        """Take in all that came since the last call, up to the end of the block."""

    @abstractmethod
    def band(self, side: int) -> Band:
        """Lowest and highest value of its tag number `side` that cannot turn it, and may therefore be put off."""

    def settle(self, side: int, time: NDArray[np.int64], value: NDArray[np.float64]) -> None:  # noqa: B027 - as needed
        """Take in what was put off of its tag number `side`: it turned nothing.

        Args:
            side: Position in `numbers`.
            time: Ascending, none older than one taken in before; at least one.
            value: Of these samples.
        """

    @abstractmethod
    def explain(self, move: Move, units: tuple[str, ...]) -> str:
        """One sentence for people. `units`: of its tags, "" or with a blank before."""

    def dump(self) -> dict[str, Any]:
        """What to keep over a restart, when nothing is put off: JSON scalars, and arrays of int64 or float64."""
        return {"active": self.active}

    def load(self, kept: dict[str, Any]) -> None:
        """Inverse of `dump`, for a rule of the same kind, name and tags; its numbers may have changed."""
        self.active = kept["active"]


def turns(
    begins: NDArray[np.bool_], ends: NDArray[np.bool_], *, active: bool
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where a condition turns, and to what.

    Args:
        begins: Samples that begin it, where it does not hold yet ...
        ends: ... and that end it where it does; never both. Others change nothing.
        active: Whether it held before the first.
    """
    telling = np.flatnonzero(begins | ends)
    state = begins[telling]
    turned = state != np.concatenate([[active], state[:-1]])
    return telling[turned], state[turned]


def around(value: NDArray[np.float64], width: float) -> Band:
    """A band of at most this width that holds all values, with them in its middle; `NO` if they need more."""
    lowest, highest = float(value.min()), float(value.max())
    if width == math.inf:
        return EVERY
    half = (width - (highest - lowest)) / 2
    low, high = lowest - half, highest + half
    if high - low > width:  # it was rounded up
        low, high = math.nextafter(low, math.inf), math.nextafter(high, -math.inf)
    return (low, high) if low <= lowest and highest <= high and high - low <= width else NO
