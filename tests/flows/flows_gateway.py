"""A gateway of lists: what a flow needs to run in a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, TestingSource, run_main
from numpy.typing import NDArray

from connectors.samples import Item
from flows.alarms import AlertSettings, Maintenance
from flows.blocks import FeatureBlock, ScoredBlock
from flows.drift_settings import DriftSettings
from flows.drift_setup import DriftSetup
from flows.drift_state import Standing
from flows.rules import RuleSet
from flows.score_state import ScoreState
from flows.window_kinds import AnyWindowSettings
from flows.window_settings import WindowSettings
from models.drift import Reference
from models.features import STANDARD, FeatureSet
from models.scores import Scorer, Scores
from models.served import Outcome, Served, Verdict
from models.state import State, StatePort


@dataclass
class MeanScorer:
    """Scores the mean of "current" in units of `limit`; counts its calls."""

    limit: float = 10.0
    tags: tuple[str, ...] = ("speed", "current")
    features: tuple[str, ...] = ("last", "mean")
    min_coverage: float = 0.5
    model: str = "means@1"
    state: tuple[StatePort, ...] = ()
    warm_up: int = 0
    every_ns: int = 0
    reference: Reference | None = None
    calls: list[int] = field(default_factory=list)

    def score(self, rows: NDArray[np.float64], state: State = ()) -> Scores:
        self.calls.append(len(rows))
        contributions = np.abs(rows[:, :, 1]) / np.abs(rows[:, :, 1]).sum(axis=1, keepdims=True)
        current = rows[:, self.tags.index("current"), self.features.index("mean")]
        return Scores(current / self.limit, contributions, self.tags, self.model)


@dataclass
class ListModels:
    """Implements `models.served.Models`: one active model an asset, then shadows; keeps what it was told."""

    active: Callable[[str], Scorer | None]
    shadows: dict[str, Scorer] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    compared: list[tuple[str, list[int], tuple[Verdict, ...]]] = field(default_factory=list)

    def of(self, asset: str) -> list[Served]:
        active, shadow = self.active(asset), self.shadows.get(asset)
        return [Served(one, one is shadow) for one in (active, shadow) if one is not None]

    def noted(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def judged(self, asset: str, ends: NDArray[np.int64], verdicts: Sequence[Verdict]) -> None:
        self.compared.append((asset, ends.tolist(), tuple(verdicts)))


def scores_of(blocks: Sequence[FeatureBlock], active: Callable[[str], Scorer | None]) -> list[ScoredBlock]:
    """One pass from a fresh start, without its events."""
    said = ScoreState(ListModels(active)).push(blocks)
    return [one for one in said if isinstance(one, ScoredBlock)]


@dataclass
class ListGateway:
    """Implements `flows.gateway.Gateway` with a list at both ends."""

    items: list[Any]
    scorers: dict[str, Scorer] = field(default_factory=dict)
    windows: AnyWindowSettings = field(default_factory=lambda: WindowSettings("10s", lateness="2s"))
    alerts: AlertSettings = field(default_factory=AlertSettings)
    rule_sets: dict[str, RuleSet] = field(default_factory=dict)
    calendars: dict[str, Maintenance] = field(default_factory=dict)
    features: FeatureSet = STANDARD
    sketches: bool = False
    batch_size: int = 1
    drift_settings: DriftSettings = field(default_factory=DriftSettings)
    standings: dict[str, list[Standing]] = field(default_factory=dict)
    out: list[tuple[str, Any]] = field(default_factory=list)
    shadows: dict[str, Scorer] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    revision: int = 0

    def source(self) -> TestingSource[Any]:
        return TestingSource(self.items, batch_size=self.batch_size)

    def sink(self) -> TestingSink[Any]:
        return TestingSink(self.out)

    @property
    def models(self) -> ListModels:
        return ListModels(self.scorers.get, self.shadows, self.outcomes)

    @property
    def drift(self) -> DriftSetup:
        return DriftSetup(models=self.models, settings=self.drift_settings, tell=self._stand)

    def _stand(self, model: str, standings: Sequence[Standing]) -> None:
        self.standings[model] = list(standings)

    def rules(self, asset: str) -> RuleSet:
        return self.rule_sets.get(asset, RuleSet())

    def maintenance(self, asset: str) -> Maintenance:
        return self.calendars.get(asset, Maintenance())

    def records(self, kind: type[Any]) -> list[Any]:
        return [record for _, record in self.out if isinstance(record, kind)]


def keyed(items: Iterable[Item]) -> list[tuple[str, Item]]:
    return [(item.asset, item) for item in items]


def recovery(folder: Path) -> RecoveryConfig:
    folder.mkdir()
    init_db_dir(folder, 1)
    return RecoveryConfig(folder)


def run(flow: Dataflow, config: RecoveryConfig | None = None) -> None:
    """Run to the end of input; every poll of the source is an epoch of its own."""
    run_main(flow, epoch_interval=timedelta(0), recovery_config=config)
