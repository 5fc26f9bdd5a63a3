"""A tag that does not speak."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from flows.rules.arrivals import Arrivals
from flows.rules.clock import NEVER
from flows.rules.rule import Silence
from flows.rules.watcher import EVERY, FOREVER, NO, Band, Move, Watcher


class SilenceWatcher(Watcher):
    """Remembers when the tag was heard last."""

    needs_time = True

    def __init__(self, rule: Silence) -> None:
        super().__init__(rule)
        self._rule = rule
        self._limit = rule.silent_for_ns
        self._heard = NEVER

    def band(self, side: int) -> Band:  # noqa: ARG002 - one tag, one side
        """Any sample ends it, none begins it."""
        return NO if self.active else EVERY

    @property
    def started(self) -> bool:
        """There is a time from which silence counts."""
        return self._heard != NEVER

    def begin(self, now: int) -> None:
        """Silence counts from here on."""
        self._heard = max(self._heard, now)
        self._plan()

    def judge(self, arrivals: Arrivals) -> list[Move]:
        """Between two samples of the tag only time passes."""
        own = arrivals.since(self.start, self.numbers[0])
        self.start = arrivals.pending.size
        old = int(own.place.searchsorted(0))
        if old:
            self._heard = max(self._heard, int(own.time[:old].max()))
        return self.hear(own.place[old:], own.time[old:], arrivals.passed)

    def hear(self, place: NDArray[np.int64], time: NDArray[np.int64], passed: NDArray[np.int64]) -> list[Move]:
        """Good samples of the tag, and the time that has passed after each sample of the block."""
        if not self.started:
            if len(time):
                self.begin(int(time.max()))
            return []
        heard = np.maximum.accumulate(np.concatenate([[self._heard], time]))
        begins = np.concatenate([[0], place])  # of the stretches between its samples, the first one without
        ends = np.append(place, len(passed))
        silent_from = np.maximum(begins, passed.searchsorted(heard + self._limit))
        moves: list[Move] = []
        self._heard = int(heard[-1])
        active = self.active
        silent = silent_from < ends
        if not ends[0]:
            silent[0] = active  # it begins with a sample of the tag: nothing lies before
        was = np.concatenate([[active], silent[:-1]])
        for k in np.flatnonzero((silent != was) | (silent & (silent_from > begins))):
            begin, start = int(begins[k]), int(silent_from[k])
            if begin >= ends[k]:
                continue
            if active and start > begin:
                at = int(time[k - 1]) if k else int(passed[begin])
                moves.append(self._move(begin, int(passed[begin]), int(heard[k]), at, active=False))
                active = False
            if not active and silent[k]:
                moves.append(self._move(start, int(passed[start]), int(heard[k]), int(passed[start]), active=True))
                active = True
        self.active = active
        self._plan()
        return moves

    def settle(self, side: int, time: NDArray[np.int64], value: NDArray[np.float64]) -> None:  # noqa: ARG002
        """Only the newest counts."""
        self._heard = max(self._heard, int(time[-1]))
        self._plan()

    def explain(self, move: Move, units: tuple[str, ...]) -> str:  # noqa: ARG002 - told in seconds
        """How long."""
        if move.active:
            return f"No good sample of {self._rule.tag} for {move.value:g} s."
        return f"{self._rule.tag} is heard again."

    def dump(self) -> dict[str, Any]:
        """When it was heard."""
        return {"active": self.active, "heard": self._heard}

    def load(self, kept: dict[str, Any]) -> None:
        """With the duration as it is now."""
        self.active, self._heard = kept["active"], kept["heard"]
        self._plan()

    def _move(self, place: int, passed: int, heard: int, at: int, *, active: bool) -> Move:
        return Move(place, active, at, max(passed - heard, 0) / 1e9, self._limit / 1e9)

    def _plan(self) -> None:
        self.deadline = FOREVER if self.active or not self.started else self._heard + self._limit
