"""Streams for the immediate rules, made by Hypothesis, and rules that turn often in them."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from flows_streams import BAD, GOOD, T0, TABLE, UNCERTAIN, S
from hypothesis import strategies as st

from connectors.samples import Origin, SampleBatch
from flows.rules import Deviation, Limit, RateOfChange, Rule, Silence, Stuck

RULES: tuple[Rule, ...] = (
    Limit("current", "HH", 9.0, deadband=2.0),
    Limit("current", "H", 5.0, deadband=0.5),
    Limit("current", "L", 1.0),
    Limit("current", "LL", 0.0, deadband=1.0),
    Limit("speed", "H", 5.0),
    Limit("door", "L", 2.0, deadband=3.0),
    RateOfChange("current", rise=2.0, fall=4.0, over="1s"),
    RateOfChange("speed", rise=1.0, over="2.5s"),
    RateOfChange("door", fall=30.0, over="1ms"),
    Stuck("current", "4s"),
    Stuck("speed", "3s", tolerance=1.0),
    Stuck("door", "20s", tolerance=0.5),
    Silence("current", "5s"),
    Silence("speed", "1s"),
    Silence("nowhere", "8s"),
    Deviation("current", "speed", 1.5, max_age="2s"),
    Deviation("speed", "door", 5.0, max_age="30s"),
    Deviation("door", "nowhere", 0.5),
)
rules = st.lists(st.sampled_from(RULES), unique_by=lambda rule: rule.name, min_size=1).map(tuple)
Message = SampleBatch | int  # a block, or event time that passed

_VALUES = [0.0, 0.5, 1.0, 1.0, 1.25, 2.0, 5.0, 5.0, 5.1, 5.5, 7.0, 9.0, 9.5, 11.0, -1.0, 1e308, -1e308]
_values = st.sampled_from(_VALUES) | st.floats(0, 10) | st.sampled_from([float("nan"), float("inf")])


@st.composite
def messages(draw: st.DrawFn) -> list[Message]:
    """Blocks of several tags, mostly steady, with disorder, duplicates, wild times, bad quality; and idle notices."""
    out: list[Message] = []
    now = T0
    steady = [draw(st.floats(0, 10)) for _ in TABLE.tags]
    for _ in range(draw(st.integers(1, 12))):
        if draw(st.integers(0, 9)) == 0:
            now += draw(st.integers(0, 12)) * S
            out.append(now - draw(st.sampled_from([0, 0, 3 * S])))
            continue
        rows = []
        for _ in range(draw(st.integers(0, 15))):
            now += draw(st.sampled_from([0, 0, S // 10, S // 2, S, S, 3 * S]))
            tag = draw(st.integers(0, 2))
            time = now + draw(st.sampled_from([0] * 8 + [-S, -4 * S, S, 40 * S]))
            kind = draw(st.integers(0, 9))
            if kind == 0:
                steady[tag] = draw(_values)
            value = draw(_values) if kind == 1 else steady[tag]
            rows.append((tag, time, value, draw(st.sampled_from([GOOD] * 8 + [UNCERTAIN, BAD]))))
            if kind == 2:
                rows.append(rows[-1])
        origin = draw(st.sampled_from([Origin.LIVE] * 6 + [Origin.REPLAYED, Origin.BACKFILLED]))
        out.append(_block(rows, now, origin))
    return out


def long_stream(seed: int) -> tuple[tuple[Rule, ...], list[Message]]:
    """Some of the rules, and a few hundred samples: signals that stand, drift, jump, and are noisy."""
    rng = random.Random(seed)
    level, noise, drift = (
        [rng.choice(choices) for _ in TABLE.tags]
        for choices in ((1.0, 4.5, 7.0), (0.0, 0.0, 0.1, 0.5, 4.0), (0.0, 0.0, 0.01, 0.1))
    )
    share = [rng.random() for _ in TABLE.tags]
    now = T0
    out: list[Message] = []
    for _ in range(rng.randint(5, 25)):
        if rng.random() < 0.1:
            now += rng.randint(0, 10 * S)
            out.append(now - rng.choice([0, 0, S]))
            continue
        rows = []
        for _ in range(rng.randint(0, 40)):
            now += rng.choice([0, 0, S // 10, S // 2, S])
            tag = rng.choices(range(len(TABLE)), share)[0]
            level[tag] = rng.uniform(0, 10) if rng.random() < 0.03 else level[tag] + drift[tag]
            value = level[tag] + rng.uniform(-noise[tag], noise[tag])
            value = rng.choice([float("nan"), float("inf"), 1e308]) if rng.random() < 0.02 else value
            time = now + (rng.choice([-S, -3 * S, S, 30 * S]) if rng.random() < 0.05 else 0)
            status = rng.choice([BAD, UNCERTAIN]) if rng.random() < 0.03 else GOOD
            rows.append((tag, time, float(round(value)) if rng.random() < 0.2 and abs(value) < 99 else value, status))
        origin = rng.choice([Origin.REPLAYED, Origin.BACKFILLED]) if rng.random() < 0.1 else Origin.LIVE
        out.append(_block(rows, now, origin))
    return tuple(rng.sample(RULES, rng.randint(1, len(RULES)))), out


def _block(rows: Sequence[tuple[int, int, float, int]], received: int, origin: Origin) -> SampleBatch:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]
    types = (np.uint16, np.int64, np.float64, np.uint32)
    tag, time, value, status = (np.array(column, dtype=kind) for column, kind in zip(columns, types, strict=True))
    return SampleBatch(TABLE, tag, time, value, status, received, origin)


def cut(message: Message, sizes: Sequence[int]) -> list[Message]:
    """The same samples in smaller blocks."""
    if isinstance(message, int):
        return [message]
    out: list[Message] = []
    at = 0
    for size in [*sizes, len(message)]:
        part = slice(at, at + size)
        columns = (message.tag, message.source_time, message.value, message.status)
        pieces = [column[part] for column in columns]
        out.append(SampleBatch(message.tags, *pieces, message.received_time, message.origin))  # type: ignore[arg-type]
        at += size
    return out
