"""Replays: what would the configured flow have made of this recording?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cloud_sink.alert_decoding import decode_alert
from cloud_sink.outbox.export import export
from cloud_sink.outbox.onlooker import Onlooker
from cloud_sink.records import Account, Alert, Lane
from cloud_sink.settings import BatchSettings, Naming
from connectors.pacing import Pace
from edge_gateway import __version__
from edge_gateway.check_models import model_problems
from edge_gateway.config.config import Config
from edge_gateway.config.load import load
from edge_gateway.config.problems import ConfigRejected
from edge_gateway.flow_file import build_flow
from edge_gateway.layout import Layout
from edge_gateway.processes.flow import run_once
from edge_gateway.replay.gateway import ReplayGateway, copy_models, replay_config
from edge_gateway.replay.source import Recorded

RECORDS = "records"
"""Folder of the objects that a target would have got."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a recording.

    Attributes:
        alerts: Transitions of alarms, in the order in which they were written; those of a flood, too.
        records: How many of each kind.
        accounts: Of each asset's samples.
        samples: In the recording.
        first: Received time of the first, ns; 0 = there was none.
        last: Of the last.
        objects: Files below the folder `records`, if they were wanted.
        left_out: What of the recording was not replayed, in words.
    """

    alerts: tuple[Alert, ...]
    records: Mapping[str, int]
    accounts: tuple[Account, ...]
    samples: int
    first: int
    last: int
    objects: int
    left_out: tuple[str, ...]

    @property
    def opened(self) -> tuple[Alert, ...]:
        """Alarms that were opened."""
        return tuple(alert for alert in self.alerts if alert.state == "opened")


def load_replayed(path: Path) -> Config:
    """A configuration for replays: secrets and certificates of its links and targets need not be here.

    Raises:
        ConfigRejected: With all problems.
    """
    config = load(path)
    if problems := list(model_problems(config, deep=False)):
        raise ConfigRejected(path, problems)
    return config


def replay(
    config: Config,
    recorded: Recorded,
    folder: Path,
    *,
    pace: Pace | None = None,
    stop: Callable[[], bool] = lambda: False,
    told: Callable[[int, int], None] = lambda _samples, _at: None,
    objects: bool = False,
) -> Replayed:
    """Send a recording through the flow.

    Args:
        config: Of the gateway; nothing in its data folder is changed.
        recorded: What is replayed.
        folder: Empty; takes an outbox, and copies of the models that are named.
        pace: Of received time; left out = as fast as it goes.
        stop: Asked in every pass; True = end here.
        told: Called in every pass with the samples so far and their received time.
        objects: Also write the files that a target would have got.

    Raises:
        FlowRaised: A step of the flow raised.
        FlowRejected, ModelError, CloudSinkError, ConnectorError, OSError: As in a gateway.
    """
    if any(model.name is not None for model in config.model):
        copy_models(config.gateway.data, folder)
    gateway = ReplayGateway(replay_config(config, folder), recorded.items, pace or Pace(None), stop, told)
    try:
        run_once(build_flow(config.gateway.flow, gateway))
    finally:
        gateway.close()
    outbox = Layout(folder).outbox
    with Onlooker(outbox) as onlooker:
        stat = onlooker.stat()
        alerts = tuple(_alerts(onlooker))
        written = _write_objects(onlooker, folder / RECORDS, config) if objects else 0
    return Replayed(
        alerts=alerts,
        records={lane.name.lower(): waiting.count for lane, waiting in stat.backlog.items()},
        accounts=gateway.accounts(),
        samples=gateway.samples,
        first=gateway.first,
        last=gateway.last,
        objects=written,
        left_out=recorded.left_out,
    )


def record_bytes(folder: Path) -> dict[str, bytes]:
    """Every record of a replay by its key, in the order in which they were written."""
    with Onlooker(Layout(folder).outbox) as onlooker:
        found = [
            (row.seq, row.key, row.body)
            for lane in Lane
            for held in onlooker.held(lane)
            for row in onlooker.bodies((held,))
        ]
    return {key: body for _, key, body in sorted(found)}


def _alerts(onlooker: Onlooker) -> Iterator[Alert]:
    """Also those that a flood held back, which go the way of events."""
    rows = [
        row
        for lane in (Lane.ALERT, Lane.EVENT)
        for held in onlooker.held(lane)
        if held.key.startswith("alert/")
        for row in onlooker.bodies((held,))
    ]
    for row in sorted(rows, key=lambda row: row.seq):
        yield decode_alert(row.body)


def _write_objects(onlooker: Onlooker, folder: Path, config: Config) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    naming = Naming(config.gateway.site, config.gateway.name, __version__)
    batches = BatchSettings(summary_bucket=config.outbox.summary_file)
    return len(export(onlooker, folder, naming, batches).keys)
