"""Immediate rules on the block: 10 tags, each with HH, H, L, LL, rate of change and stuck; blocks of 100 and of 1,000.

CPU time of this process. "quiet" is a plant on which no condition begins or ends, "turning" one where a limit of one
tag begins and ends in every block. Held against the least that numpy can do: four comparisons of every sample with
the limits of its tag.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable
from flows.rules import Limit, RateOfChange, Rule, RuleState, Stuck

TAGS, SAMPLES, REPEATS = 10, 500_000, 5
S = 1_000_000_000
T0 = 1_700_000_000 * S
TABLE = TagTable("pump", tuple(Tag(f"tag{number}", "bar", 0.1) for number in range(TAGS)))
LIMITS = (("HH", 90.0), ("H", 80.0), ("L", 20.0), ("LL", 10.0))
RULES: tuple[Rule, ...] = tuple(
    rule
    for tag in TABLE.names
    for rule in (
        *(Limit(tag, kind, limit, deadband=2.0) for kind, limit in LIMITS),
        RateOfChange(tag, rise=20.0, fall=20.0, over="1s"),
        Stuck(tag, "1min"),
    )
)


def blocks(size: int, *, turning: bool) -> list[SampleBatch]:
    """Every tag at 10 Hz, a slow wave and noise."""
    rows = np.arange(SAMPLES)
    tag = (rows % TAGS).astype(np.uint16)
    times = T0 + rows // TAGS * (S // 10)
    value = 50.0 + 5.0 * np.sin(rows / 30_000) + np.random.default_rng(0).normal(0.0, 1.0, SAMPLES)
    if turning:
        value[rows // TAGS % (size // TAGS) == 3] = 85.0
        value[tag != 4] = np.where(value[tag != 4] == 85.0, 50.0, value[tag != 4])
    status = np.zeros(SAMPLES, dtype=np.uint32)
    cuts = [slice(at, at + size) for at in range(0, SAMPLES, size)]
    return [
        SampleBatch(TABLE, tag[c].copy(), times[c].copy(), value[c].copy(), status[c].copy(), int(times[c][-1]))
        for c in cuts
    ]


def ours(items: list[SampleBatch]) -> int:
    """All rules; how often a condition turned."""
    state = RuleState(RULES, TABLE)
    return sum(len(state.push(item)) for item in items)


def least(items: list[SampleBatch]) -> int:
    """Four comparisons, no state, no other rule."""
    bounds = [np.full(TAGS, limit) for _, limit in LIMITS]
    hit = 0
    for item in items:
        value, tag = item.value, item.tag
        hit += bool((value > bounds[0][tag]).any())
        hit += bool((value > bounds[1][tag]).any())
        hit += bool((value < bounds[2][tag]).any())
        hit += bool((value < bounds[3][tag]).any())
    return hit


def cpu(work: Callable[[list[SampleBatch]], int], items: list[SampleBatch]) -> float:
    """Best of some runs, in seconds."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work(items)
        times.append(time.process_time() - start)
    return min(times)


def run() -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    for size in (100, 1_000):
        quiet, turning = blocks(size, turning=False), blocks(size, turning=True)
        assert ours(quiet) == 0
        turned = ours(turning)
        seconds, floor, busy = cpu(ours, quiet), cpu(least, quiet), cpu(ours, turning)
        results.append(
            {
                "name": f"rules, quiet, blocks of {size:,}",
                "figure": seconds / SAMPLES * 1e9,
                "unit": "ns a sample",
                "against": f"four comparisons: {floor / SAMPLES * 1e9:.1f} ns",
                "ratio": seconds / floor,
                "goal": None,
                "met": None,
                "rules": len(RULES),
                "us_a_block": seconds / len(quiet) * 1e6,
                "us_a_turn": (busy - seconds) / turned * 1e6,
            }
        )
    fixed = fixed_cost()
    for key, (figure, against) in fixed.items():
        results.append(
            {
                "name": f"rules, fixed cost a block, {key}",
                "figure": figure,
                "unit": "us",
                "against": "no rules at all",
                "ratio": figure / against,
                "goal": None,
                "met": None,
            }
        )
    return results


def fixed_cost() -> dict[str, tuple[float, float]]:
    """Per block of 10 samples, in us: with 60 rules, with 4 rules, against none."""
    items = blocks(10, turning=False)[:5_000]

    def cost(rules: tuple[Rule, ...]) -> float:
        def work(some: list[SampleBatch]) -> int:
            state = RuleState(rules, TABLE)
            return sum(len(state.push(item)) for item in some)

        return cpu(work, items) / len(items) * 1e6

    none = cost(())
    return {"60 rules": (cost(RULES), none), "4 rules": (cost(RULES[:4]), none)}
