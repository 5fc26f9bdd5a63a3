"""Two redundant tags that disagree."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.rules.arrivals import Arrivals, Own, in_order
from flows.rules.clock import NEVER
from flows.rules.rule import Deviation
from flows.rules.watcher import EVERY, NO, Band, Move, Watcher, around, turns

_NAN = float("nan")


class DeviationWatcher(Watcher):
    """Remembers the latest good sample of both tags.

    While all values of both lie in one band as wide as the tolerance, they cannot differ by more, and are put off.
    """

    def __init__(self, rule: Deviation) -> None:
        super().__init__(rule)
        self._rule = rule
        self._value = [_NAN, _NAN]

    def band(self, side: int) -> Band:
        """Around both values. Until the other spoke, no value of the one can be judged."""
        if self.active or NEVER in self.newest:
            return EVERY if self.newest[1 - side] == NEVER != self.newest[side] else NO
        return around(np.array(self._value), self._rule.tolerance)

    def judge(self, arrivals: Arrivals) -> list[Move]:
        """Every sample of either against the latest of the other."""
        own, is_other = self._both(arrivals)
        self.start = arrivals.pending.size
        if not len(own.time):
            return []
        # Rows 0 and 1 stand for what is remembered
        count = np.arange(2, len(own.time) + 2)
        time = np.concatenate([self.newest, own.time])
        value = np.concatenate([self._value, own.value])
        first = np.maximum.accumulate(np.where(is_other, 0, count))
        second = np.maximum.accumulate(np.where(is_other, count, 1))
        known = (time[first] != NEVER) & (time[second] != NEVER)
        judged = known & (np.abs(time[first] - time[second]) <= self._rule.max_age_ns) & (own.place >= 0)
        with np.errstate(over="ignore"):
            apart = value[first] - value[second]
        wide = (np.abs(apart) > self._rule.tolerance) & judged
        at, states = turns(wide, ~wide & judged, active=self.active)
        if len(at):
            self.active = bool(states[-1])
        self.newest = [int(time[first[-1]]), int(time[second[-1]])]
        self._value = [float(value[first[-1]]), float(value[second[-1]])]
        columns = (own.place[at].tolist(), states.tolist(), own.time[at].tolist(), apart[at].tolist())
        return [Move(*row, self._rule.tolerance) for row in zip(*columns, strict=True)]

    def settle(self, side: int, time: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        """Only the latest counts; the band stays: all of these lie in it."""
        self.newest[side], self._value[side] = int(time[-1]), float(value[-1])

    def explain(self, move: Move, units: tuple[str, ...]) -> str:
        """Difference and tolerance."""
        rule, unit = self._rule, units[0]
        how = "more than" if move.active else "no more than"
        apart = f"{rule.tag} and {rule.other} are {abs(move.value):g}{unit} apart"
        return f"{apart}, {how} the {rule.tolerance:g}{unit} tolerated."

    def dump(self) -> dict[str, Any]:
        """Both samples."""
        return {"active": self.active, "time": np.array(self.newest), "value": np.array(self._value)}

    def load(self, kept: dict[str, Any]) -> None:
        """With the tolerance as it is now."""
        self.active = kept["active"]
        self.newest, self._value = kept["time"].tolist(), kept["value"].tolist()

    def _both(self, arrivals: Arrivals) -> tuple[Own, NDArray[np.bool_]]:
        """The samples of both tags in arrival order, each tag without its older ones, and which are the other's."""
        parts = []
        for side, number in enumerate(self.numbers):
            found = arrivals.positions(self.start, number)
            own = arrivals.at(found)
            kept = Own(found, own.time, own.value)  # in the order of arrival, also among earlier blocks
            parts.append(in_order(kept, self.newest[side]).place)
        found = np.concatenate(parts)
        is_other = np.repeat([False, True], [len(parts[0]), len(parts[1])])
        order = found.argsort(kind="stable")
        return arrivals.at(found[order]), is_other[order]
