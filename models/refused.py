"""What stands at the post of a model whose bundle was refused: it never scores, and says why.

So no post is empty without anybody hearing of it.
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from models.errors import ScoringFailed
from models.state import State, StatePort


class RefusedModel:
    """Implements `models.scores.Scorer`: every call fails.

    Args:
        model: What it would be called.
        reason: Why it was refused, a sentence without its full stop.
    """

    tags: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    min_coverage = 0.0
    state: tuple[StatePort, ...] = ()
    warm_up = 0
    every_ns = 0
    reference = None

    def __init__(self, model: str, reason: str) -> None:
        self.model = model
        self._reason = reason

    def score(self, rows: NDArray[np.float64], state: State = ()) -> NoReturn:  # noqa: ARG002 - a Scorer's
        """Raises ScoringFailed."""
        raise ScoringFailed(self.model, "refused", self._reason)
