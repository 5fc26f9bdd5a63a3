"""The score operator: features in, scores out, one model call per pass and model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import bytewax.operators as op
from bytewax.dataflow import operator
from bytewax.operators import KeyedStream, StatefulBatchLogic
from typing_extensions import override

from cloud_sink.records import Event
from flows.blocks import FeatureBlock, ScoredBlock
from flows.score_state import ScoreState
from models.served import Models

T = TypeVar("T", ScoredBlock, Event)

_MODELS = "models"  # the one key of the step: it keys the recovery state


@dataclass(frozen=True)
class ScoreStreams:
    """Streams returned from `score`.

    Attributes:
        scored: Windows with what each of their models says, keyed by asset.
        events: Models that began, failed or were switched off, keyed by asset ("" = of several).
    """

    scored: KeyedStream[ScoredBlock]
    events: KeyedStream[Event]


class _ScoreLogic(StatefulBatchLogic[FeatureBlock, ScoredBlock | Event, bytes]):
    def __init__(self, models: Models, resume_state: bytes | None) -> None:
        self._state = ScoreState(models) if resume_state is None else ScoreState.restore(resume_state, models)

    @override
    def on_batch(self, values: list[FeatureBlock]) -> tuple[Iterable[ScoredBlock | Event], bool]:
        return self._state.push(values), self.RETAIN

    @override
    def snapshot(self) -> bytes:
        return self._state.snapshot()


@operator
def score(step_id: str, up: KeyedStream[FeatureBlock], models: Models) -> ScoreStreams:  # noqa: ARG001
    """Score all windows of all assets of a pass, in one stateful step under one key.

    One key, for a call of the engine takes the rows of all assets together, and each window leaves with what all of
    its models said. Models are asked for with every block: what changes them swaps them between two windows.

    Args:
        step_id: Keys the recovery state: renaming it lets stateful models warm up anew.
        up: Features keyed by asset.
        models: Those of each asset; see `models.served`.

    Returns:
        See `ScoreStreams`.
    """
    gathered = op.flat_map_batch("gather", up, lambda items: [(_MODELS, block) for _, block in items])
    said = op.stateful_batch("state", gathered, lambda resume_state: _ScoreLogic(models, resume_state))
    return ScoreStreams(scored=_only("scored", said, ScoredBlock), events=_only("events", said, Event))


def _only(step_id: str, up: KeyedStream[Any], kind: type[T]) -> KeyedStream[T]:
    """The values of one type, keyed by their asset."""

    def shim_mapper(items: list[tuple[str, Any]]) -> list[tuple[str, T]]:
        return [(value.asset, value) for _, value in items if type(value) is kind]

    return op.flat_map_batch(step_id, up, shim_mapper)
