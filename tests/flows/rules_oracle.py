"""The immediate rules once more, one sample at a time and with everything remembered: slow, and obviously right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from connectors.samples import Origin, SampleBatch
from flows.rules import Deviation, Limit, RateOfChange, Rule, Silence, Stuck

Told = tuple[str, bool, int, int, float, float]  # name, active, at, received, value, limit
GOOD_BELOW = 1 << 30


class RulesOracle:
    """Told by `push` and `pass_time` as `RuleState` is."""

    def __init__(self, rules: Sequence[Rule], allowed_skew_ns: int) -> None:
        self.rules = rules
        self.skew = allowed_skew_ns
        self.newest: int | None = None
        self.passed: int | None = None
        self.active = {rule.name: False for rule in rules}
        self.heard: dict[str, int] = {}
        self.samples: dict[tuple[str, str], list[tuple[int, float]]] = {}  # in order of time, by rule and tag

    def push(self, block: SampleBatch) -> list[Told]:
        told: list[Told] = []
        columns = (block.tag, block.source_time, block.value, block.status)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for number, time, value, status in rows:
            if time > block.received_time + self.skew:
                continue
            good = status < GOOD_BELOW and math.isfinite(value)
            live = block.origin is Origin.LIVE
            if live:
                self._move(time)
            told += self._event(block.tags.names[number], time, value, good, live, block.received_time)
        return told

    def pass_time(self, now: int, received: int) -> list[Told]:
        self._move(now)
        self.newest = max(self.newest or now, now)
        self.passed = now if self.passed is None else max(self.passed, now)
        return self._event("", 0, 0.0, False, True, received)

    def _move(self, time: int) -> None:
        for rule in self.rules:
            if isinstance(rule, Silence):
                self.heard.setdefault(rule.name, time)
        if self.newest is None:
            self.newest = time
        elif time > self.newest:
            self.passed = self.newest
            self.newest = time

    def _event(self, tag: str, time: int, value: float, good: bool, live: bool, received: int) -> list[Told]:
        told: list[Told] = []
        for rule in self.rules:
            own = good and tag in rule.tags
            now: tuple[bool, int, float, float] | None = None
            if isinstance(rule, Silence):
                now = self._silence(rule, own, time)
            elif live and isinstance(rule, Limit):
                now = self._limit(rule, time, value) if own else None
            elif live and isinstance(rule, Stuck):
                now = self._stuck(rule, own, tag, time, value)
            elif live and own and self._in_order(rule, tag, time, value):
                now = self._rate(rule) if isinstance(rule, RateOfChange) else self._deviation(rule, time)
            if now is not None and now[0] != self.active[rule.name]:
                self.active[rule.name] = now[0]
                told.append((rule.name, now[0], now[1], received, now[2], now[3]))
        return told

    def _in_order(self, rule: Rule, tag: str, time: int, value: float) -> bool:
        seen = self.samples.setdefault((rule.name, tag), [])
        if seen and time < seen[-1][0]:
            return False
        seen.append((time, value))
        return True

    def _limit(self, rule: Limit, time: int, value: float) -> tuple[bool, int, float, float] | None:
        high = rule.kind in ("HH", "H")
        beyond = value > rule.limit if high else value < rule.limit
        back = value <= rule.limit - rule.deadband if high else value >= rule.limit + rule.deadband
        return (beyond, time, value, rule.limit) if beyond or back else None

    def _rate(self, rule: RateOfChange) -> tuple[bool, int, float, float] | None:
        seen = self.samples[rule.name, rule.tag]
        time, value = seen[-1]
        before = [row for row in seen if row[0] <= time - rule.over_ns]
        if not before:
            return None
        rate = (value - before[-1][1]) / ((time - before[-1][0]) / 1e9)
        rise = math.inf if rule.rise is None else rule.rise
        fall = math.inf if rule.fall is None else rule.fall
        limits = (rise, -fall) if rate >= 0 else (-fall, rise)
        limit = limits[0] if math.isfinite(limits[0]) else limits[1]
        return rate > rise or rate < -fall, time, rate, limit

    def _stuck(
        self, rule: Stuck, own: bool, tag: str, time: int, value: float
    ) -> tuple[bool, int, float, float] | None:
        own = own and self._in_order(rule, tag, time, value)
        seen = self.samples.get((rule.name, rule.tag))
        if not seen:
            return None
        since, low, high = seen[-1][0], seen[-1][1], seen[-1][1]
        for at, one in reversed(seen):
            low, high = min(low, one), max(high, one)
            if high - low > rule.tolerance:
                break
            since = at
        clock = max(seen[-1][0], seen[-1][0] if self.passed is None else self.passed)
        at = time if own or self.passed is None else self.passed
        return clock - since >= rule.unchanged_for_ns, at, seen[-1][1], rule.tolerance

    def _silence(self, rule: Silence, own: bool, time: int) -> tuple[bool, int, float, float] | None:
        if own:
            self.heard[rule.name] = max(self.heard.get(rule.name, time), time)
        if self.passed is None or rule.name not in self.heard:
            return None
        since = self.passed - self.heard[rule.name]
        return (
            since >= rule.silent_for_ns,
            time if own else self.passed,
            max(since, 0) / 1e9,
            rule.silent_for_ns / 1e9,
        )

    def _deviation(self, rule: Any, time: int) -> tuple[bool, int, float, float] | None:
        assert isinstance(rule, Deviation)
        one, other = self.samples.get((rule.name, rule.tag)), self.samples.get((rule.name, rule.other))
        if not one or not other or abs(one[-1][0] - other[-1][0]) > rule.max_age_ns:
            return None
        apart = one[-1][1] - other[-1][1]
        return abs(apart) > rule.tolerance, time, apart, rule.tolerance
