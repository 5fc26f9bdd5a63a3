"""The processes of the benchmark of latency: processes.py acquire|flow|deliver FOLDER CASE SECONDS."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloud_sink.outbox.writer import OutboxWriter, PutResult
from cloud_sink.records import Account, Alert, Record
from cloud_sink.settings import OutboxSettings
from cloud_sink.sink import OutboxSink
from connectors.driver import Emit
from connectors.samples import SampleBatch
from connectors.source import JournalSource
from connectors.tags import Tag, TagTable
from flows.alarm_settings import AlarmSettings
from flows.alarms import AlertSettings, Maintenance
from flows.drift_setup import DriftSetup
from flows.rules import Limit, RuleSet
from flows.window_settings import WindowSettings
from models.drift import Reference
from models.features import STANDARD, FeatureSet
from models.onnx_scorer import OnnxScorer
from models.roster import Roster
from models.scores import Scores
from models.served import Served
from models.state import State, StatePort

WARM_UP_S = 2.0
ASSETS, TAGS, ROWS = 20, 10, 5  # a block of each asset every 20 ms: 50 samples
LIMIT = 10.0  # no value of the noise comes near
ONE_IN = {"window": 20, "window_flood": 5, "rule": 20, "rule_flood": 5, "idle": 20, "scored": 20}  # assets that alarm
EVERY_S = 0.001  # one asset after the other
TURN_NS = 250_000_000  # for which an asset is normal, or not
TABLES = [TagTable(f"pump-{n}", tuple(Tag(f"tag{tag}", "", 0.004) for tag in range(TAGS))) for n in range(ASSETS)]


@dataclass
class Pumps:
    """A driver that emits a block of one asset after the other, by the clock; some beyond a limit in cases of rules."""

    case: str
    name: str = "pumps"
    tables: Sequence[TagTable] = tuple(TABLES)

    async def run(self, emit: Emit) -> None:
        tag = np.tile(np.arange(TAGS, dtype=np.uint16), ROWS)
        value, status = np.random.default_rng(1).normal(size=tag.size), np.zeros(tag.size, np.uint32)
        by_rule = self.case.startswith("rule")
        high = np.where(tag == 0, 2 * LIMIT, value)
        ago = np.repeat(np.arange(ROWS - 1, -1, -1, dtype=np.int64), TAGS) * 4_000_000
        due, turn = time.monotonic(), 0
        while True:
            due += EVERY_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            now = time.time_ns()
            is_high = by_rule and turn % ASSETS % ONE_IN[self.case] == 0 and now // TURN_NS % 2 == 1
            emit(SampleBatch(TABLES[turn % ASSETS], tag, now - ago, high if is_high else value, status, now))
            turn += 1

    def counters(self) -> dict[str, int]:
        return {}


def _acquire(folder: Path, case: str, seconds: float) -> dict[str, Any]:
    from connectors.intake import IntakeSettings, acquire
    from connectors.journal.settings import JournalSettings
    from connectors.journal.writer import JournalWriter

    sys.setswitchinterval(0.0005)  # as the acquire process does

    async def main() -> dict[str, Any]:
        with JournalWriter(folder / "journal", TABLES, JournalSettings()) as writer:
            stop = asyncio.Event()
            asyncio.get_running_loop().call_later(seconds, stop.set)
            drivers = [] if case == "idle" else [Pumps(case)]
            done = await acquire(drivers, writer, IntakeSettings(), stop)
        return {"received": done.received, "dropped": done.dropped, "cpu_s": _cpu_s()}

    return asyncio.run(main())


@dataclass
class Turns:
    """Scores by turns, so that every window opens an alert or clears it; or the same for ever."""

    high: float
    model: str
    tags: tuple[str, ...] = TABLES[0].names
    features: tuple[str, ...] = ("mean", "std", "last")
    min_coverage: float = 0.0
    state: tuple[StatePort, ...] = ()
    warm_up: int = 0
    every_ns: int = 0
    reference: Reference | None = None
    turn: int = 0

    def score(self, rows: NDArray[np.float64], state: State = ()) -> Scores:
        self.turn += 1
        contributions = np.full((len(rows), len(self.tags)), 1 / len(self.tags))
        return Scores(np.full(len(rows), self.turn % 2 * self.high), contributions, self.tags, self.model)


class TimedWriter(OutboxWriter):
    """Notes when each call began."""

    began = 0

    def put(self, records: Sequence[Record | Account]) -> PutResult:
        self.began = time.time_ns()
        return super().put(records)


@dataclass
class BenchGateway:
    """Implements `flows.gateway.Gateway` on a folder."""

    folder: Path
    case: str
    stop: Callable[[], bool]
    windows: WindowSettings = field(default_factory=lambda: WindowSettings("250ms", lateness="100ms"))
    # What turns twice a second flaps, and is a flood: here every turn has to be told
    alerts: AlertSettings = field(
        default_factory=lambda: AlertSettings(open_after=1, clear_after=1, flapping_limit=0, flood_limit=0)
    )
    features: FeatureSet = STANDARD
    sketches: bool = False
    before_put_ms: list[float] = field(default_factory=list)
    put_ms: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        one_in = ONE_IN[self.case] if self.case.startswith("window") else ASSETS + 1
        turns = {table.asset: 0.0 if (n + 1) % one_in else 1.5 for n, table in enumerate(TABLES)}
        # One model an asset, or all would take their turn together
        self.models = Roster({asset: [Served(Turns(high, f"{asset}@1"))] for asset, high in turns.items()})
        if self.case == "scored":  # by a real model, one for all
            suite = Served(OnnxScorer.load(self.folder / "bundle"))
            self.models = Roster({table.asset: [suite] for table in TABLES})
        self.drift = DriftSetup(models=self.models)
        self._sink = OutboxSink(self._open, self._noted)
        self._count_from = time.time_ns() + 10**18

    def source(self) -> JournalSource:
        return JournalSource(
            self.folder / "journal", stop=self.stop, on_commit=self._sink.committed, on_pass=self._sink.flush_due
        )

    def sink(self) -> OutboxSink:
        return self._sink

    revision = 0  # of what it says of alarms

    def rules(self, asset: str) -> RuleSet:
        if not self.case.startswith("rule"):
            return RuleSet()
        limit = Limit(TABLES[0].names[0], "HH", LIMIT)
        return RuleSet((limit,), {limit.name: AlarmSettings(severity="alarm")})

    def maintenance(self, asset: str) -> Maintenance:
        return Maintenance()

    def _open(self) -> OutboxWriter:
        self._count_from = time.time_ns() + round(WARM_UP_S * 1e9)
        self._writer = TimedWriter(self.folder / "outbox", OutboxSettings())
        return self._writer

    def _noted(self, result: PutResult, records: Sequence[Record | Account]) -> None:
        for record in records:
            if isinstance(record, Alert) and record.received_time > self._count_from:
                self.before_put_ms.append((self._writer.began - record.received_time) / 1e6)
                self.put_ms.append((result.alert_time - self._writer.began) / 1e6)


def _flow(folder: Path, case: str, _seconds: float) -> dict[str, Any]:
    from bytewax.recovery import RecoveryConfig, init_db_dir
    from bytewax.run import cli_main

    from flows.condition_monitoring import build

    init_db_dir(folder / "recovery", 1)
    gateway = BenchGateway(folder, case, (folder / "stop").exists)
    cli_main(
        build(gateway),
        epoch_interval=timedelta(seconds=5),
        recovery_config=RecoveryConfig(folder / "recovery", timedelta(0)),
    )
    return {"before_put_ms": gateway.before_put_ms, "put_ms": gateway.put_ms, "cpu_s": _cpu_s()}


def _deliver(folder: Path, _case: str, _seconds: float) -> dict[str, Any]:
    from cloud_sink.deliver import Deliverer
    from cloud_sink.dispatch import Dispatcher
    from cloud_sink.egress import EgressLedger
    from cloud_sink.outbox.reader import OutboxReader
    from cloud_sink.outbox.wake import Bell
    from cloud_sink.settings import BatchSettings, DeliverySettings, Naming
    from cloud_sink.slots import ThreadSlot
    from cloud_sink.targets.file import FileTarget

    bell = Bell(folder / "outbox")
    reader = OutboxReader(folder / "outbox", OutboxSettings(), BatchSettings())

    def wait(seconds: float) -> None:
        bell.wait(min(seconds, 0.5))
        if (folder / "stop").exists():
            dispatcher.stop()

    target, ledger, settings = FileTarget(folder / "cloud"), EgressLedger(folder / "outbox"), DeliverySettings()
    alerts, bulk = (ThreadSlot(target, bell.ring) for _ in range(2))
    queue = reader.queues["target"]
    deliverer = Deliverer(queue, target.name, alerts, bulk, ledger, Naming("site", "gw", "1"), settings)
    dispatcher = Dispatcher(reader, [deliverer], settings, wait)
    dispatcher.run()
    reader.close()
    return {"cpu_s": _cpu_s()}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: never outlives the benchmark
    gc.freeze()
    role = {"acquire": _acquire, "flow": _flow, "deliver": _deliver}[sys.argv[1]]
    print(json.dumps(role(Path(sys.argv[2]), sys.argv[3], float(sys.argv[4]))))
