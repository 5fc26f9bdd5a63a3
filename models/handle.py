"""The handle through which a running flow scores, so that the model behind it can change under its hands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.errors import SwapRefused
from models.scores import Scorer, Scores
from models.state import State, StatePort


class ScorerHandle:
    """A scorer that passes on to another one.

    Thread-safe without a lock: `swap` is one assignment of a reference, and `score` reads it once, so every call is
    answered by one whole model. Every `Scores` names the model that made it. Scorers hold no state between calls, so
    windows that are still open lose nothing when the model changes.
    """

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer

    @property
    def current(self) -> Scorer:
        """The scorer that answers now."""
        return self._scorer

    def swap(self, scorer: Scorer) -> Scorer:
        """Let `scorer` answer from the next call on.

        Returns:
            The one it replaces, for a roll-back.

        Raises:
            SwapRefused: It wants other tags or features; the running one stays.
        """
        old = self._scorer
        if (old.tags, old.features) != (scorer.tags, scorer.features):
            raise SwapRefused((old.tags, old.features), (scorer.tags, scorer.features))
        self._scorer = scorer
        return old

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags the model wants, in order; the same for every model this handle ever holds."""
        return self._scorer.tags

    @property
    def features(self) -> tuple[str, ...]:
        """Features the model wants of each tag, in order; the same for every model this handle ever holds."""
        return self._scorer.features

    @property
    def min_coverage(self) -> float:
        """Of the current model, 0..1."""
        return self._scorer.min_coverage

    @property
    def model(self) -> str:
        """Of the current model."""
        return self._scorer.model

    @property
    def state(self) -> tuple[StatePort, ...]:
        """Of the current model."""
        return self._scorer.state

    @property
    def warm_up(self) -> int:
        """Of the current model."""
        return self._scorer.warm_up

    def score(self, rows: NDArray[np.float64], state: State = ()) -> Scores:
        """Scores of the current model; see `Scorer.score`."""
        return self._scorer.score(rows, state)
