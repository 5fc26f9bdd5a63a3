"""The drift operator: scored windows in; an event where an asset begins or ends to look unlike its training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import bytewax.operators as op
import numpy as np
from bytewax.dataflow import operator
from bytewax.operators import KeyedStream, StatefulBatchLogic
from typing_extensions import override

from cloud_sink.records import Event
from flows.blocks import ScoredBlock
from flows.drift_settings import DriftSettings
from flows.drift_state import DriftRows, DriftState, Standing, model_of
from flows.model_rows import rows_for
from models.drift import Reference


def _nobody(model: str, standings: Sequence[Standing]) -> None:
    """Nobody asked."""


@dataclass(frozen=True, kw_only=True)
class DriftSetup:
    """From the configuration, for all models.

    Attributes:
        references: Gives what the windows of a model ("name@version") are held against; None = it has none.
        settings: Over how long, and how seldom in vain.
        tell: Takes model and standings of its assets, whenever a period was judged and at a start; for the status.
    """

    references: Callable[[str], Reference | None]
    settings: DriftSettings = field(default_factory=DriftSettings)
    tell: Callable[[str, Sequence[Standing]], None] = _nobody


class _DriftLogic(StatefulBatchLogic[tuple[Reference, DriftRows], Event, bytes]):
    """Of one model: all its assets are counted together. Until its first window, what was kept is kept as it is."""

    def __init__(self, setup: DriftSetup, resume_state: bytes | None) -> None:
        self._setup = setup
        self._resume = resume_state
        self._state: DriftState | None = None
        if resume_state is not None and (of := setup.references(model_of(resume_state))) is not None:
            self._begin(of)

    def _begin(self, of: Reference) -> DriftState:
        settings = self._setup.settings
        fresh = self._resume is None
        state = DriftState(of, settings) if fresh else DriftState.restore(self._resume or b"", of, settings)
        self._state, self._resume = state, None
        if not fresh:
            self._setup.tell(of.model, state.standings)
        return state

    @override
    def on_batch(self, values: list[tuple[Reference, DriftRows]]) -> tuple[Iterable[Event], bool]:
        of = values[0][0]
        state = self._state or self._begin(of)
        judged = state.judged
        events = state.push([rows for _, rows in values])
        if state.judged != judged:
            self._setup.tell(of.model, state.standings)
        return events, self.RETAIN

    @override
    def snapshot(self) -> bytes:
        if self._state is None:
            assert self._resume is not None  # without either, nothing came
            return self._resume
        return self._state.snapshot()


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
        out = []
        for _, block in items:
            of = setup.references(block.model) if block.model else None
            if of is None:
                continue
            rows = rows_of(block, of, setup.settings.stride(of.every_ns))
            if rows is not None:
                out.append((block.model, (of, rows)))
        return out

    chosen = op.flat_map_batch("by_model", up, by_model)
    told = op.stateful_batch("state", chosen, lambda resume_state: _DriftLogic(setup, resume_state))
    return op.flat_map_batch("by_asset", told, lambda items: [(event.asset, event) for _, event in items])


def rows_of(block: ScoredBlock, of: Reference, stride: int) -> DriftRows | None:
    """The windows of a block that count; None = none does. Pure."""
    if block.partial or block.backfilled:
        return None
    turn = block.start // of.every_ns % stride == 0
    if not turn.any():
        return None
    rows, _ = rows_for(block, of.tags, of.features)
    values = np.column_stack([rows.reshape(len(block), -1), block.score])
    counts = turn & np.isfinite(values).all(axis=1)
    return DriftRows(block.asset, block.start[counts], values[counts]) if counts.any() else None
