"""One process of a cluster with the standard flow over journals: node.py ID ADDRESSES WORKERS STORE JOURNAL... OUT.

ADDRESSES "" = it is alone; STORE "" = nothing is kept. Writes a line for each record: its key and the digest of its
body.
"""

from __future__ import annotations

import hashlib
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main
from numpy.typing import NDArray

from cloud_sink.records import Account
from connectors.source import JournalSource
from flows.alarms import AlertSettings, Maintenance
from flows.condition_monitoring import build
from flows.drift_setup import DriftSetup
from flows.rules import RuleSet
from flows.window_settings import WindowSettings
from models.features import STANDARD
from models.roster import Roster
from models.scores import Scores
from models.served import Served
from models.state import State


class Lines(DynamicSink[Any]):
    """What each worker was handed, in a file of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def build(self, step_id: str, worker_index: int, worker_count: int) -> StatelessSinkPartition[Any]:
        file = self._path.with_name(f"{self._path.name}-{worker_index}").open("w")

        class Part(StatelessSinkPartition[Any]):
            def write_batch(self, items: list[Any]) -> None:
                for _, record in items:
                    if not isinstance(record, Account):
                        file.write(f"{record.key} {hashlib.sha256(record.encode()).hexdigest()}\n")

            def close(self) -> None:
                file.close()

        return Part()


class MeanScorer:
    """The mean of the first tag, in units of 1.0."""

    tags = ("a",)
    features = ("mean",)
    min_coverage = 0.0
    model = "mean@1"
    state = ()
    warm_up = 0
    every_ns = 0
    reference = None

    def score(self, rows: NDArray[np.float64], state: State = ()) -> Scores:
        return Scores(rows[:, 0, 0], np.ones((len(rows), 1)), self.tags, self.model)


class Node:
    """Implements `flows.gateway.Gateway` on two journals."""

    windows = WindowSettings("1s", every="500ms", lateness="200ms")
    # A flood is of the whole cluster, and which alert comes first is not: here nothing is held back
    alerts = AlertSettings(open_after=1, clear_after=1, flood_limit=0)
    features = STANDARD
    models = Roster({f"pump-{number}": [Served(MeanScorer())] for number in (1, 11)})
    drift = DriftSetup(models=models)
    sketches = False

    def __init__(self, journals: list[Path], out: Path) -> None:
        self._journals, self._out = journals, out

    revision = 0  # of what it says of alarms

    def rules(self, asset: str) -> RuleSet:
        return RuleSet()

    def maintenance(self, asset: str) -> Maintenance:
        return Maintenance()

    def source(self) -> JournalSource:
        named = {f"journal-{number}": folder for number, folder in enumerate(self._journals)}
        return JournalSource(named, stop=lambda: True)  # what there is, to its end

    def sink(self) -> Lines:
        return Lines(self._out)


def main() -> None:
    number, addresses, workers, store, *journals, out = sys.argv[1:]
    flow = build(Node(list(map(Path, journals)), Path(out)))
    options: dict[str, Any] = {"workers_per_process": int(workers)}
    if addresses:
        options |= {"process_id": int(number), "addresses": addresses.split(",")}
    if store:
        options |= {"recovery_config": RecoveryConfig(Path(store), timedelta(0))}
    cli_main(flow, **options)


if __name__ == "__main__":
    main()
