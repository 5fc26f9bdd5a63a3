"""Too fast a change."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.rules.arrivals import Arrivals, in_order
from flows.rules.rule import RateOfChange
from flows.rules.watcher import NO, Band, Move, Watcher, around, turns

_SAFE = 1 - 1e-9  # of a width: no rounding of a rate makes more of it


class RateWatcher(Watcher):
    """Remembers the samples of the last `over`, and the one before.

    Values that keep within limit * over of each other cannot change faster than the limit over `over` or more. While
    they do, they are put off.
    """

    def __init__(self, rule: RateOfChange) -> None:
        super().__init__(rule)
        self._rule = rule
        self._rise = math.inf if rule.rise is None else rule.rise
        self._fall = math.inf if rule.fall is None else rule.fall
        self._over = rule.over_ns
        self._time = np.empty(0, dtype=np.int64)
        self._value = np.empty(0, dtype=np.float64)
        self._band = NO

    def band(self, side: int) -> Band:  # noqa: ARG002 - one tag, one side
        """Around the samples it remembers."""
        return self._band

    def judge(self, arrivals: Arrivals) -> list[Move]:
        """The rate at each sample of the block; those of earlier blocks kept within the band."""
        new = arrivals.since(self.start, self.numbers[0])
        self.start = arrivals.pending.size
        own = in_order(new, self.newest[0])
        time, value = np.concatenate([self._time, own.time]), np.concatenate([self._value, own.value])
        before = time.searchsorted(own.time - self._over, side="right") - 1
        judged = (before >= 0) & (own.place >= 0)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # where there is none before
            rate = (own.value - value[before]) / ((own.time - time[before]) / 1e9)
        fast = ((rate > self._rise) | (rate < -self._fall)) & judged
        at, states = turns(fast, ~fast & judged, active=self.active)
        if len(at):
            self.active = bool(states[-1])
        self._remember(time, value)
        self._centre()
        columns = (own.place[at].tolist(), states.tolist(), own.time[at].tolist(), rate[at].tolist())
        return [Move(*row, self._limit(row[3])) for row in zip(*columns, strict=True)]

    def settle(self, side: int, time: NDArray[np.int64], value: NDArray[np.float64]) -> None:  # noqa: ARG002
        """The band stays: all of these lie in it."""
        if time[0] > time[-1] - self._over:
            time, value = np.concatenate([self._time, time]), np.concatenate([self._value, value])
        self._remember(time, value)

    def explain(self, move: Move, units: tuple[str, ...]) -> str:
        """Rate and limit."""
        how = "rises" if move.value >= 0 else "falls"
        still = "faster than" if move.active else "no longer faster than"
        text = f"{self._rule.tag} {how} by {abs(move.value):g}{units[0]} a second"
        return f"{text}, {still} its limit of {abs(move.limit):g}{units[0]} a second."

    def dump(self) -> dict[str, Any]:
        """The samples it remembers."""
        return {"active": self.active, "time": self._time, "value": self._value}

    def load(self, kept: dict[str, Any]) -> None:
        """With the limits as they are now."""
        self.active = kept["active"]
        self._remember(kept["time"], kept["value"])
        self._centre()

    def _limit(self, rate: float) -> float:
        limits = (self._rise, -self._fall) if rate >= 0 else (-self._fall, self._rise)
        return limits[0] if math.isfinite(limits[0]) else limits[1]

    def _remember(self, time: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        """Keep what a later sample may be compared with."""
        if not len(time):
            return
        first = max(int(time.searchsorted(time[-1] - self._over, side="right")) - 1, 0)
        self._time, self._value = time[first:].copy(), value[first:].copy()
        self.newest[0] = int(time[-1])

    def _centre(self) -> None:
        quiet = len(self._value) and not self.active
        width = min(self._rise, self._fall) * self._over / 1e9 * _SAFE
        self._band = around(self._value, width) if quiet else NO
