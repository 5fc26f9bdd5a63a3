"""The drift operator: scored windows in; an event where an asset begins or ends to look unlike its training."""

from __future__ import annotations

from collections.abc import Iterable

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import operator
from bytewax.operators import KeyedStream, StatefulBatchLogic
from numpy.typing import NDArray
from typing_extensions import override

from cloud_sink.records import Event
from flows.blocks import FeatureBlock, ScoredBlock
from flows.drift_setup import DriftSetup
from flows.drift_state import DriftRows
from flows.drift_versions import DriftVersions
from flows.model_rows import rows_for
from models.drift import Reference
from models.served import Models


class _DriftLogic(StatefulBatchLogic[tuple[Reference, DriftRows], Event, bytes]):
    """Of one model, in all its versions: all their assets are counted together."""

    def __init__(self, setup: DriftSetup, resume_state: bytes | None) -> None:
        self._tell, settings = setup.tell, setup.settings
        fresh = resume_state is None
        self._versions = DriftVersions(settings) if fresh else DriftVersions.restore(resume_state or b"", settings)

    @override
    def on_batch(self, values: list[tuple[Reference, DriftRows]]) -> tuple[Iterable[Event], bool]:
        events = self._versions.push(values)
        for version, standings in self._versions.changed.items():
            self._tell(version, standings)
        return events, self.RETAIN

    @override
    def snapshot(self) -> bytes:
        return self._versions.snapshot()


@operator
def drift(step_id: str, up: KeyedStream[ScoredBlock], setup: DriftSetup) -> KeyedStream[Event]:  # noqa: ARG001
    """Hold the windows of every asset against the baseline of its model; see `models.drift`.

    A window counts when the model judged it, live and whole. Of those, one in `DriftSettings.stride` is looked at, so
    that most passes do not wake the step: what it remembers is then not written again.

    Args:
        step_id: Keys the recovery state: renaming it forgets what was counted and which assets drift.
        up: Scored windows keyed by asset.
        setup: From the gateway.

    Returns:
        Events of kind "drift", keyed by asset.
    """

    def by_model(items: list[tuple[str, ScoredBlock]]) -> Iterable[tuple[str, tuple[Reference, DriftRows]]]:
        return [
            (of.model.rpartition("@")[0], (of, rows))  # by name: what a version leaves behind goes with the next
            for _, block in items
            for of, score in _judged(block, setup.models)
            if (rows := rows_of(block, score, of, setup.settings.stride(of.every_ns))) is not None
        ]

    chosen = op.flat_map_batch("by_model", up, by_model)
    told = op.stateful_batch("state", chosen, lambda resume_state: _DriftLogic(setup, resume_state))
    return op.flat_map_batch("by_asset", told, lambda items: [(event.asset, event) for _, event in items])


def _judged(block: ScoredBlock, models: Models) -> Iterable[tuple[Reference, NDArray[np.float64]]]:
    """The baseline and the scores of each of its models that has a baseline, and is no shadow."""
    for verdict in block.active:
        for served in models.of(block.asset):
            if served.scorer.model == verdict.model and served.scorer.reference is not None:
                yield served.scorer.reference, verdict.score


def rows_of(block: FeatureBlock, score: NDArray[np.float64], of: Reference, stride: int) -> DriftRows | None:
    """The windows of a block that count; None = none does. Pure.

    Args:
        block: Live or not, whole or not.
        score: float64[w], of the model.
        of: Its baseline.
        stride: One window in so many counts.
    """
    if block.partial or block.backfilled:
        return None
    if len(block) == 1 and int(block.start[0]) // of.every_ns % stride:
        return None  # as most are, without an array
    turn = block.start // of.every_ns % stride == 0
    if not turn.any():
        return None
    as_it_is = block.tags.names == of.tags and block.features == of.features
    rows = block.values if as_it_is else rows_for(block, of.tags, of.features)[0]
    values = np.concatenate([rows.reshape(len(block), -1), score[:, None]], axis=1)
    counts = turn & np.isfinite(values).all(axis=1)
    return DriftRows(block.asset, block.start[counts], values[counts]) if counts.any() else None
