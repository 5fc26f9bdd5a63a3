"""The same statistics with Bytewax's own event-time windows, one object per sample."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
import bytewax.operators.windowing as win
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSource, run_main
from ends import Each

TAGS = 10


def fold_samples(assets: int, rows: int, since: timedelta) -> list[tuple[str, tuple[datetime, int, float]]]:
    """One object per sample, the first stamped `since` from now.

    `EventClock` is several times slower on the past, which is where samples come from: it then looks at every open
    window in every pass. Ahead of the clock is its best case.
    """
    rng = np.random.default_rng(0)
    base = datetime.now(UTC).replace(microsecond=0) + since
    base = base.replace(second=base.second // 10 * 10)
    return [
        (f"asset{asset}", (base + timedelta(seconds=row), tag, float(value)))
        for row in range(rows)
        for asset in range(assets)
        for tag, value in enumerate(rng.normal(20.0, 1.0, TAGS))
    ]


def fold_window(samples: list[Any]) -> dict[tuple[str, int], Any]:
    """The same statistics with Bytewax's event-time windows, one key per asset, running sums per tag."""
    found: list[Any] = []

    def fold(sums: list[Any], sample: tuple[datetime, int, float]) -> list[Any]:
        at, tag, x = sample
        s = sums[tag]
        t = at.timestamp() % 10
        if s is None:
            sums[tag] = [1, x, x * x, x**3, x**4, x, x, x, x, t, t * t, t * x, 0.0]
            return sums
        s[0] += 1
        s[1] += x
        s[2] += x * x
        s[3] += x**3
        s[4] += x**4
        s[5] = min(s[5], x)
        s[6] = max(s[6], x)
        s[12] += abs(x - s[8])
        s[8] = x
        s[9] += t
        s[10] += t * t
        s[11] += t * x
        return sums

    flow = Dataflow("fold")
    stream = op.input("samples", flow, TestingSource(samples, batch_size=1000))
    clock = win.EventClock(lambda sample: sample[0], timedelta(seconds=1))
    windower = win.TumblingWindower(timedelta(seconds=10), datetime(2020, 1, 1, tzinfo=UTC))
    folded = win.fold_window("fold", stream, clock, windower, lambda: [None] * TAGS, fold, lambda a, _: a)
    op.output("out", op.map_value("finish", folded.down, lambda out: (out[0], finish(out[1]))), Each(found.extend))
    run_main(flow)
    return {(asset, number): rows for asset, (number, rows) in found}


def finish(sums: list[Any]) -> list[tuple[float, ...]]:
    """Running sums to features."""
    rows = []
    for n, s1, s2, s3, s4, low, high, first, last, t1, t2, tx, change in sums:
        mean = s1 / n
        m2 = max(s2 / n - mean**2, 1e-300)
        m3 = s3 / n - 3 * mean * s2 / n + 2 * mean**3
        m4 = s4 / n - 4 * mean * s3 / n + 6 * mean**2 * s2 / n - 3 * mean**4
        slope = (tx - t1 * mean) / (t2 - t1 * t1 / n) if n > 1 else 0.0
        rms = math.sqrt(s2 / n)
        peak = max(abs(low), abs(high))
        shape = (m3 / m2**1.5, m4 / m2**2 - 3, change / max(n - 1, 1), peak / rms)
        rows.append((mean, math.sqrt(m2), low, high, rms, first, last, slope, *shape))
    return rows
