"""river's running and rolling statistics. It has no event time, no keys and no windows: only the sums are timed."""

from __future__ import annotations

import sys
from collections.abc import Callable

from river import stats, utils
from work import KEYS, LENGTH_MS, ROWS, STEP_MS, report, values

WINDOW = LENGTH_MS // STEP_MS


def running() -> list[stats.base.Univariate]:
    return [stats.Count(), stats.Sum(), stats.Mean(), stats.Min(), stats.Max()]


def rolling() -> list[stats.base.Univariate]:
    summed = [utils.Rolling(kind, window_size=WINDOW) for kind in (stats.Sum, stats.Mean)]
    return [*summed, stats.RollingMin(WINDOW), stats.RollingMax(WINDOW)]


def prepare(make: Callable[[], list[stats.base.Univariate]]) -> Callable[[], None]:
    of_keys = [make() for _ in range(KEYS)]
    rows = values().tolist()

    def work() -> None:
        for row in rows:
            for statistics, value in zip(of_keys, row, strict=True):
                for one in statistics:
                    one.update(value)

    return work


if __name__ == "__main__":
    assert ROWS > WINDOW
    make = {"running": running, "rolling": rolling}[sys.argv[1]]
    report(lambda: prepare(make))
