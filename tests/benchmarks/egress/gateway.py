"""What the standard flow makes of the day, as the objects that would be delivered."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bytewax.testing import TestingSink, TestingSource, run_main
from egress import day

from cloud_sink.batch import Batch, Row, batch_id
from cloud_sink.objects import CloudObject, build_object
from cloud_sink.records import Account, Lane, Record
from cloud_sink.settings import BatchSettings, Naming
from connectors.samples import Item
from edge_gateway.training import train_bundle
from flows import condition_monitoring
from flows.alarms import AlertSettings, Maintenance
from flows.drift_setup import DriftSetup
from flows.rules import RuleSet
from flows.window_settings import WindowSettings
from models.features import STANDARD, FeatureSet
from models.onnx_scorer import OnnxScorer
from models.roster import Roster
from models.scores import Scorer
from models.served import Served

WINDOWS = WindowSettings("60s", lateness="2s")
NAMING = Naming("riverside", "gateway-1", "0.1.0")
_TRAINED_HOURS = 3


@dataclass
class DayGateway:
    """Implements `flows.gateway.Gateway`: the day in, a list out."""

    model: Scorer
    windows: WindowSettings = WINDOWS
    alerts: AlertSettings = field(default_factory=AlertSettings)
    features: FeatureSet = STANDARD
    sketches: bool = False
    out: list[tuple[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.models = Roster({table.asset: [Served(self.model)] for table in day.TABLES})
        self.drift = DriftSetup(models=self.models)

    def source(self) -> TestingSource[Any]:
        return TestingSource(_items(), batch_size=len(day.TABLES))

    def sink(self) -> TestingSink[Any]:
        return TestingSink(self.out)

    revision = 0  # of what it says of alarms

    def rules(self, asset: str) -> RuleSet:
        return RuleSet()

    def maintenance(self, asset: str) -> Maintenance:
        return Maintenance()


class _items:  # noqa: N801 - iterated more than once
    def __iter__(self) -> Iterator[tuple[str, Item]]:
        return ((block.asset, block) for hour in range(day.HOURS) for block in day.blocks(hour))


def records_of_the_day() -> list[Record]:
    """Summaries with sketches, alerts and events of a gateway whose model was trained on the first hours."""
    hours = itertools.chain.from_iterable(day.blocks(hour) for hour in range(_TRAINED_HOURS))
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "pump"
        train_bundle(hours, day.TABLES[0], WINDOWS, bundle, name="pump", version="1")
        gateway = DayGateway(OnnxScorer.load(bundle), sketches=True)
        run_main(condition_monitoring.build(gateway))
    return [record for _, record in gateway.out if not isinstance(record, Account)]


def objects_of(records: list[Record], settings: BatchSettings, together: int) -> list[CloudObject]:
    """As the deliverer makes them: summaries by bucket of event time, the rest `together` an object."""
    bucket_ns = round(settings.summary_bucket.total_seconds() * 10**9)
    groups: dict[tuple[Lane, int], list[Record]] = {}
    count: dict[Lane, Iterator[int]] = {lane: itertools.count() for lane in Lane}
    for record in records:
        of_summary = record.lane is Lane.SUMMARY
        number = record.time // bucket_ns if of_summary else next(count[record.lane]) // together
        groups.setdefault((record.lane, number), []).append(record)
    return list(map(partial(build_object, naming=NAMING), map(_batch, groups.values())))


def _batch(records: list[Record]) -> Batch:
    rows = tuple(Row(seq, record.key, record.time, record.encode()) for seq, record in enumerate(records))
    return Batch(batch_id(row.key for row in rows), records[0].lane, rows)
