"""The words between the flow and any model: rows in, scores out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.drift import Reference
from models.state import State, StatePort, begin


@dataclass(slots=True, eq=False)
class Scores:
    """What a model says about n rows.

    Attributes:
        score: float64[n]; higher = more anomalous, always; 1.0 = the calibrated threshold. NaN = the model abstained
            (a tag it needs is missing or under-covered): never an alarm by itself, never silence either.
        contributions: float64[n, tags]: share of each tag in the score, rows sum to 1 (NaN where it abstained).
        tags: Names of the tags in the order of the columns of `contributions`.
        model: "name@version" of the bundle that scored.
        state: What a stateful model remembers after these rows, to be handed in with the next ones; () for others.
    """

    score: NDArray[np.float64]
    contributions: NDArray[np.float64]
    tags: tuple[str, ...]
    model: str
    state: State = ()


class Scorer(Protocol):
    """Scores the feature vectors of one asset type. Implementations: the ONNX bundle; lists in tests."""

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags the model wants, in order."""
        ...

    @property
    def features(self) -> tuple[str, ...]:
        """Features the model wants of each tag, in order."""
        ...

    @property
    def min_coverage(self) -> float:
        """Smallest share of expected good samples per tag below which the model abstains, 0..1."""
        ...

    @property
    def model(self) -> str:
        """Name and version: "name@version"."""
        ...

    @property
    def state(self) -> tuple[StatePort, ...]:
        """What it remembers of an asset from row to row; empty = it judges each row by itself."""
        ...

    @property
    def warm_up(self) -> int:
        """Rows at the beginning of an asset that get no score."""
        ...

    @property
    def every_ns(self) -> int:
        """From the start of one window to the start of the next, ns, as it was trained; 0 = not known."""
        ...

    @property
    def reference(self) -> Reference | None:
        """What the windows of its assets are held against for drift; None = it was not trained."""
        ...

    def score(self, rows: NDArray[np.float64], state: State = ()) -> Scores:
        """Score rows float64[n, len(tags), len(features)].

        A stateless model: n rows, whosever they are; NaN anywhere in a row and that row abstains.

        A stateful model: one row of each of n assets. NaN = missing; whether the row gets a score is the model's to
        say. The caller hands in `begin(scorer.state, n)` at the beginning, from then on `Scores.state` of the row
        before; it may take assets out and put others in along the first axis. What is handed in is not changed.

        Raises:
            ScoringFailed: The engine failed, or the call took longer than it may.
            RowsRefused: Rows of another shape.
            StateRefused: A state of another shape.
        """
        ...


def follow(scorer: Scorer, rows: NDArray[np.float64]) -> Scores:
    """Scores of rows float64[n, tags, features] of one asset in time order, from its beginning."""
    if not scorer.state:
        return scorer.score(rows)
    state = begin(scorer.state, 1)
    score, contributions = np.empty(len(rows)), np.empty((len(rows), len(scorer.tags)))
    for at in range(len(rows)):
        one = scorer.score(rows[at : at + 1], state)
        score[at], contributions[at], state = one.score[0], one.contributions[0], one.state
    return Scores(score, contributions, scorer.tags, scorer.model, state)
