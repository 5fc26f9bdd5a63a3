"""A value that does not change."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.rules.arrivals import Arrivals, in_order
from flows.rules.rule import Stuck
from flows.rules.watcher import EVERY, FOREVER, NO, Band, Move, Watcher, around

_MANY = 64  # remembered samples worth thinning
_MOST = 1024  # remembered samples: 16 KiB of memory and of each snapshot
_NEAR = 16  # the first look back for a change; a live value has one there


class StuckWatcher(Watcher):
    """Remembers the latest samples that lie within the tolerance of each other: its stretch.

    `_since[k]` is where the stretch begins if every sample before number k is cut off. A sample between others, higher
    than one that follows and lower than another, is never the last one that cuts: it is let go, so that hours of noise
    are a handful of rows. Of a drift in more steps than `_MOST` every other one is let go, but the first, the last and
    the extremes: the stretch may then begin a step later than it did, and the tolerance is exact to its steps.
    """

    needs_time = True

    def __init__(self, rule: Stuck) -> None:
        super().__init__(rule)
        self._rule = rule
        self._limit = rule.unchanged_for_ns
        self._since = np.empty(0, dtype=np.int64)
        self._value = np.empty(0, dtype=np.float64)

    def band(self, side: int) -> Band:  # noqa: ARG002 - one tag, one side
        """Everything before it holds, for only time can begin it; then what does not end it."""
        if not len(self._value):
            return NO  # time counts from the first sample
        return around(self._value, self._rule.tolerance) if self.active else EVERY

    def judge(self, arrivals: Arrivals) -> list[Move]:
        """From one moment at which it may turn to the next; what lies between is looked at only in passing."""
        new = arrivals.since(self.start, self.numbers[0])
        self.start = arrivals.pending.size
        own = in_order(new, self.newest[0])
        old = len(self._value)
        since, value = np.concatenate([self._since, own.time]), np.concatenate([self._value, own.value])
        if not len(value):
            return []
        place = np.concatenate([np.full(old, -1), own.place])
        time = np.concatenate([np.full(old, self.newest[0]), own.time])
        first, moves = self._walk(place, time, value, since, arrivals.passed, max(old - 1, 0))
        if len(own.time):
            self.newest[0] = int(own.time[-1])
        self._remember(since[first:], value[first:])
        return moves

    def settle(self, side: int, time: NDArray[np.int64], value: NDArray[np.float64]) -> None:  # noqa: ARG002
        """Only where the stretch begins now."""
        self.newest[0] = int(time[-1])
        first = self._begin(value, 0, len(value) - 1)
        if not first:  # it began before
            time, value = np.concatenate([self._since, time]), np.concatenate([self._value, value])
            first = self._begin(value, 0, len(value) - 1)
        self._remember(time[first:], value[first:])

    def explain(self, move: Move, units: tuple[str, ...]) -> str:
        """Value and duration."""
        tag, unit, seconds = self._rule.tag, units[0], self._limit / 1e9
        if not move.active:
            return f"{tag} has changed: {move.value:g}{unit}."
        about = f" by more than {self._rule.tolerance:g}{unit}" if self._rule.tolerance else ""
        return f"{tag} has not changed{about} for {seconds:g} s: {move.value:g}{unit}."

    def dump(self) -> dict[str, Any]:
        """The stretch."""
        return {"active": self.active, "newest": self.newest[0], "since": self._since, "value": self._value}

    def load(self, kept: dict[str, Any]) -> None:
        """With the tolerance and the duration as they are now; a smaller tolerance shortens the stretch when judged."""
        self.active, self.newest = kept["active"], [kept["newest"]]
        self._remember(kept["since"], kept["value"])

    def _walk(
        self,
        place: NDArray[np.int64],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        since: NDArray[np.int64],
        passed: NDArray[np.int64],
        at: int,
    ) -> tuple[int, list[Move]]:
        """Where the stretch of the last sample begins, and what turned on the way.

        `first` is where the stretch of sample number `at` begins. Both only ever go forward.
        """
        until = _until(place, time, passed)
        first = self._begin(value, 0, at)
        moves: list[Move] = []
        while True:
            due = int(since[first]) + self._limit
            if not self.active:
                at = max(at, int(until.searchsorted(due)))
                if at == len(value):
                    return self._begin(value, first, at - 1), moves
                begin = self._begin(value, first, at)
                if begin != first:
                    first = begin
                    continue
                moves.append(self._begun(place, time, value, passed, at, due))
            else:
                cut = self._cut(value, first, at)
                if cut == len(value):
                    return first, moves
                at, first = cut, self._begin(value, first, cut)
                clock = max(int(time[at]), int(passed[place[at]]))
                if clock >= int(since[first]) + self._limit:
                    continue
                moves.append(self._move(int(place[at]), int(time[at]), float(value[at]), active=False))
            self.active = not self.active

    def _begun(
        self,
        place: NDArray[np.int64],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        passed: NDArray[np.int64],
        at: int,
        due: int,
    ) -> Move:
        """By sample number `at` itself, or by time that passed before the next."""
        row, when = int(place[at]), int(time[at])
        if row < 0 or max(when, int(passed[row])) < due:
            row = max(row + 1, int(passed.searchsorted(due)))
            when = int(passed[row])
        return self._move(row, when, float(value[at]), active=True)

    def _move(self, place: int, at: int, value: float, *, active: bool) -> Move:
        return Move(place, active, at, value, self._rule.tolerance)

    def _begin(self, value: NDArray[np.float64], least: int, at: int) -> int:
        """Number of the first sample of the stretch that ends with number `at`; not before `least`."""
        reach = _NEAR
        while True:
            low = max(at + 1 - reach, least)
            back = value[low : at + 1][::-1]
            wide = np.maximum.accumulate(back) - np.minimum.accumulate(back) > self._rule.tolerance
            if wide.any():
                return at + 1 - int(wide.argmax())
            if low == least:
                return least
            reach *= 8

    def _cut(self, value: NDArray[np.float64], first: int, at: int) -> int:
        """Number of the first sample after `at` that cuts the stretch that began with `first`; their count if none."""
        ahead = value[first:]
        wide = np.maximum.accumulate(ahead) - np.minimum.accumulate(ahead) > self._rule.tolerance
        wide[: at + 1 - first] = False
        return first + int(wide.argmax()) if wide.any() else len(value)

    def _remember(self, since: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        if len(value) > _MANY:
            later_high = np.maximum.accumulate(value[::-1])[::-1]
            later_low = np.minimum.accumulate(value[::-1])[::-1]
            kept = np.append((value[:-1] > later_high[1:]) | (value[:-1] < later_low[1:]), True).nonzero()[0]
            # What was cut off up to a sample that stays makes the stretch begin right behind that one
            since = since[np.concatenate([[0], kept[:-1] + 1])]
            value = value[kept]
            if len(value) > _MOST:
                stays = np.arange(len(value)) % 2 == 0
                stays[[value.argmax(), value.argmin(), -1]] = True
                since, value = since[stays], value[stays]
        self._since, self._value = since.copy(), value.copy()
        self.deadline = FOREVER if self.active or not len(since) else int(since[0]) + self._limit


def _until(place: NDArray[np.int64], time: NDArray[np.int64], passed: NDArray[np.int64]) -> NDArray[np.int64]:
    """Event time, own or passed, at which each sample was still the last one; ascending."""
    following = np.append(place[1:], len(passed)) - 1
    seen = (place < following) & (following >= 0)
    after = np.where(seen, passed[np.maximum(following, 0)], time)
    with_it = np.where(place >= 0, passed[np.maximum(place, 0)], time)
    until: NDArray[np.int64] = np.maximum(np.maximum(time, after), with_it)
    return until
