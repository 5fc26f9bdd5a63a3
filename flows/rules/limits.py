"""Limits with a deadband."""

from __future__ import annotations

import math

from flows.rules.arrivals import Arrivals
from flows.rules.rule import Limit
from flows.rules.watcher import Band, Move, Watcher, turns


class LimitWatcher(Watcher):
    """Remembers nothing but whether it holds: every good sample is judged by itself, in arrival order."""

    remembers = False

    def __init__(self, rule: Limit) -> None:
        super().__init__(rule)
        self._rule = rule
        self._off = rule.limit - rule.deadband if rule.is_high else rule.limit + rule.deadband

    def band(self, side: int) -> Band:  # noqa: ARG002 - one tag, one side
        """Up to the limit; while it holds, short of where it ends."""
        if self._rule.is_high:
            return (math.nextafter(self._off, math.inf), math.inf) if self.active else (-math.inf, self._rule.limit)
        return (-math.inf, math.nextafter(self._off, -math.inf)) if self.active else (self._rule.limit, math.inf)

    def judge(self, arrivals: Arrivals) -> list[Move]:
        """Two comparisons: which samples begin it, which end it."""
        own = arrivals.in_block(self.numbers[0])
        limit = self._rule.limit
        if self._rule.is_high:
            begins, ends = own.value > limit, own.value <= self._off
        else:
            begins, ends = own.value < limit, own.value >= self._off
        at, states = turns(begins, ends, active=self.active)
        if len(at):
            self.active = bool(states[-1])
        columns = (own.place[at].tolist(), states.tolist(), own.time[at].tolist(), own.value[at].tolist())
        return [Move(*row, limit) for row in zip(*columns, strict=True)]

    def explain(self, move: Move, units: tuple[str, ...]) -> str:
        """Value and limit."""
        rule, unit = self._rule, units[0]
        side = "above" if rule.is_high else "below"
        still = side if move.active else f"no longer {side}"
        return f"{rule.tag} is {move.value:g}{unit}, {still} its {rule.kind} limit of {rule.limit:g}{unit}."
