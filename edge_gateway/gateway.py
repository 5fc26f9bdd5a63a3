"""What a dataflow is given to run on a real gateway: source, sink, models and settings, from the configuration."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import structlog

from cloud_sink.histogram import Histogram
from cloud_sink.outbox.writer import OutboxWriter, PutResult
from cloud_sink.records import Account, Alert, Event, Record
from cloud_sink.report import Report
from cloud_sink.sink import OutboxSink
from connectors.source import DriverSource, JournalSource, RecordingSource
from edge_gateway.cluster import ALONE, Share
from edge_gateway.config.config import Config
from edge_gateway.drift_facts import DriftFacts
from edge_gateway.flow_file import load_features
from edge_gateway.identity import boot_id, gateway_id
from edge_gateway.layout import Layout
from edge_gateway.outbox_settings import outbox_settings
from edge_gateway.progress import Moving
from edge_gateway.reload.follower import Follower
from edge_gateway.reload.renewal import Renewal, prepare, standing_of
from edge_gateway.reload.teller import Teller
from edge_gateway.report import Reporter, count_alarms, make_report
from edge_gateway.serving.crew import Recruiter
from edge_gateway.serving.duty import ModelDuty
from edge_gateway.serving.fixed import fixed_models
from edge_gateway.status import read_status
from flows.alarms import AlertSettings, Maintenance
from flows.drift_setup import DriftSetup
from flows.rules import RuleSet
from flows.window_kinds import AnyWindowSettings
from models.cold_start import ColdStart, WithColdStart
from models.errors import ModelError
from models.features import FeatureSet
from models.served import Models
from models.watchdog import Watchdog

log = structlog.get_logger(__name__)

_ALERTS_KEPT = 1000  # in the status, for the latency figures
_EVENTS_KEPT = 50  # for the page


class LocalGateway:
    """Implements `flows.gateway.Gateway` on this machine's journal and outbox."""

    def __init__(
        self,
        config: Config,
        stop: Callable[[], bool],
        beat: Callable[[], None],
        share: Share = ALONE,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], float] = time.monotonic,
        follower: Follower | None = None,
    ) -> None:
        """Load the models; journal and outbox are opened when the dataflow starts.

        Args:
            config: Of the gateway.
            stop: Asked by the source; True = drain and end.
            beat: Called several times a second while the dataflow makes progress.
            share: Of this process in a cluster.
            clock: Wall clock, ns.
            monotonic: Steady clock, s.
            follower: Says when another configuration is in force.

        Raises:
            ModelError: A key that must have signed bundles cannot be read.
            FlowRejected: The features cannot be used.
        """
        self._config = config
        self._follower = follower or Follower()
        self._features = load_features(config.features)
        self._layout = Layout(config.gateway.data)
        self._layout.outbox.mkdir(parents=True, exist_ok=True)
        self._layout.journal.mkdir(parents=True, exist_ok=True)
        self._stop = stop
        self._beat = beat
        self._share = share
        self._clock = clock
        self._monotonic = monotonic
        self._watchdog = Watchdog()
        self._recruiter = Recruiter(config, self._features, self._watchdog, clock)
        kept = self._follower.current
        self._fixed = fixed_models(config, self._features, self._watchdog, kept.files if kept else {})
        self._models = ModelDuty(config, self._recruiter, self._fixed.posts, self._tell, monotonic, self._look)
        self._drift = DriftFacts()
        self._standing = standing_of(config, self._features)
        self._renewal: Renewal | None = None
        self._revision = 0
        self._reloads = Teller(self._layout.config, self._tell)
        self._sink = OutboxSink(
            self._open_outbox,
            self._noted,
            monotonic,
            partition=share.outbox,
            partitions=share.outboxes,
            owners=share.owners,
        )
        self._reporter = Reporter(config.gateway.report_every, self._report, self._tell, clock, monotonic)
        self._read = Moving()
        self._passing = False
        self._written_at = 0
        self._latency = Histogram()
        self._accounts: dict[str, Account] = {}
        self._written: Counter[str] = Counter()
        self._repeats = 0
        self._alerts: deque[dict[str, Any]] = deque(maxlen=_ALERTS_KEPT)
        self._events: deque[dict[str, Any]] = deque(maxlen=_EVENTS_KEPT)

    @property
    def windows(self) -> AnyWindowSettings:
        """The `[windows]` table."""
        return self._config.windows.settings()

    @property
    def sketches(self) -> bool:
        """`[windows] sketches`."""
        return self._config.windows.sketches

    @property
    def alerts(self) -> AlertSettings:
        """The `[alerts]` table."""
        return self._standing.config.alerts.settings()

    @property
    def revision(self) -> int:
        """How often another configuration was taken over."""
        return self._revision

    def rules(self, asset: str) -> RuleSet:
        """The `[[rules]]` tables."""
        return self._standing.rules.get(asset, RuleSet())

    def maintenance(self, asset: str) -> Maintenance:
        """The `[[maintenance]]` tables."""
        return self._standing.maintenance.get(asset, Maintenance())

    @property
    def features(self) -> FeatureSet:
        """Computed for every tag of every window."""
        return self._features

    def source(self) -> JournalSource | RecordingSource | DriverSource:
        """The journal."""
        self._models.begin()
        if self._share.journal is None:
            return JournalSource({}, stop=self._stop)
        own = {self._share.journal: self._layout.journal}
        return JournalSource(
            own, stop=self._stop, on_commit=self._sink.committed, on_pass=self._passed, on_read=self._read.at
        )

    def sink(self) -> OutboxSink:
        """The outbox."""
        return self._sink

    @property
    def models(self) -> Models:
        """The `[[model]]` tables, what the store says of those that are named, and a cold start where none serves."""
        return WithColdStart(self._models, self._cold_start)

    @property
    def drift(self) -> DriftSetup:
        """The `[drift]` table; what comes of it is for the status."""
        return DriftSetup(models=self._models, settings=self._config.drift.settings(), tell=self._drift.tell)

    def accounts(self) -> tuple[Account, ...]:
        """The books of every asset's stream as they are now."""
        return tuple(self._accounts.values())

    def facts(self) -> dict[str, Any]:
        """For the status file; counts are of this process since it started, accounts are of all time."""
        return {
            "accounts": {
                name: {
                    "received": account.received,
                    "placed": account.placed,
                    "late": account.late,
                    "dropped": dict(account.dropped),
                }
                for name, account in self._accounts.items()
            },
            "written": dict(self._written),
            "repeats": self._repeats,
            "alerts": list(self._alerts),
            "events": list(self._events),
            "drift": self._drift.facts(),
            **self._follower.facts(),
            "read": self._read.value,
            "read_at": self._read.since,
            "written_at": self._written_at,
            "outbox_full": self._sink.is_full,
            "passing": self._passing,
            "lost_after_s": 0 if self._share.alone else self._share.lost_after.total_seconds(),
            "alert_seconds": self._latency.facts(),
            "models": self._models.told(),
            "inference": {name: asdict(spent) for name, spent in self._models.spent.items()},
        }

    def close(self) -> None:
        """The flow has ended."""
        self._models.close()

    def _report(self, up_s: int, every_s: int) -> Report:
        layout = self._layout
        models = self.models
        return make_report(
            (gateway_id(layout.gateway_id), boot_id()),
            (up_s, every_s),
            self._accounts.values(),
            read_status(layout.status, "acquire"),
            read_status(layout.status, "deliver"),
            [models.of(asset) for asset in self._accounts],
            self._drift.facts(),
            count_alarms(layout.outbox),
            time.time_ns(),
        )

    def _cold_start(self, asset: str) -> ColdStart | None:
        return self._standing.cold_starts.get(asset)

    def _passed(self) -> None:
        self._passing = True
        self._models.pass_over()
        if self._renewal is not None:
            self._renew(self._renewal)
        self._reloads.pass_over()
        self._reporter.pass_over()
        self._sink.flush_due()
        self._beat()

    def _look(self) -> None:
        """Beside the flow's thread: make ready what another configuration needs."""
        self._reloads.look()
        if self._renewal is not None or (kept := self._follower.look()) is None:
            return
        try:
            self._renewal = prepare(kept, self._features, self._watchdog, self._fixed, self._recruiter)
        except (ModelError, OSError, ValueError) as error:
            self._follower.refuse(kept, str(error))

    def _renew(self, renewal: Renewal) -> None:
        """Take it over: between two passes, so between two windows."""
        self._renewal = None
        self._standing, self._fixed, self._recruiter = renewal.standing, renewal.fixed, renewal.recruiter
        self._models.change(renewal.kept.config, renewal.recruiter, renewal.fixed.posts, renewal.crew)
        self._revision += 1
        self._follower.accept(renewal.kept)

    def _tell(self, events: Sequence[Event]) -> bool:
        return self._sink.tell(events)

    def _open_outbox(self) -> OutboxWriter:
        return OutboxWriter(self._layout.outbox, outbox_settings(self._config), self._clock, self._monotonic)

    def _noted(self, result: PutResult, records: Sequence[Record | Account]) -> None:
        self._repeats += result.repeats
        self._written_at = time.monotonic_ns()
        self._models.raised(record for record in records if isinstance(record, Alert))
        for record in records:
            if isinstance(record, Account):
                self._accounts[record.asset] = record
                continue
            self._written[record.lane.name.lower()] += 1
            if isinstance(record, Event) and record.report is None:
                told = ("asset", "kind", "reason", "start", "end", "count", "source", "detail")
                self._events.append({name: getattr(record, name) for name in told})
            if isinstance(record, Alert) and not record.held_back:
                self._latency.add((result.alert_time - record.received_time) / 1e9)
                self._alerts.append(
                    {
                        "key": record.key,
                        "asset": record.asset,
                        "rule": record.rule,
                        "state": record.state,
                        "score": None if record.score != record.score else record.score,
                        "at": record.at,
                        "opened_at": record.opened_at,
                        "durable": result.alert_time,
                        "latency_ms": (result.alert_time - record.received_time) / 1e6,
                        "contributions": list(record.contributions),
                        "detail": record.detail,
                    }
                )
