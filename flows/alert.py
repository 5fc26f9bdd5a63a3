"""The alert operator: scored windows in, alerts that open and clear out."""

from __future__ import annotations

from collections.abc import Iterable

import bytewax.operators as op
from bytewax.dataflow import operator
from bytewax.operators import KeyedStream, StatefulBatchLogic
from typing_extensions import override

from cloud_sink.records import Alert
from flows.alert_state import AlertSettings, AlertState
from flows.blocks import ScoredBlock

__all__ = ["AlertSettings", "alert"]


class _AlertLogic(StatefulBatchLogic[ScoredBlock, Alert, bytes]):
    def __init__(self, settings: AlertSettings, resume_state: bytes | None) -> None:
        self._state = AlertState(settings) if resume_state is None else AlertState.restore(resume_state, settings)

    @override
    def on_batch(self, values: list[ScoredBlock]) -> tuple[Iterable[Alert], bool]:
        return [alert for block in values for alert in self._state.push(block)], self.RETAIN

    @override
    def snapshot(self) -> bytes:
        return self._state.snapshot()


@operator
def alert(step_id: str, up: KeyedStream[ScoredBlock], settings: AlertSettings) -> KeyedStream[Alert]:  # noqa: ARG001
    """Open and clear alerts per asset: rules "anomaly" and "data_quality".

    Args:
        step_id: Keys the recovery state: renaming it forgets which alerts are open.
        up: Scored windows keyed by asset.
        settings: Levels and delays.
    """
    return op.stateful_batch("state", up, lambda resume_state: _AlertLogic(settings, resume_state))
