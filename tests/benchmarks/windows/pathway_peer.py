"""Pathway: windowby over a static table, which spares it everything that streams cost; five reducers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pathway as pw
from work import KEYS, LENGTH_MS, ROWS, STEP_MS, T0_MS, check, report, values


class Sample(pw.Schema):
    key: int
    t: int
    v: float


def prepare() -> Callable[[], pd.DataFrame]:
    pw.internals.parse_graph.G.clear()
    columns = {
        "key": np.tile(np.arange(KEYS), ROWS),
        "t": np.repeat(T0_MS + np.arange(ROWS) * STEP_MS, KEYS),
        "v": values().ravel(),
    }
    table = pw.debug.table_from_pandas(pd.DataFrame(columns), schema=Sample)

    def work() -> pd.DataFrame:
        windows = table.windowby(table.t, window=pw.temporal.tumbling(duration=LENGTH_MS), instance=table.key)
        return pw.debug.table_to_pandas(
            windows.reduce(
                key=pw.this._pw_instance,
                start=pw.this._pw_window_start,
                n=pw.reducers.count(),
                total=pw.reducers.sum(pw.this.v),
                mean=pw.reducers.avg(pw.this.v),
                least=pw.reducers.min(pw.this.v),
                largest=pw.reducers.max(pw.this.v),
            )
        )

    return work


if __name__ == "__main__":
    result = prepare()().set_index(["key", "start"])
    check(lambda key, start: tuple(result.loc[(key, start)][["n", "total", "mean", "least", "largest"]]))
    report(prepare)
