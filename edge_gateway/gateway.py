"""What a dataflow is given to run on a real gateway: source, sink, models and settings, from the configuration."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from cloud_sink.outbox.writer import OutboxWriter, PutResult
from cloud_sink.records import Account, Alert, Event, Record
from cloud_sink.report import Report
from cloud_sink.sink import OutboxSink
from connectors.source import DriverSource, JournalSource, RecordingSource
from edge_gateway.cluster import ALONE, Share
from edge_gateway.cold_starts import cold_starts
from edge_gateway.config.config import Config
from edge_gateway.drift_facts import DriftFacts
from edge_gateway.flow_file import load_features
from edge_gateway.histogram import Histogram
from edge_gateway.identity import boot_id, gateway_id
from edge_gateway.layout import Layout
from edge_gateway.maintenance import calendars
from edge_gateway.outbox_settings import outbox_settings
from edge_gateway.progress import Moving
from edge_gateway.report import Reporter, count_alarms, make_report
from edge_gateway.rule_sets import rule_sets
from edge_gateway.serving.crew import Recruiter
from edge_gateway.serving.duty import ModelDuty
from edge_gateway.status import read_status
from flows.alarms import AlertSettings, Maintenance
from flows.drift_setup import DriftSetup
from flows.rules import RuleSet
from flows.window_kinds import AnyWindowSettings
from models.cold_start import WithColdStart
from models.errors import BundleRejected
from models.features import FeatureSet
from models.manifest import feature_misfit
from models.onnx_scorer import OnnxScorer
from models.refused import RefusedModel
from models.scores import Scorer
from models.served import Models, Served
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
    ) -> None:
        """Load the models; journal and outbox are opened when the dataflow starts.

        Args:
            config: Of the gateway.
            stop: Asked by the source; True = drain and end.
            beat: Called several times a second while the dataflow makes progress.
            share: Of this process in a cluster.
            clock: Wall clock, ns.
            monotonic: Steady clock, s.

        Raises:
            ModelError: A key that must have signed bundles cannot be read.
            FlowRejected: The features cannot be used.
        """
        self._config = config
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
        recruiter = Recruiter(config, self._features, self._watchdog, clock)
        self._models = ModelDuty(config, recruiter, self._load_models(), self._tell, monotonic)
        self._cold_starts = cold_starts(config, self._features)
        self._drift = DriftFacts()
        self._rules = rule_sets(config)
        self._maintenance = calendars(config)
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
        return self._config.alerts.settings()

    def rules(self, asset: str) -> RuleSet:
        """The `[[rules]]` tables."""
        return self._rules.get(asset, RuleSet())

    def maintenance(self, asset: str) -> Maintenance:
        """The `[[maintenance]]` tables."""
        return self._maintenance.get(asset, Maintenance())

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
        return WithColdStart(self._models, self._cold_starts.get)

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

    def _load_models(self) -> dict[str, list[Served]]:
        """Of each asset, in the order of the tables; a bundle that is named twice is loaded once."""
        loaded: dict[tuple[Path, timedelta], Scorer] = {}
        posts: dict[str, list[Served]] = {}
        for number, model in enumerate(self._config.model):
            if model.bundle is None:
                continue
            key = (model.bundle, model.time_budget)
            scorer = loaded[key] = loaded.get(key) or self._load(*key, number)
            for asset in model.assets:
                posts.setdefault(asset, []).append(Served(scorer, model.shadow))
        return posts

    def _load(self, bundle: Path, time_budget: timedelta, number: int) -> Scorer:
        """One that is refused leaves its post to somebody who says so: rules and other models go on."""
        try:
            scorer = OnnxScorer.load(bundle, self._config.models.keys(), time_budget, self._watchdog)
            if misfit := feature_misfit(scorer.manifest, self._features):
                raise BundleRejected(bundle, *misfit)
        except BundleRejected as rejected:
            log.error("model_refused", bundle=str(bundle), reason=str(rejected))
            return RefusedModel(f"{bundle.name}@refused.{number}", str(rejected).rstrip("."))
        return scorer

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

    def _passed(self) -> None:
        self._passing = True
        self._models.pass_over()
        self._reporter.pass_over()
        self._sink.flush_due()
        self._beat()

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
