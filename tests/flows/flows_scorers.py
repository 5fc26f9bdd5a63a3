"""Scorers for tests: one that remembers, one that fails, one that lies."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from flows_gateway import MeanScorer
from numpy.typing import NDArray

from models.errors import ScoringFailed
from models.scores import Scores
from models.state import State, StatePort

S = 10**9


@dataclass
class StepScorer(MeanScorer):
    """How far the sum of the last `warm_up` + 1 means of "current" is from nothing: NaN until it has so many.

    A missing value counts as the one before it, once; twice and the window holds a NaN.
    """

    tags: tuple[str, ...] = ("current",)
    features: tuple[str, ...] = ("mean",)
    model: str = "steps@1"
    warm_up: int = 2
    every_ns: int = 10 * S
    seen: list[list[float]] = field(default_factory=list)

    @property
    def state(self) -> tuple[StatePort, ...]:  # type: ignore[override]
        return (StatePort("ring", (self.warm_up + 1,), "nan"), StatePort("held", (1,), "zero"))

    @state.setter
    def state(self, _: object) -> None: ...

    def score(self, rows: NDArray[np.float64], state: State = ()) -> Scores:
        self.calls.append(len(rows))
        value = rows[:, 0, 0]
        self.seen.append(value.tolist())
        ring, held = state
        missing = np.isnan(value)
        value = np.where(missing & (held[:, 0] < 1), ring[:, -1], value)
        after = np.concatenate([ring[:, 1:], value[:, None]], axis=1)
        score = np.abs(after.sum(axis=1)) / self.limit
        held = np.where(missing[:, None], held + 1, 0.0)
        return Scores(score, np.ones((len(rows), 1)), self.tags, self.model, (after, held))


@dataclass
class BrokenScorer(MeanScorer):
    """Fails as long as it is told to."""

    model: str = "broken@1"
    trouble: str = "failed"

    def score(self, rows: NDArray[np.float64], state: State = ()) -> Scores:
        if not self.trouble:
            return super().score(rows, state)
        self.calls.append(len(rows))
        raise ScoringFailed(self.model, self.trouble, "it does not want to")


@dataclass
class LyingScorer(MeanScorer):
    """Says NaN where "current" is above a limit, and fails at a call of that number."""

    model: str = "liar@1"
    above: float = -1.0
    fails_at: int = 0

    def score(self, rows: NDArray[np.float64], state: State = ()) -> Scores:
        if len(self.calls) + 1 == self.fails_at:
            raise ScoringFailed(self.model, "failed", "it has had enough")
        scores = super().score(rows, state)
        scores.score[rows[:, 1, 1] > self.above] = np.nan
        return scores
