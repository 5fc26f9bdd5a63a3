"""What the windows of 10,000 tags take in memory: a minute long, every 10 s, one sample a second of each tag.

Measured in a process of its own, on top of the same process with an empty stream.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from typing import Any

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.inputs import DynamicSource, StatelessSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import TestingSource, run_main

from connectors.samples import SampleBatch
from connectors.tags import Tag, TagTable
from flows import WindowSettings, featurize, window
from models.features import STANDARD

ASSETS, TAGS, MINUTES = 1_000, 10, 4
S = 1_000_000_000
T0 = 1_700_000_000 * S
SAMPLES_MB = ASSETS * TAGS * 60 * 18 / 1e6  # of a minute, 18 bytes each


class Nowhere(DynamicSink[Any]):
    """Throws everything away."""

    def build(self, step_id: str, worker_index: int, worker_count: int) -> StatelessSinkPartition[Any]:
        class Part(StatelessSinkPartition[Any]):
            def write_batch(self, items: list[Any]) -> None:
                pass

        return Part()


class Made(DynamicSource[Any]):
    """Blocks made as they are asked for: one a second of every asset, with one sample of each of its tags."""

    def build(self, step_id: str, worker_index: int, worker_count: int) -> StatelessSourcePartition[Any]:
        names = tuple(Tag(f"tag{i}", interval_s=1.0) for i in range(TAGS))
        tables = [TagTable(f"asset{i}", names) for i in range(ASSETS)]
        tag, status = np.arange(TAGS, dtype=np.uint16), np.zeros(TAGS, dtype=np.uint32)

        class Part(StatelessSourcePartition[Any]):
            at = 0

            def next_batch(self) -> list[Any]:
                second, part = divmod(self.at, 4)
                self.at += 1
                if second >= MINUTES * 60:
                    raise StopIteration
                time, quarter = T0 + second * S, tables[part::4]
                times = np.full(TAGS, time)
                return [
                    (table.asset, SampleBatch(table, tag, times, np.full(TAGS, 1.0), status, time)) for table in quarter
                ]

        return Part()


def print_memory() -> None:
    """MB that windows of a minute, every 10 s, take on top of an idle process; run in one of its own."""
    run_main(put_together(TestingSource([])))
    idle_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run_main(put_together(Made()))
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - idle_kb) / 1024)


def put_together(source: Any) -> Dataflow:
    """Hopping windows and features, thrown away."""
    flow = Dataflow("memory")
    closed = window("window", op.input("samples", flow, source), WindowSettings("1min", "10s")).closed
    op.output("out", featurize("features", closed, STANDARD), Nowhere())
    return flow


def memory_mb() -> float:
    """Of a fresh process, whose memory nothing else has grown."""
    made = subprocess.run([sys.executable, __file__], capture_output=True, check=True, text=True)
    return float(made.stdout)


def run() -> list[dict[str, Any]]:
    """Rows for the table of `make bench`."""
    memory = memory_mb()
    return [
        {
            "name": f"memory of 60 s windows every 10 s, {ASSETS * TAGS:,} tags at 1 Hz",
            "figure": round(memory, 1),
            "unit": "MB over the idle process",
            "against": f"the samples alone, {SAMPLES_MB:.1f} MB",
            "ratio": round(memory / SAMPLES_MB, 2),
            "goal": "<= 60 MB",
            "met": memory <= 60,
        }
    ]


if __name__ == "__main__":
    print_memory()
