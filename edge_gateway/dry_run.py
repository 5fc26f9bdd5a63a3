"""A gateway that only looks: its real sources and its whole flow, in a folder that is thrown away."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from cloud_sink.outbox.writer import PutResult
from cloud_sink.records import Account, Alert, Event, Record, WindowSummary
from connectors import status
from connectors.intake import IntakeSettings
from connectors.samples import Item, SampleBatch
from connectors.source import DriverSource
from connectors.tags import TagTable
from edge_gateway.config.config import Config
from edge_gateway.drivers import make_drivers
from edge_gateway.flow_file import build_flow
from edge_gateway.gateway import LocalGateway
from edge_gateway.layout import Layout
from edge_gateway.processes.flow import run_once
from edge_gateway.replay.gateway import copy_models
from edge_gateway.tables import tag_tables


class Watcher(Protocol):
    """Told of what happens, as it happens."""

    def first_sample(self, seen: AssetSeen, number: int) -> None:
        """The first sample of a tag came, the one that is kept as its last."""
        ...

    def record(self, record: Record) -> None:
        """The flow made a record."""
        ...


class AssetSeen:
    """What came of the tags of one asset: arrays by the number of the tag.

    Attributes:
        table: Of the asset.
        samples: int64[tags].
        good: int64[tags], of them with good status.
        value: float64[tags], the last one; NaN where there is none.
        code: uint32[tags], the status code of the last one.
        time: int64[tags], source time of the last one, ns.
        received: int64[tags], when the last one was received, ns.
        first: int64[tags], when the first one was received, ns; 0 = none came.
    """

    def __init__(self, table: TagTable) -> None:
        n = len(table)
        self.table = table
        self.samples, self.good = np.zeros(n, np.int64), np.zeros(n, np.int64)
        self.value, self.code = np.full(n, np.nan), np.full(n, status.BAD_WAITING_FOR_INITIAL_DATA, np.uint32)
        self.time, self.received, self.first = (np.zeros(n, np.int64) for _ in range(3))

    def take(self, batch: SampleBatch) -> list[int]:
        """Count a block; numbers of the tags that came for the first time."""
        n = len(self.table)
        self.samples += np.bincount(batch.tag, minlength=n)
        self.good += np.bincount(batch.tag[status.is_good(batch.status)], minlength=n)
        self.value[batch.tag] = batch.value  # of several of one tag numpy keeps the last
        self.code[batch.tag] = batch.status
        self.time[batch.tag] = batch.source_time
        self.received[batch.tag] = batch.received_time
        new = np.flatnonzero((self.samples > 0) & (self.first == 0))
        self.first[new] = batch.received_time
        found: list[int] = new.tolist()
        return found


class DryGateway(LocalGateway):
    """Implements `flows.gateway.Gateway` on the sources themselves and an outbox that nobody delivers from."""

    def __init__(self, config: Config, stop: Callable[[], bool], watcher: Watcher) -> None:
        """Load the models.

        Args:
            config: In the folder that is thrown away.
            stop: True = end now.
            watcher: Told of what happens.

        Raises:
            FlowRejected, ModelError: As `LocalGateway`.
        """
        tables = tag_tables(config)
        self.seen = {table.asset: AssetSeen(table) for table in tables}
        self.windows_by_asset: Counter[str] = Counter()
        self.records: Counter[str] = Counter()
        self.alerts_made: list[Alert] = []
        self.events_made: list[Event] = []
        self._drivers = make_drivers(config, tables)
        self._watcher = watcher
        super().__init__(config, stop, lambda: None)

    def source(self) -> DriverSource:
        """The drivers themselves."""
        self._models.begin()
        section = self._config
        settings = IntakeSettings(capacity=section.journal.intake_limit, idle_after=section.windows.idle_after)
        return DriverSource(self._drivers, stop=self._stop, settings=settings, on_pass=self._came)

    def _came(self, items: list[Item]) -> None:
        for item in items:
            if isinstance(item, SampleBatch):
                seen = self.seen[item.asset]
                for number in seen.take(item):
                    self._watcher.first_sample(seen, number)
        self._passed()

    def _noted(self, result: PutResult, records: Sequence[Record | Account]) -> None:
        super()._noted(result, records)
        for record in records:
            if isinstance(record, Account):
                continue
            self.records[record.lane.name.lower()] += 1
            if isinstance(record, WindowSummary):
                self.windows_by_asset[record.asset] += 1
            elif isinstance(record, Alert):
                self.alerts_made.append(record)
            elif isinstance(record, Event):
                self.events_made.append(record)
            self._watcher.record(record)


def dry_run(config: Config, folder: Path, seconds: float, stop: Callable[[], bool], watcher: Watcher) -> DryGateway:
    """Read, window, score and judge for a while. Nothing is delivered, and the real data folder stays as it is.

    Args:
        config: Of the gateway.
        folder: Empty; takes the outbox, and copies of our certificate and of the models that are named.
        seconds: How long.
        stop: True = end before.
        watcher: Told of what happens.

    Raises:
        FlowRaised: A step of the flow raised.
        FlowRejected, ModelError, ConnectorError, CloudSinkError, OSError, ValueError: As in a gateway.
    """
    real = Layout(config.gateway.data)
    if real.identity.is_dir():  # servers know it; a new one they would refuse
        shutil.copytree(real.identity, Layout(folder).identity)
    if any(model.name is not None for model in config.model):
        copy_models(config.gateway.data, folder)
    moved = config.model_copy(update={"gateway": config.gateway.model_copy(update={"data": folder})})
    ends = time.monotonic() + seconds
    gateway = DryGateway(moved, lambda: stop() or time.monotonic() >= ends, watcher)
    try:
        run_once(build_flow(config.gateway.flow, gateway))
    finally:
        gateway.close()
    return gateway
